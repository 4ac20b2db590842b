"""Mel-frequency cepstral coefficients and how they change."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from serotone.config import Config
from serotone.features.frame import SpectralFeatures, frame_mask
from serotone.features.logmel import LogMel, LogMelConfig
from serotone.features.scale import masked_max

DELTA_WIDTH = 9
"""Frames that a straight line or a parabola is laid through."""


class MfccConfig(Config):
    """Settings of ``Mfcc``. Frequencies in Hz, lengths in samples.

    Attributes:
        n_mfcc: coefficients.
        top_db: range kept below the clip's loudest band, None for all.
        n_deltas: 0 for the coefficients alone, 1 with their slope, 2 with their curvature too.
    """

    sample_rate: int = 22_050
    n_fft: int = 2048
    hop_length: int = 512
    win_length: int | None = None
    n_mels: int = 128
    f_min: float = 0.0
    f_max: float = 11_025.0
    n_mfcc: int = 20
    top_db: float | None = 80.0
    n_deltas: int = 0


class Mfcc(SpectralFeatures):
    """``librosa.feature.mfcc``, with ``librosa.feature.delta`` of order 1 and 2 where asked for.

    Source:
        Davis & Mermelstein 1980, 10.1109/TASSP.1980.1163420; deltas by local polynomials as in
        Savitzky & Golay 1964, 10.1021/ac60214a047.
    """

    dct: Tensor

    def __init__(self, config: MfccConfig) -> None:
        super().__init__(
            sample_rate=config.sample_rate,
            n_fft=config.n_fft,
            hop_length=config.hop_length,
            win_length=config.win_length,
        )
        self.n_features = config.n_mfcc * (1 + config.n_deltas)
        self.top_db = config.top_db
        self.n_deltas = config.n_deltas
        shared = {name: getattr(config, name) for name in LogMelConfig.model_fields}
        self.log_mel = LogMel(LogMelConfig(**shared))
        self.spectrum = self.log_mel.spectrum
        dct = dct_matrix(config.n_mels, config.n_mfcc)
        self.register_buffer("dct", dct.float(), persistent=False)

    def from_power(self, power: Tensor, counts: Tensor) -> Tensor:
        """(B, T, n_fft // 2 + 1) and (B,) to (B, T, n_mfcc) and as many for each delta."""
        log_mel = self.log_mel.from_power(power, counts)
        if self.top_db is not None:
            mask = frame_mask(counts, log_mel.shape[1])[..., None]
            log_mel = torch.maximum(log_mel, masked_max(log_mel, mask) - self.top_db)
        mfcc = log_mel @ self.dct
        deltas = [delta(mfcc, counts, order=order) for order in range(1, self.n_deltas + 1)]
        return torch.cat([mfcc, *deltas], dim=-1)


def dct_matrix(n_in: int, n_out: int) -> Tensor:
    """First ``n_out`` columns of the orthonormal DCT-II. float64 (n_in, n_out)."""
    n = torch.arange(n_in, dtype=torch.float64)[:, None] + 0.5
    k = torch.arange(n_out, dtype=torch.float64)[None, :]
    matrix = torch.cos(math.pi / n_in * n * k) * math.sqrt(2 / n_in)
    matrix[:, 0] /= math.sqrt(2)
    return matrix


def delta(features: Tensor, counts: Tensor, *, order: int) -> Tensor:
    """Derivative along time of a polynomial of degree ``order`` laid through nine frames.

    The four frames at either end share the polynomial of the nine nearest (``mode="interp"`` of
    ``librosa.feature.delta``). A clip of fewer than nine frames, which librosa refuses, is
    continued with its last.

    Args:
        features: (B, T, F).
        counts: (B,), frames of each clip.
        order: 1 for the slope, 2 for the curvature.

    Returns:
        (B, T, F), per frame and per frame squared.
    """
    n_total = features.shape[1]
    half = DELTA_WIDTH // 2
    steps = torch.arange(-half, half + 1, dtype=torch.float64)
    # Least squares on orthogonal polynomials: t, and t² without its mean.
    shape = steps if order == 1 else steps.square() - steps.square().mean()
    weights = (order * shape / shape.square().sum()).tolist()
    t = torch.arange(n_total + DELTA_WIDTH - 1, device=features.device)
    extended = take_frames(features, torch.minimum(t[None, :], counts[:, None] - 1))
    inner = sum(w * extended[:, i : i + n_total] for i, w in enumerate(weights))
    last = (counts - DELTA_WIDTH).clamp(min=0)[:, None]
    nearest = torch.minimum((t[None, :n_total] - half).clamp(min=0), last)
    return take_frames(torch.as_tensor(inner), nearest)


def take_frames(features: Tensor, index: Tensor) -> Tensor:
    """(B, T, F) features and (B, S) frame numbers to (B, S, F)."""
    return features.gather(1, index[..., None].expand(-1, -1, features.shape[2]))
