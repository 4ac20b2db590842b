"""Chroma: the energy of each of the twelve pitch classes."""

from __future__ import annotations

import torch
from torch import Tensor

from serotone.config import Config
from serotone.features.frame import SpectralFeatures
from serotone.features.spectral import SMALLEST, bin_hz

N_CHROMA = 12
A0_HZ = 27.5
CENTRE_OCTAVE = 5.0
OCTAVE_WIDTH = 2.0


class ChromaConfig(Config):
    """Settings of ``Chroma``. Lengths in samples.

    Attributes:
        tuning: how far the music stands from A = 440 Hz, in semitones.
    """

    sample_rate: int = 22_050
    n_fft: int = 2048
    hop_length: int = 512
    tuning: float = 0.0


class Chroma(SpectralFeatures):
    """``librosa.feature.chroma_stft`` with its ``tuning`` fixed: C first, the strongest class is 1.

    Left alone, librosa guesses the tuning from the clip, so that the same tone comes out
    differently in another clip. Speech has none: it is fixed here.

    Source:
        Ellis 2007, Chroma feature analysis and synthesis, Columbia University.
    """

    basis: Tensor

    def __init__(self, config: ChromaConfig) -> None:
        super().__init__(
            sample_rate=config.sample_rate, n_fft=config.n_fft, hop_length=config.hop_length
        )
        self.n_features = N_CHROMA
        basis = chroma_filterbank(
            sample_rate=config.sample_rate, n_fft=config.n_fft, tuning=config.tuning
        )
        self.register_buffer("basis", basis.float(), persistent=False)

    def from_power(self, power: Tensor, counts: Tensor) -> Tensor:
        """(B, T, n_fft // 2 + 1) to (B, T, 12), the largest of each frame 1, or all 0."""
        chroma = power @ self.basis
        peak = chroma.amax(dim=-1, keepdim=True)
        return chroma / torch.where(peak < SMALLEST, torch.ones_like(peak), peak)


def chroma_filterbank(*, sample_rate: int, n_fft: int, tuning: float) -> Tensor:
    """Weights of each bin in each pitch class, as in ``librosa.filters.chroma``.

    A bin counts for the classes near its pitch by a Gaussian as wide as the bin; bins count most
    around the fifth octave.

    Returns:
        float64 (n_fft // 2 + 1, 12).
    """
    hz = bin_hz(sample_rate=sample_rate, n_fft=n_fft)[1:]
    semitones = N_CHROMA * torch.log2(hz / (A0_HZ * 2 ** (tuning / N_CHROMA)))
    # The bin at 0 Hz has no pitch; it is put an octave and a half below the first.
    semitones = torch.cat([semitones[:1] - 1.5 * N_CHROMA, semitones])
    width = semitones.diff(append=semitones[-1:]).clamp(min=1.0)[:, None]
    classes = torch.arange(N_CHROMA, dtype=torch.float64)
    # Distance to the nearest tone of the class, in [-6, 6); classes count from A, so turn to C.
    distance = torch.remainder(semitones[:, None] - classes + 6, N_CHROMA) - 6
    weights = torch.exp(-0.5 * (2 * distance / width).square()).roll(-3, dims=1)
    weights = weights / weights.square().sum(dim=1, keepdim=True).sqrt()
    octave = semitones[:, None] / N_CHROMA
    loudness = torch.exp(-0.5 * ((octave - CENTRE_OCTAVE) / OCTAVE_WIDTH).square())
    return weights * loudness
