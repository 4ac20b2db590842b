"""Fundamental frequency by autocorrelation."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from serotone.config import Config
from serotone.features.frame import SpectralFeatures, hann_window


class PitchConfig(Config):
    """Settings of ``Pitch``. Frequencies in Hz, lengths in samples.

    Attributes:
        n_fft: at least ``win_length`` and the longest period together, or lags would meet.
        win_length: at least three of the longest periods, so that two are heard well.
        f_min, f_max: of the voices listened for.
        octave_cost: how much weaker, an octave higher, a candidate may be and still win: a period
            taken twice is a period too.
    """

    sample_rate: int = 16_000
    n_fft: int = 1280
    win_length: int = 960
    hop_length: int = 160
    f_min: float = 60.0
    f_max: float = 500.0
    octave_cost: float = 0.02


class Pitch(SpectralFeatures):
    """Fundamental frequency in Hz and the strength of its period, 0 to 1.

    Autocorrelation of the frame over that of its window, the peak by a parabola; frame by frame,
    without a path through them. A strength r is a ratio of harmonics to noise of r / (1 - r).

    Source:
        Boersma 1993, IFA Proceedings 17:97.
    """

    names = ("hz", "strength")
    to_lags: Tensor
    to_zero_lag: Tensor
    lags: Tensor
    costs: Tensor

    def __init__(self, config: PitchConfig) -> None:
        super().__init__(
            sample_rate=config.sample_rate,
            n_fft=config.n_fft,
            hop_length=config.hop_length,
            win_length=config.win_length,
        )
        self.n_features = len(self.names)
        n_fft, rate = config.n_fft, config.sample_rate
        # One lag more at either end: a peak is higher than both neighbours.
        lags = torch.arange(int(rate / config.f_max) - 1, int(rate / config.f_min) + 2)
        k = torch.arange(n_fft // 2 + 1, dtype=torch.float64)
        twice = torch.full_like(k, 2.0)  # bins whose mirror image is not kept
        twice[0] = twice[-1] = 1.0
        angle = 2 * math.pi / n_fft * torch.outer(k, lags.double())
        of_window = _autocorrelation(hann_window(n_fft, config.win_length))[lags]
        constants = {
            "to_lags": twice[:, None] * angle.cos() / n_fft / of_window,
            "to_zero_lag": twice / n_fft,
            "lags": lags[1:-1].double(),
            "costs": config.octave_cost * torch.log2(lags[1:-1] * config.f_min / rate),
        }
        for name, value in constants.items():
            self.register_buffer(name, value.float(), persistent=False)

    def from_power(self, power: Tensor, counts: Tensor) -> Tensor:
        """(B, T, n_fft // 2 + 1) power to (B, T, 2): Hz, and strength."""
        energy = power @ self.to_zero_lag
        r = (power @ self.to_lags) / (energy[..., None] + 1e-10)  # (B, T, lags)
        before, here, after = r[..., :-2], r[..., 1:-1], r[..., 2:]
        is_peak = (here >= before) & (here >= after)
        # A parabola through the three: its top lies within half a lag of the middle.
        tilt = before - after
        aside = (0.5 * tilt / (before - 2 * here + after).clamp(max=-1e-6)).clamp(-0.5, 0.5)
        height = here - 0.25 * tilt * aside
        candidates = torch.where(is_peak, height, torch.full_like(here, -1.0)) - self.costs
        best = candidates.argmax(dim=-1, keepdim=True)
        lag = self.lags[best] + aside.gather(-1, best)
        strength = height.gather(-1, best).clamp(0.0, 1.0)
        return torch.cat([self.sample_rate / lag, strength], dim=-1)


def _autocorrelation(window: Tensor) -> Tensor:
    """1 at lag 0; float64, as long as the window."""
    power = torch.fft.rfft(window, 2 * len(window)).abs().square()
    r: Tensor = torch.fft.irfft(power)[: len(window)]
    return r / r[0]
