"""A change of sample rate as one convolution, so that it can stand inside a model's graph."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

N_ZEROS = 48
"""Zero crossings of the sinc on each side: more make a steeper filter."""

ROLL_OFF = 0.96
"""Where the filter cuts, as a share of the lower Nyquist frequency."""

BETA = 10.0
"""Of the Kaiser window: about 100 dB of what cannot stay goes."""


@dataclass(frozen=True)
class Resampler:
    """From one sample rate to another by windowed-sinc interpolation.

    ``new`` filters, one for each phase, slide over the signal in strides of ``old``; their outputs,
    one after the other, are the new signal.

    Args:
        old_hz, new_hz: the rates.

    Source:
        Smith, Digital Audio Resampling, https://ccrma.stanford.edu/~jos/resample/.

    Example:
        >>> resampler = Resampler(22050, 16000)
        >>> len(resampler(np.zeros(22050, np.float32)))
        16000
    """

    old_hz: int
    new_hz: int

    @property
    def old(self) -> int:
        """Stride, in samples of the old rate."""
        return self.old_hz // math.gcd(self.old_hz, self.new_hz)

    @property
    def new(self) -> int:
        """Samples of the new rate a stride."""
        return self.new_hz // math.gcd(self.old_hz, self.new_hz)

    @property
    def width(self) -> int:
        """Samples that a filter reaches to each side of its stride."""
        return math.ceil(N_ZEROS * self.old / (ROLL_OFF * min(self.old, self.new)))

    @cached_property
    def kernel(self) -> NDArray[np.float32]:
        """Filters of shape (new, 1, 2 width + old)."""
        cut = ROLL_OFF * min(self.old, self.new) / self.old
        taps = np.arange(-self.width, self.width + self.old)
        time = taps[None, :] - np.arange(self.new)[:, None] * self.old / self.new
        inside = np.clip(time * cut / N_ZEROS, -1, 1)
        window = np.i0(BETA * np.sqrt(1 - inside**2)) / np.i0(BETA)
        filters = cut * np.sinc(time * cut) * window * (np.abs(inside) < 1)
        kernel: NDArray[np.float32] = filters[:, None, :].astype(np.float32)
        return kernel

    def length(self, n: int) -> int:
        """Samples that ``n`` samples become."""
        return -(-n * self.new // self.old)

    def __call__(self, signal: NDArray[np.float32]) -> NDArray[np.float32]:
        """A signal (N,) at the new rate."""
        padded = np.pad(signal, (self.width, self.width + self.old))
        size = self.kernel.shape[2]
        blocks = np.lib.stride_tricks.sliding_window_view(padded, size)[:: self.old]
        found: NDArray[np.float32] = (blocks @ self.kernel[:, 0].T).reshape(-1)
        return found[: self.length(len(signal))]
