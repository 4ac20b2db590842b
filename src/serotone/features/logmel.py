"""Log-mel spectrogram."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from serotone.config import Config
from serotone.features.frame import SpectralFeatures


def hz_to_mel(hz: Tensor) -> Tensor:
    """Slaney's mel scale: linear below 1 kHz, logarithmic above."""
    linear = hz * 3 / 200
    logarithmic = 15 + torch.log(hz.clamp(min=1e-9) / 1000) * 27 / math.log(6.4)
    return torch.where(hz < 1000, linear, logarithmic)


def mel_to_hz(mel: Tensor) -> Tensor:
    """Inverse of ``hz_to_mel``."""
    linear = mel * 200 / 3
    logarithmic = 1000 * torch.exp((mel - 15) * math.log(6.4) / 27)
    return torch.where(mel < 15, linear, logarithmic)


def mel_filterbank(
    *, sample_rate: int, n_fft: int, n_mels: int, f_min: float, f_max: float
) -> Tensor:
    """Triangular filters of unit area on Slaney's mel scale, as in ``librosa.filters.mel``.

    Returns:
        float64 (n_fft // 2 + 1, n_mels).

    Source:
        Slaney, Auditory Toolbox, Interval Research technical report 1998-010.
    """
    frequencies = torch.linspace(0, sample_rate / 2, n_fft // 2 + 1, dtype=torch.float64)
    low, high = hz_to_mel(torch.tensor([f_min, f_max], dtype=torch.float64)).tolist()
    edges = mel_to_hz(torch.linspace(low, high, n_mels + 2, dtype=torch.float64))
    width = edges.diff()
    slopes = edges[None, :] - frequencies[:, None]
    rising = -slopes[:, :-2] / width[:-1]
    falling = slopes[:, 2:] / width[1:]
    triangles = torch.minimum(rising, falling).clamp(min=0)
    return triangles * (2 / (edges[2:] - edges[:-2]))


def power_to_db(power: Tensor, floor: float = 1e-10) -> Tensor:
    """10·log10 of power, not below ``floor``."""
    return 10 / math.log(10) * power.clamp(min=floor).log()


class LogMelConfig(Config):
    """Settings of ``LogMel``. Frequencies in Hz, lengths in samples."""

    sample_rate: int = 16_000
    n_fft: int = 512
    hop_length: int = 256
    win_length: int | None = None
    n_mels: int = 64
    f_min: float = 0.0
    f_max: float = 8_000.0


class LogMel(SpectralFeatures):
    """``librosa.feature.melspectrogram`` in dB: ``librosa.power_to_db(…, top_db=None)``.

    Example:
        >>> waveforms, lengths = torch.zeros(2, 16_000), torch.tensor([16_000, 9_000])
        >>> LogMel(LogMelConfig())(waveforms, lengths).shape
        torch.Size([2, 63, 64])
    """

    basis: Tensor

    def __init__(self, config: LogMelConfig) -> None:
        super().__init__(
            sample_rate=config.sample_rate,
            n_fft=config.n_fft,
            hop_length=config.hop_length,
            win_length=config.win_length,
        )
        self.n_features = config.n_mels
        basis = mel_filterbank(
            sample_rate=config.sample_rate,
            n_fft=config.n_fft,
            n_mels=config.n_mels,
            f_min=config.f_min,
            f_max=config.f_max,
        )
        self.register_buffer("basis", basis.float(), persistent=False)

    def from_power(self, power: Tensor, counts: Tensor) -> Tensor:
        """(B, T, n_fft // 2 + 1) power to (B, T, n_mels), in dB."""
        return power_to_db(power @ self.basis)
