"""Per-channel energy normalisation of mel bands."""

from __future__ import annotations

import math

import torch
from pydantic import Field
from torch import Tensor, nn

from serotone.config import Config
from serotone.features.frame import SpectralFeatures
from serotone.features.logmel import LogMel, LogMelConfig

FORGOTTEN = 1e-7
"""Share of a frame that the smoother may leave out: what float32 would round away."""


class PcenConfig(Config):
    """Settings of ``Pcen``; the published ones.

    Attributes:
        gain: how much of a band's own level is divided away: 0 nothing, 1 all.
        bias: added before the root; the larger, the less a quiet band counts.
        power: of the compression; 0.5 is a root.
        time_constant_s: of the smoother that follows a band's level.
        floor: added to the smoothed level.
        full_scale: that a sample of 1.0 stands for; the constants above were chosen for 16 bits.
    """

    gain: float = Field(default=0.98, ge=0, le=1)
    bias: float = Field(default=2.0, gt=0)
    power: float = Field(default=0.5, gt=0, le=1)
    time_constant_s: float = Field(default=0.4, gt=0)
    floor: float = Field(default=1e-6, gt=0)
    full_scale: float = Field(default=32_768.0, gt=0)


def smoothing(time_constant_s: float, frames_per_s: float) -> float:
    """Share of the newest frame in the smoothed level, as librosa derives it.

    Example:
        >>> round(smoothing(0.4, 62.5), 4)
        0.0392
    """
    n_frames = time_constant_s * frames_per_s
    return (math.sqrt(1 + 4 * n_frames**2) - 1) / (2 * n_frames**2)


class Smoother(nn.Module):
    """M(t) = s·E(t) + (1 - s)·M(t - 1), beginning with M = E in the first frame.

    The recursion as sums of shifted copies, each shift twice the one before: log2 of the memory
    many steps instead of one a frame, and any runtime has the operators.

    Args:
        share: s, of the newest frame, over 0 and at most 1.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share
        self.shifts: list[tuple[int, float]] = []
        shift = 1
        # With shifts to 2^(n-1), what is 2^n frames back is the first to be left out.
        while (kept := (1 - share) ** shift) > FORGOTTEN:
            self.shifts.append((shift, kept))
            shift *= 2

    def forward(self, energy: Tensor) -> Tensor:
        """(B, T, F) to (B, T, F)."""
        level = torch.cat([energy[:, :1], self.share * energy[:, 1:]], dim=1)
        n_frames = energy.shape[1]
        for shift, kept in self.shifts:
            earlier = nn.functional.pad(level, (0, 0, shift, 0))[:, :n_frames]
            level = level + kept * earlier
        return level


class Pcen(SpectralFeatures):
    """Mel bands, each divided by its own smoothed level and compressed.

    (E / (floor + M)^gain + bias)^power - bias^power, with E the power of a band in 16-bit units and
    M its level so far. Steady noise and the recording's level and colour go, onsets stay. Equal to
    ``librosa.pcen`` that starts with the level of the first frame (``zi``) instead of 1.

    Source:
        Wang et al. 2017, 10.1109/ICASSP.2017.7953152; Lostanlen et al. 2019,
        10.1109/LSP.2018.2878620.

    Example:
        >>> waveforms, lengths = torch.zeros(2, 16_000), torch.tensor([16_000, 9_000])
        >>> Pcen(LogMelConfig(), PcenConfig())(waveforms, lengths).shape
        torch.Size([2, 63, 64])
    """

    basis: Tensor

    def __init__(self, mel: LogMelConfig, config: PcenConfig) -> None:
        super().__init__(
            sample_rate=mel.sample_rate,
            n_fft=mel.n_fft,
            hop_length=mel.hop_length,
            win_length=mel.win_length,
        )
        self.config = config
        self.n_features = mel.n_mels
        self.register_buffer("basis", LogMel(mel).basis, persistent=False)
        self.smoother = Smoother(
            smoothing(config.time_constant_s, mel.sample_rate / mel.hop_length)
        )

    def from_power(self, power: Tensor, counts: Tensor) -> Tensor:
        """(B, T, n_fft // 2 + 1) power to (B, T, n_mels), 0 for silence and up."""
        config = self.config
        energy = power @ self.basis * config.full_scale**2
        level: Tensor = self.smoother(energy)
        steady = energy * (level + config.floor).pow(-config.gain)
        return (steady + config.bias).pow(config.power) - math.pow(config.bias, config.power)
