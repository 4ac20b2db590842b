"""Where a frame's energy lies in the spectrum: centroid and roll-off."""

from __future__ import annotations

import torch
from torch import Tensor

from serotone.config import Config
from serotone.features.frame import SpectralFeatures


class CentroidConfig(Config):
    """Settings of ``Centroid``. Lengths in samples."""

    sample_rate: int = 22_050
    n_fft: int = 2048
    hop_length: int = 512


class Centroid(SpectralFeatures):
    """Mean frequency in Hz, weighted by magnitude: ``librosa.feature.spectral_centroid``.

    Zero for a frame without sound.
    """

    hz: Tensor

    def __init__(self, config: CentroidConfig) -> None:
        super().__init__(
            sample_rate=config.sample_rate, n_fft=config.n_fft, hop_length=config.hop_length
        )
        self.n_features = 1
        hz = bin_hz(sample_rate=config.sample_rate, n_fft=config.n_fft)
        self.register_buffer("hz", hz.float(), persistent=False)

    def from_power(self, power: Tensor, counts: Tensor) -> Tensor:
        """(B, T, n_fft // 2 + 1) to (B, T, 1), in Hz."""
        magnitude = power.sqrt()
        total = magnitude.sum(dim=-1, keepdim=True)
        return (magnitude * self.hz).sum(dim=-1, keepdim=True) / total.clamp(min=SMALLEST)


class RolloffConfig(Config):
    """Settings of ``Rolloff``. Lengths in samples.

    Attributes:
        share: of the magnitudes' sum that lies at or below the roll-off.
    """

    sample_rate: int = 22_050
    n_fft: int = 2048
    hop_length: int = 512
    share: float = 0.85


class Rolloff(SpectralFeatures):
    """Frequency in Hz below which most of the magnitude lies: ``librosa.feature.spectral_rolloff``.

    It jumps from bin to bin: where two bins tie, rounding decides.
    """

    def __init__(self, config: RolloffConfig) -> None:
        super().__init__(
            sample_rate=config.sample_rate, n_fft=config.n_fft, hop_length=config.hop_length
        )
        self.n_features = 1
        self.share = config.share
        self.bin_width_hz = config.sample_rate / config.n_fft

    def from_power(self, power: Tensor, counts: Tensor) -> Tensor:
        """(B, T, n_fft // 2 + 1) to (B, T, 1), in Hz."""
        sums = power.sqrt().cumsum(dim=-1)
        below = sums < self.share * sums[..., -1:]
        return below.sum(dim=-1, keepdim=True).to(power.dtype) * self.bin_width_hz


SMALLEST = torch.finfo(torch.float32).tiny
"""Below this a sum counts as nothing, as in ``librosa.util.normalize``."""


def bin_hz(*, sample_rate: int, n_fft: int) -> Tensor:
    """Middle frequency of each bin. float64 (n_fft // 2 + 1,)."""
    return torch.arange(n_fft // 2 + 1, dtype=torch.float64) * (sample_rate / n_fft)
