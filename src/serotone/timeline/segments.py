"""Who felt what, when: a recording as segments of speech with an emotion each.

Pure functions from what single windows said to a ``Timeline``; ``analyse`` hears the windows.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from serotone.audio.vad import Span
from serotone.config import Config
from serotone.inference.smoothing import SmoothConfig, viterbi
from serotone.labels import UNCERTAIN
from serotone.timeline.windows import WindowConfig, owned


class TimelineConfig(Config):
    """How a recording becomes a timeline.

    Attributes:
        windows: how speech is found and cut.
        smooth: how much neighbours agree.
        merge_gap_s: pauses up to here stay within a segment when the emotion goes on.
        n_speakers: how many people to tell apart in each channel by voice; 0 does not try. An
            experiment: docs/timeline.md says how well it works.
    """

    windows: WindowConfig = WindowConfig()
    smooth: SmoothConfig = SmoothConfig()
    merge_gap_s: float = Field(default=0.0, ge=0)
    n_speakers: int = Field(default=0, ge=0, le=8)


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What one window said, over the part of the speech that it answers for.

    Attributes:
        start_s, end_s: that part.
        probabilities: float64 (C,).
        intensity: 0 to 1 or NaN.
        embedding: float32 (E,), empty where nobody asked for it.
        speech: number of the stretch of speech it belongs to, from 0.
    """

    start_s: float
    end_s: float
    probabilities: NDArray[np.float64]
    intensity: float
    embedding: NDArray[np.float32]
    speech: int


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of one channel in which somebody speaks in one emotion, or nobody speaks.

    Attributes:
        start_s, end_s: in seconds of the recording.
        speech: False where nobody speaks; all that follows is then empty.
        emotion: a label, ``uncertain``, or None without speech.
        probabilities: by label, mean over the segment, summing to 1.
        confidence: the probability of the segment's own emotion.
        intensity: 0 to 1, NaN where the model has no opinion.
        channel: from 0; None where channels were mixed.
        speaker: a name as ``speaker-1`` where people were told apart, else empty.
        text: what was said, empty where nobody asked or no words were heard.
    """

    start_s: float
    end_s: float
    speech: bool = False
    emotion: str | None = None
    probabilities: Mapping[str, float] = field(default_factory=dict)
    confidence: float = math.nan
    intensity: float = math.nan
    channel: int | None = None
    speaker: str = ""
    text: str = ""

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of a segment; NaN becomes null."""
        return {
            "start_s": round(self.start_s, 3),
            "end_s": round(self.end_s, 3),
            "speech": self.speech,
            "label": self.emotion,
            "confidence": _rounded(self.confidence),
            "probabilities": {k: round(v, 6) for k, v in self.probabilities.items()} or None,
            "intensity": _rounded(self.intensity),
            "channel": self.channel,
            "speaker": self.speaker or None,
            "text": self.text or None,
        }


@dataclass(frozen=True, slots=True)
class Timeline:
    """A recording, heard.

    Attributes:
        source: the file.
        duration_s: of the recording, as far as it could be read.
        labels: those the emotions are chosen among.
        channels: which were heard; ``(None,)`` where they were mixed.
        segments: without gap or overlap within a channel; by channel, then by time.
        peaks: the largest sample in equal parts of the recording, 0 to 1, a row a channel.
        warning: why the recording could not be heard to its end, empty where it could.
    """

    source: str
    duration_s: float
    labels: tuple[str, ...]
    channels: tuple[int | None, ...]
    segments: tuple[Segment, ...]
    peaks: tuple[tuple[float, ...], ...] = ()
    warning: str = ""

    @property
    def speech(self) -> tuple[Segment, ...]:
        """The segments in which somebody speaks."""
        return tuple(segment for segment in self.segments if segment.speech)


def to_segments(
    heard: Sequence[Heard],
    *,
    duration_s: float,
    labels: Sequence[str],
    config: TimelineConfig,
    channel: int | None = None,
    speakers: Sequence[str] = (),
    min_confidence: float = 0.0,
) -> tuple[Segment, ...]:
    """Smooth what the windows of a channel said, join what agrees, fill the pauses.

    Args:
        heard: in order of time, without overlap.
        duration_s: of the recording.
        labels: names of the C probabilities.
        config: how much to smooth and merge.
        channel: which channel this is.
        speakers: a name for each stretch of speech, by its number; none without diarisation.
        min_confidence: below it the emotion is ``uncertain``.
    """
    centres_s = np.array([(part.start_s + part.end_s) / 2 for part in heard])
    rows = np.array([part.probabilities for part in heard]).reshape(-1, len(labels))
    states = viterbi(rows, centres_s, config.smooth)
    merged: list[Segment] = []
    for group in _runs(heard, states, speakers, config.merge_gap_s):
        state = int(states[group[0]])
        parts = [heard[index] for index in group]
        segment = _segment(parts, state, labels, min_confidence)
        name = speakers[parts[0].speech] if speakers else ""
        merged.append(replace(segment, channel=channel, speaker=name))
    return tuple(_with_pauses(merged, duration_s, channel))


