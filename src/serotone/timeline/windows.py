"""Sound that arrives in blocks to windows of speech that overlap, in constant memory.

Windows are laid within each stretch of speech, so that none mixes two utterances across a pause,
or speech with the music after it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from serotone.audio.dsp import resampler
from serotone.audio.vad import VAD_RATE_HZ, Span, SpeechDetector, VadConfig
from serotone.config import Config


class WindowConfig(Config):
    """How speech is cut.

    Attributes:
        length_s: of a window, in seconds; shorter speech is one window.
        hop_s: from start to start.
        least_s: a shorter window is begun earlier, in the sound before it.
        context_s: of the pauses around speech that its first and last window hear as well.
        margin_s: of silence put before and after each window. Models are taught on clips that
            begin and end quietly, and hear a window cut out of speech less well without.
        vad: what counts as speech.
    """

    length_s: float = Field(default=3.0, gt=0)
    hop_s: float = Field(default=1.5, gt=0)
    least_s: float = Field(default=1.0, ge=0)
    context_s: float = Field(default=0.2, ge=0)
    margin_s: float = Field(default=0.6, ge=0)
    vad: VadConfig = VadConfig()

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.hop_s > self.length_s or self.least_s > self.length_s:
            raise ValueError(
                f"hop_s ({self.hop_s}) and least_s ({self.least_s}) must not exceed "
                f"length_s ({self.length_s})"
            )
        known_s = self.vad.min_silence_s - self.vad.pad_s
        if self.context_s > known_s + 1e-9:
            raise ValueError(
                f"context_s ({self.context_s}) must not exceed what is heard of a pause before "
                f"speech ends, vad.min_silence_s - vad.pad_s ({known_s:g})"
            )
        # Else a window could come out of speech that is then dropped as too short.
        shortest_s = self.vad.min_speech_s + self.vad.pad_s + self.context_s
        if self.length_s < shortest_s - 1e-9:
            raise ValueError(
                f"length_s ({self.length_s}) must be at least vad.min_speech_s + vad.pad_s + "
                f"context_s ({shortest_s:g})"
            )
        return self


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A piece of speech to be heard.

    Attributes:
        signal: float32 (N,).
        start_s, end_s: where it lies in the source.
    """

    signal: NDArray[np.float32]
    start_s: float
    end_s: float


class SpeechWindows:
    """Cuts the speech out of a signal that arrives in blocks of any size.

    What comes out does not depend on the size of the blocks. Memory holds one block, one window
    and a second of sound.

    Args:
        sample_rate: of the signal, in Hz.
        config: how to cut.
        start_s: where the signal begins in its source.
    """

    def __init__(self, sample_rate: int, config: WindowConfig, *, start_s: float = 0.0) -> None:
        self._rate = sample_rate
        self._config = config
        # In samples, so that a time is the same whichever way it is reached.
        self._offset = round(start_s * sample_rate)
        self._detector = SpeechDetector(config.vad)
        self._to_vad = resampler(sample_rate, VAD_RATE_HZ)
        self._kept = np.empty(0, np.float32)
        self._kept_from = 0
        self._n_heard = 0
        self._n_cut = 0
        self._span_from = 0
        self._last_end = 0

    def push(self, signal: NDArray[np.float32]) -> list[Window | Span]:
        """Take the next samples.

        Returns:
            Windows in order, each stretch of speech after its windows.
        """
        self._hear(signal)
        spans = self._detector.push(self._to_vad(signal, last=False))
        done = [item for span in spans for item in self._close(span)]
        if self._detector.open:
            done += self._cut_certain(self._detector.open)
        self._forget()
        return done

    def flush(self) -> list[Window | Span]:
        """End the signal. The object is then used up."""
        spans = self._detector.push(self._to_vad(np.empty(0, np.float32), last=True))
        return [item for span in [*spans, *self._detector.flush()] for item in self._close(span)]

    def _hear(self, signal: NDArray[np.float32]) -> None:
        self._kept = np.concatenate([self._kept, signal])
        self._n_heard += len(signal)

    def _close(self, span: Span) -> Iterator[Window | Span]:
        first, last = self._sample(span.start_s), min(self._sample(span.end_s), self._n_heard)
        yield from self._cut_certain(span)
        audible = min(last + self._sample(self._config.context_s), self._n_heard)
        begin, length = self._begin(first), self._sample(self._config.length_s)
        rest = audible - (begin + self._n_cut * self._sample(self._config.hop_s))
        # A little more than the last window heard is not worth another.
        overlap = length - self._sample(self._config.hop_s)
        if self._n_cut == 0 or rest - overlap > self._sample(self._config.hop_s) // 4:
            start = max(begin, audible - length)
            least = self._sample(self._config.least_s)
            yield self._window(max(self._last_end, min(start, audible - least)), audible)
        self._n_cut, self._last_end = 0, last
        yield Span(self._time(first), self._time(last))

    def _cut_certain(self, span: Span) -> Iterator[Window]:
        """The windows that lie within speech whatever follows."""
        begin = self._begin(self._sample(span.start_s))
        end, length = self._sample(span.end_s), self._sample(self._config.length_s)
        while (start := begin + self._n_cut * self._sample(self._config.hop_s)) + length <= end:
            self._n_cut += 1
            yield self._window(start, start + length)

    def _begin(self, first: int) -> int:
        return max(self._last_end, first - self._sample(self._config.context_s))

    def _window(self, start: int, end: int) -> Window:
        signal = self._kept[start - self._kept_from : end - self._kept_from].copy()
        return Window(signal, self._time(start), self._time(end))

    def _forget(self) -> None:
        """Keep what a window may still need: a second before now, or all since the next window."""
        config = self._config
        behind_s = config.least_s + config.context_s + config.vad.min_silence_s + 1.0
        needed = self._n_heard - self._sample(behind_s)
        if self._detector.open:
            next_start = self._begin(self._sample(self._detector.open.start_s))
            next_start += self._n_cut * self._sample(config.hop_s)
            tail = self._sample(self._detector.open.end_s) - self._sample(config.length_s)
            needed = min(needed, next_start, tail - self._sample(config.context_s))
        n_over = max(0, needed - self._kept_from)
        self._kept, self._kept_from = self._kept[n_over:].copy(), self._kept_from + n_over

    def _time(self, sample: int) -> float:
        return (self._offset + sample) / self._rate

    def _sample(self, time_s: float) -> int:
        return round(time_s * self._rate)


def with_margin(
    signal: NDArray[np.float32], sample_rate: int, config: WindowConfig
) -> NDArray[np.float32]:
    """The signal (N,) with ``margin_s`` of silence on both sides, as the model hears it."""
    return np.pad(signal, round(config.margin_s * sample_rate))


def owned(windows: Sequence[tuple[float, float]], span: Span) -> list[tuple[float, float]]:
    """The part of a stretch of speech that each of its windows answers for, without overlap.

    Neighbours meet halfway between their centres.

    Example:
        >>> owned([(0.0, 3.0), (1.0, 4.0), (1.5, 4.5)], Span(0.2, 4.4))
        [(0.2, 2.0), (2.0, 2.75), (2.75, 4.4)]
    """
    centres = [(start + end) / 2 for start, end in windows]
    between = [(a + b) / 2 for a, b in itertools.pairwise(centres)]
    edges = [span.start_s, *between, span.end_s]
    return list(itertools.pairwise(edges))
