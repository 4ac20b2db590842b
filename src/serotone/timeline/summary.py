"""A timeline in short: shares of time, the trend, the moments worth hearing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import log2
from typing import Any

from serotone.timeline.segments import Change, Segment, Timeline, change_points

PLAIN = frozenset({"neutral", "calm", "uncertain"})
"""Emotions that make no moment."""

N_PARTS = 12
N_MOMENTS = 5
BESIDE_S = 10.0


@dataclass(frozen=True, slots=True)
class Part:
    """The shares of speaking time in one of several equal parts of the recording."""

    start_s: float
    end_s: float
    speech_s: float
    shares: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Moment:
    """A segment worth hearing.

    Attributes:
        segment: which.
        score: in bits: how rare the emotion is here, times how sure and how long.
        reason: in words.
    """

    segment: Segment
    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What a timeline comes to.

    Attributes:
        duration_s, speech_s: of the recording (of all channels where they were split), and how
            much of it is speech.
        shares: of the speaking time, by emotion, largest first, summing to 1.
        trend: the same in equal parts of the recording.
        drift: change of each share from the first to the last third of the recording.
        changes: where the emotion turns.
        moments: worth hearing, best first.
    """

    duration_s: float
    speech_s: float
    shares: Mapping[str, float]
    trend: tuple[Part, ...]
    drift: Mapping[str, float]
    changes: tuple[Change, ...]
    moments: tuple[Moment, ...]

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of a summary."""
        return {
            "duration_s": round(self.duration_s, 3),
            "speech_s": round(self.speech_s, 3),
            "shares": _rounded(self.shares),
            "trend": [
                {
                    "start_s": round(part.start_s, 3),
                    "end_s": round(part.end_s, 3),
                    "speech_s": round(part.speech_s, 3),
                    "shares": _rounded(part.shares),
                }
                for part in self.trend
            ],
            "drift": _rounded(self.drift),
            "changes": [
                asdict(c) | {"at_s": round(c.at_s, 3), "strength": round(c.strength, 4)}
                for c in self.changes
            ],
            "moments": [
                {
                    "start_s": round(m.segment.start_s, 3),
                    "end_s": round(m.segment.end_s, 3),
                    "label": m.segment.emotion,
                    "channel": m.segment.channel,
                    "speaker": m.segment.speaker or None,
                    "score": round(m.score, 4),
                    "reason": m.reason,
                }
                for m in self.moments
            ],
        }


def summarise(timeline: Timeline) -> Summary:
    """Sum up a timeline.

    Example:
        >>> angry = Segment(1, 3, True, "angry", {"angry": 0.9, "sad": 0.1}, 0.9)
        >>> call = Timeline("call.wav", 4.0, ("angry", "sad"), (None,), (angry,))
        >>> summarise(call).shares
        {'angry': 1.0}
    """
    spoken, length_s = timeline.speech, timeline.duration_s
    first = shares(spoken, 0, length_s / 3)
    last = shares(spoken, 2 * length_s / 3, length_s)
    overall = shares(spoken, 0, length_s)
    drift = {label: last.get(label, 0.0) - first.get(label, 0.0) for label in overall}
    changes = tuple(change_points(timeline.segments))
    return Summary(
        duration_s=length_s,
        speech_s=sum(segment.duration_s for segment in spoken),
        shares=overall,
        trend=tuple(_trend(spoken, length_s)),
        # A share that never was in one of the thirds has no drift to speak of.
        drift=drift if first and last else {},
        changes=changes,
        moments=tuple(moments(spoken, overall, changes)),
    )


def shares(segments: Iterable[Segment], start_s: float, end_s: float) -> dict[str, float]:
    """Shares of the speaking time between two times, largest first; empty without speech."""
    spent: dict[str, float] = {}
    for segment in segments:
        inside_s = min(segment.end_s, end_s) - max(segment.start_s, start_s)
        if inside_s > 0 and segment.emotion is not None:
            spent[segment.emotion] = spent.get(segment.emotion, 0.0) + inside_s
    total_s = sum(spent.values())
    ordered = sorted(spent.items(), key=lambda item: -item[1])
    return {label: time_s / total_s for label, time_s in ordered}


def moments(
    segments: Iterable[Segment],
    overall: Mapping[str, float],
    changes: Sequence[Change],
    *,
    n: int = N_MOMENTS,
) -> list[Moment]:
    """The segments most worth hearing: sure, long enough to judge, and rare in this recording.

    Args:
        segments: with speech.
        overall: shares of the speaking time.
        changes: where emotions turn; a sudden turn counts too.
        n: how many at most, ``BESIDE_S`` seconds apart.
    """
    turns = {(change.at_s, change.channel): change for change in changes}
    found = []
    for segment in segments:
        if segment.emotion is None or segment.emotion in PLAIN:
            continue
        rare = 1 - log2(max(overall.get(segment.emotion, 0.0), 1e-6))
        long_enough = min(1.0, segment.duration_s / 2)
        turn = turns.get((segment.start_s, segment.channel))
        score = segment.confidence * long_enough * (rare + (turn.strength if turn else 0.0))
        reason = f"{segment.emotion} at {segment.confidence:.0%}"
        if turn:
            reason += f", turning from {turn.before}"
        found.append(Moment(segment, score, reason))
    kept: list[Moment] = []
    for moment in sorted(found, key=lambda m: -m.score):
        begin_s = moment.segment.start_s
        if all(abs(begin_s - other.segment.start_s) > BESIDE_S for other in kept):
            kept.append(moment)
        if len(kept) == n:
            break
    return kept


def _trend(segments: Sequence[Segment], duration_s: float) -> Iterable[Part]:
    width_s = duration_s / N_PARTS
    for index in range(N_PARTS):
        start_s, end_s = index * width_s, (index + 1) * width_s
        spoken_s = sum(max(0.0, min(s.end_s, end_s) - max(s.start_s, start_s)) for s in segments)
        yield Part(start_s, end_s, spoken_s, shares(segments, start_s, end_s))


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {label: round(value, 4) for label, value in values.items()}