def _runs(
    heard: Sequence[Heard],
    states: NDArray[np.int64],
    speakers: Sequence[str],
    merge_gap_s: float,
) -> Iterator[list[int]]:
    """Indices of neighbours that share emotion and speaker, with no long pause between them."""
    run: list[int] = []
    for index, part in enumerate(heard):
        if run:
            last = heard[run[-1]]
            same_speech = part.speech == last.speech
            near = same_speech or part.start_s - last.end_s <= merge_gap_s
            same = states[index] == states[run[-1]] and (
                same_speech or not speakers or speakers[part.speech] == speakers[last.speech]
            )
            if not (near and same):
                yield run
                run = []
        run.append(index)
    if run:
        yield run


def _segment(
    parts: Sequence[Heard], state: int, labels: Sequence[str], min_confidence: float
) -> Segment:
    weights = np.array([max(part.end_s - part.start_s, 1e-3) for part in parts])
    rows = np.array([part.probabilities for part in parts])
    mean = weights @ rows / weights.sum()
    intensity = float(weights @ np.array([part.intensity for part in parts]) / weights.sum())
    confidence = float(mean[state])
    return Segment(
        start_s=parts[0].start_s,
        end_s=parts[-1].end_s,
        speech=True,
        emotion=labels[state] if confidence >= min_confidence else UNCERTAIN,
        probabilities=dict(zip(labels, mean.tolist(), strict=True)),
        confidence=confidence,
        intensity=intensity,
    )


def _with_pauses(
    segments: Sequence[Segment], duration_s: float, channel: int | None
) -> Iterator[Segment]:
    at_s = 0.0
    for segment in segments:
        if segment.start_s > at_s:
            yield Segment(at_s, segment.start_s, channel=channel)
        yield segment
        at_s = segment.end_s
    if duration_s > at_s:
        yield Segment(at_s, duration_s, channel=channel)


@dataclass(frozen=True, slots=True)
class Change:
    """Where the emotion of a channel turns.

    Attributes:
        at_s: where the new emotion begins.
        before, after: the emotions.
        strength: total variation distance between the probabilities of the two segments, 0 to 1.
        channel, speaker: as in ``Segment``.
    """

    at_s: float
    before: str
    after: str
    strength: float
    channel: int | None = None
    speaker: str = ""


def change_points(segments: Sequence[Segment], *, longest_pause_s: float = 5.0) -> list[Change]:
    """Where the emotion of one voice turns into another.

    Args:
        segments: of a timeline.
        longest_pause_s: what a longer pause parts is a new beginning, not a turn.
    """
    changes = []

    def voice(segment: Segment) -> tuple[int, str]:
        return (-1 if segment.channel is None else segment.channel, segment.speaker)

    spoken = sorted((s for s in segments if s.speech), key=lambda s: (voice(s), s.start_s))
    for _, group in itertools.groupby(spoken, key=voice):
        for before, after in itertools.pairwise(group):
            apart = after.start_s - before.end_s > longest_pause_s
            if apart or before.emotion == after.emotion:
                continue
            changes.append(
                Change(
                    at_s=after.start_s,
                    before=str(before.emotion),
                    after=str(after.emotion),
                    strength=distance(before.probabilities, after.probabilities),
                    channel=after.channel,
                    speaker=after.speaker,
                )
            )
    return sorted(changes, key=lambda change: change.at_s)


def distance(a: Mapping[str, float], b: Mapping[str, float]) -> float:
    """Total variation between two distributions over the same labels, 0 (equal) to 1."""
    return sum(abs(a[label] - b[label]) for label in a) / 2


def to_heard(
    windows: Sequence[tuple[float, float]],
    span: Span,
    rows: Sequence[tuple[NDArray[np.float64], float, NDArray[np.float32]]],
    *,
    number: int,
) -> list[Heard]:
    """What the windows of one stretch of speech said, each over the part it answers for.

    Args:
        windows: start and end of each.
        span: the stretch of speech.
        rows: probabilities, intensity and embedding of each.
        number: of the stretch.
    """
    return [
        Heard(start_s, end_s, probabilities, intensity, embedding, number)
        for (start_s, end_s), (probabilities, intensity, embedding) in zip(
            owned(windows, span), rows, strict=True
        )
    ]


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 6)
