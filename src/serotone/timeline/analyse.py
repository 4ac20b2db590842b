"""A recording of any length to a ``Timeline``, as a stream.

Decoding, resampling and speech detection run in one thread and the model beside them in another;
what is in memory at a time is a block of sound and three batches of windows, and of what was
heard a few numbers for each window.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from serotone.audio.dsp import to_rate
from serotone.audio.io import info, stream
from serotone.audio.vad import FRAME_SAMPLES, VAD_RATE_HZ, Span
from serotone.errors import AudioError, ConfigError
from serotone.timeline.checkpoint import Answer, Journal, Stretch
from serotone.timeline.segments import (
    Heard,
    Segment,
    Timeline,
    TimelineConfig,
    to_heard,
    to_segments,
)
from serotone.timeline.waveform_peaks import Peaks
from serotone.timeline.windows import SpeechWindows, Window, with_margin
from serotone.types import Audio

if TYPE_CHECKING:
    from serotone.inference.recognizer import Recognizer

Channels = Literal["mix", "split"] | int
Progress = Callable[[float, float], None]
"""Called with the seconds heard and the seconds there are, over all channels."""

BLOCK_S = 256 * FRAME_SAMPLES / VAD_RATE_HZ
"""Whole frames of speech detection, so that a resumed run meets the same frames."""

WARM_BLOCKS = 4
"""What speech detection hears again before the place where a job goes on."""

BATCH_SIZE = 16
MAX_BATCHES = 3


def analyse(
    path: str | Path | Audio,
    recognizer: Recognizer,
    config: TimelineConfig | None = None,
    *,
    channels: Channels = "mix",
    journal: Path | None = None,
    resume: bool = False,
    on_progress: Progress | None = None,
) -> Timeline:
    """Hear a recording of any length in memory that does not grow with its sound.

    Args:
        path: whatever ``audio.io.read`` takes, or one channel of sound that is in memory.
        recognizer: what hears.
        config: how to cut, smooth and merge.
        channels: the mean of all (``mix``), each by itself (``split``), or one, from 0.
        journal: file that keeps what was heard so far; it stays when this is killed.
        resume: go on with what the journal holds.
        on_progress: told how far it is, about every eight seconds of sound.

    Returns:
        The timeline. Where the recording is damaged in the middle, the part before, with a
        ``warning``.

    Raises:
        AudioError: when there is no such recording or channel.
        ConfigError: when the journal is of something else.
        MissingExtraError: without the package that detects speech, extra ``timeline``.
    """
    config = config or TimelineConfig()
    if isinstance(path, Audio):
        source, length_s, n_channels = path.source, path.duration_s, 1
    else:
        facts = info(path)
        source, length_s, n_channels = str(path), facts.duration_s, facts.n_channels
    chosen = choose(channels, n_channels, source)
    about = {} if isinstance(path, Audio) else _about(path, recognizer, config, chosen)
    told = _Told(on_progress, length_s, len(chosen))
    segments: list[Segment] = []
    peaks, length_s, warning = [], 0.0, ""
    with Journal(journal, about=about, resume=resume) as notes:
        for place, channel in enumerate(chosen):
            hearing = _Hearing(path, recognizer, config, channel)
            stretches = hearing.run(notes, place, told)
            length_s, warning = max(length_s, hearing.length_s), warning or hearing.warning
            peaks.append(hearing.peaks.rows())
            segments += _segments(stretches, recognizer, config, channel, hearing.length_s)
    return Timeline(
        source=source,
        duration_s=length_s,
        labels=recognizer.labels,
        channels=chosen,
        segments=tuple(segments),
        peaks=tuple(peaks),
        warning=warning,
    )


def choose(channels: Channels, n_channels: int, source: str) -> tuple[int | None, ...]:
    """The channels to hear, None for the mean of all.

    Raises:
        ConfigError: when there is no such channel.
    """
    if channels == "mix":
        return (None,)
    if channels == "split":
        return tuple(range(n_channels))
    if isinstance(channels, int) and 0 <= channels < n_channels:
        return (channels,)
    raise ConfigError(
        f"{source}: got channels '{channels}', expected mix, split or a number from 0 to "
        f"{n_channels - 1} ({n_channels} in the file)."
    )


class _Told:
    """Adds up the progress of channels that are heard one after another."""

    def __init__(self, tell: Progress | None, length_s: float, n_channels: int) -> None:
        self._tell, self._length_s, self._n = tell, length_s, n_channels

    def __call__(self, place: int, at_s: float) -> None:
        if self._tell:
            self._tell(place * self._length_s + at_s, self._n * self._length_s)


class _Hearing:
    """One channel of one recording."""

    def __init__(
        self,
        path: str | Path | Audio,
        recognizer: Recognizer,
        config: TimelineConfig,
        channel: int | None,
    ) -> None:
        self._path, self._recognizer, self._config = path, recognizer, config
        self._channel = channel
        self.length_s = 0.0
        self.warning = ""
        self.peaks = Peaks()

    def run(self, notes: Journal, place: int, told: _Told) -> list[Stretch]:
        """All stretches of speech: those in the journal, then the rest of the recording."""
        stretches = notes.stretches(place)
        known_s = stretches[-1].span.end_s if stretches else 0.0
        silent = notes.ended(place)
        with _Model(self._recognizer, self._config) as model:
            waiting: list[tuple[tuple[float, float], Answer]] = []
            found = self._detect(known_s, place, told, silent=silent)
            for item in model.answers(found):
                if isinstance(item, Span):
                    windows, answers = zip(*waiting, strict=True) if waiting else ((), ())
                    if windows:
                        stretches.append(Stretch(item, windows, answers))
                        notes.add_span(place, item)
                    waiting = []
                else:
                    waiting.append(item)
                    notes.add_window(place, *item)
        if not silent and not self.warning:
            notes.end(place)
        return stretches

    def _detect(
        self, known_s: float, place: int, told: _Told, *, silent: bool
    ) -> Iterator[Window | Span]:
        """Windows and stretches that begin after ``known_s``; none when ``silent``."""
        cutter: SpeechWindows | None = None
        for block in self._blocks():
            self.length_s = block.end_s
            self.peaks.push(block.signal, block.sample_rate)
            if not silent and block.end_s > known_s - WARM_BLOCKS * BLOCK_S:
                cutter = cutter or SpeechWindows(
                    block.sample_rate, self._config.windows, start_s=block.start_s
                )
                yield from _after(known_s, cutter.push(block.signal))
            told(place, block.end_s)
        if cutter:
            yield from _after(known_s, cutter.flush())

    def _blocks(self) -> Iterator[Audio]:
        rate = self._recognizer.sample_rate
        if isinstance(self._path, Audio):
            yield from _cut(to_rate(self._path, rate))
            return
        try:
            yield from stream(self._path, block_s=BLOCK_S, channel=self._channel, sample_rate=rate)
        except AudioError as error:
            # What stands before the damage is worth having.
            if not self.length_s:
                raise
            self.warning = str(error)


def _cut(audio: Audio) -> Iterator[Audio]:
    """Blocks of ``BLOCK_S``, the last with what is left."""
    n_block, rate = round(BLOCK_S * audio.sample_rate), audio.sample_rate
    for start in range(0, len(audio.signal), n_block):
        signal = audio.signal[start : start + n_block]
        yield Audio(signal, rate, audio.source, start / rate)


def _after(known_s: float, items: Iterable[Window | Span]) -> Iterator[Window | Span]:
    """What begins after what is known, but for a frame of speech detection."""
    tolerance_s = FRAME_SAMPLES / VAD_RATE_HZ
    return (item for item in items if item.start_s >= known_s - tolerance_s)


class _Model:
    """Runs the model in a thread, a few batches behind what finds the windows."""

    def __init__(self, recognizer: Recognizer, config: TimelineConfig) -> None:
        self._recognizer, self._cut = recognizer, config.windows
        self._embed = config.n_speakers > 0
        self._pool = ThreadPoolExecutor(1)

    def __enter__(self) -> _Model:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def answers(
        self, found: Iterable[Window | Span]
    ) -> Iterator[tuple[tuple[float, float], Answer] | Span]:
        """Each window's place and what it said, and the spans, in the order they came."""
        running: deque[tuple[list[Window | Span], Future[list[Answer]]]] = deque()
        for items in _batches(found):
            windows = [item for item in items if isinstance(item, Window)]
            running.append((items, self._pool.submit(self._hear, windows)))
            if len(running) == MAX_BATCHES:
                yield from _matched(*running.popleft())
        for items, future in running:
            yield from _matched(items, future)

    def _hear(self, windows: list[Window]) -> list[Answer]:
        if not windows:
            return []
        rate = self._recognizer.sample_rate
        audios = [Audio(with_margin(w.signal, rate, self._cut), rate) for w in windows]
        predictions = self._recognizer.predict_batch(audios)
        embeddings: Iterable[NDArray[np.float32]] = itertools.repeat(np.empty(0, np.float32))
        if self._embed:
            embeddings = self._recognizer.embed(audios)
        labels = self._recognizer.labels
        return [
            (np.array([p.probabilities[label] for label in labels]), p.intensity, embedding)
            for p, embedding in zip(predictions, embeddings, strict=False)
        ]


def _batches(found: Iterable[Window | Span]) -> Iterator[list[Window | Span]]:
    items: list[Window | Span] = []
    n_windows = 0
    for item in found:
        items.append(item)
        n_windows += isinstance(item, Window)
        if n_windows == BATCH_SIZE:
            yield items
            items, n_windows = [], 0
    if items:
        yield items


def _matched(
    items: list[Window | Span], future: Future[list[Answer]]
) -> Iterator[tuple[tuple[float, float], Answer] | Span]:
    answers = iter(future.result())
    for item in items:
        yield item if isinstance(item, Span) else ((item.start_s, item.end_s), next(answers))


def _segments(
    stretches: list[Stretch],
    recognizer: Recognizer,
    config: TimelineConfig,
    channel: int | None,
    length_s: float,
) -> tuple[Segment, ...]:
    heard: list[Heard] = []
    for number, stretch in enumerate(stretches):
        heard += to_heard(stretch.windows, stretch.span, stretch.answers, number=number)
    speakers: list[str] = []
    if config.n_speakers and stretches:
        from serotone.timeline.speakers import speaker_turns

        speakers = speaker_turns(stretches, n_speakers=config.n_speakers)
    return to_segments(
        heard,
        duration_s=length_s,
        labels=recognizer.labels,
        config=config,
        channel=channel,
        speakers=speakers,
        min_confidence=recognizer.min_confidence,
    )


def _about(
    path: str | Path,
    recognizer: Recognizer,
    config: TimelineConfig,
    channels: tuple[int | None, ...],
) -> Mapping[str, Any]:
    status = Path(path).stat()
    return {
        "source": str(path),
        "size": status.st_size,
        "changed": status.st_mtime,
        "model": recognizer.model.name,
        "labels": recognizer.labels,
        # Smoothing comes after the journal and may differ.
        "windows": config.windows.model_dump(mode="json"),
        "embedding": config.n_speakers > 0,
        "channels": channels,
    }
