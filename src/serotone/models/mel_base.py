"""What architectures over mel bands share: their entrance, their pooling and their last layers."""

from __future__ import annotations

from typing import Literal, TypeVar

import torch
from torch import Tensor, nn

from serotone.config import Config
from serotone.features.frame import frame_mask
from serotone.features.logmel import LogMel, LogMelConfig
from serotone.features.pcen import Pcen, PcenConfig
from serotone.features.scale import ClipScale, ClipScaleConfig
from serotone.models.blocks import EmbeddingModel

Widths = TypeVar("Widths", int, tuple[int, ...])

VARIANCE_FLOOR = 1e-5
"""Added to each variance over time, so that the root of a constant has a gradient."""


class MelModelConfig(Config):
    """Settings of every ``MelModel``.

    Attributes:
        log_mel: the bands, of both front ends.
        front_end: ``log``, decibels scaled as ``scale`` says; or ``pcen``, normalised as ``pcen``
            says and not scaled again.
        learned_scale: whether each band has a learned gain and offset.
        embedding_size: of the vector before the last layer.
        dropout: on the pooled statistics and on the embedding.
    """

    log_mel: LogMelConfig = LogMelConfig()
    front_end: Literal["log", "pcen"] = "log"
    scale: ClipScaleConfig = ClipScaleConfig()
    pcen: PcenConfig = PcenConfig()
    learned_scale: bool = False
    embedding_size: int = 128
    dropout: float = 0.3


class MelModel(EmbeddingModel):
    """Mel bands in; an embedding, a linear layer each for emotion and intensity, out.

    What lies between is the architecture: its ``classify`` calls ``enter`` first, ``answer`` last.
    """

    def __init__(self, config: MelModelConfig) -> None:
        super().__init__()
        self.sample_rate = config.log_mel.sample_rate
        if config.front_end == "pcen":
            self.mel: LogMel | Pcen = Pcen(config.log_mel, config.pcen)
            self.scale = ClipScale(ClipScaleConfig(mode="none", top_db=None, divide=1.0))
        else:
            self.mel = LogMel(config.log_mel)
            self.scale = ClipScale(config.scale)
        self.band_scale = BandScale(config.log_mel.n_mels) if config.learned_scale else None

    def add_mel_head(self, config: MelModelConfig, n_pooled: int, n_classes: int) -> None:
        """Make the layers after the pooling, of ``n_pooled`` numbers."""
        self.add_head(
            n_pooled,
            n_classes,
            embedding_size=config.embedding_size,
            first=nn.Dropout(config.dropout),
            dropout=config.dropout,
        )

    def features(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(B, N) and (B,) to (B, T, n_mels) and (B,)."""
        counts = self.mel.n_frames(lengths)
        return self.scale(self.mel(waveforms, lengths), counts), counts

    def enter(self, features: Tensor, counts: Tensor) -> Tensor:
        """(B, T, n_mels) and (B,) to (B, n_mels, T), zero after each clip's frames."""
        if self.band_scale is not None:
            features = self.band_scale(features, counts)
        return features.transpose(1, 2)


class BandScale(nn.Module):
    """A learned gain and offset of each band, 1 and 0 at first."""

    def __init__(self, n_bands: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(n_bands))
        self.offset = nn.Parameter(torch.zeros(n_bands))

    def forward(self, features: Tensor, counts: Tensor) -> Tensor:
        """(B, T, F) and (B,) to (B, T, F), zero after each clip's frames."""
        mask = frame_mask(counts, features.shape[1])[..., None].to(features.dtype)
        return (features * self.gain + self.offset) * mask


class AttentiveStatistics(nn.Module):
    """Weighted mean and deviation over time (Okabe et al. 2018, 10.21437/Interspeech.2018-993).

    Args:
        n_channels: C.
        n_hidden: of the layer that scores frames.
        context: whether a frame is scored beside the clip's plain mean and deviation (Desplanques
            et al. 2020, 10.21437/Interspeech.2020-2650).
    """

    def __init__(self, n_channels: int, n_hidden: int = 64, *, context: bool = False) -> None:
        super().__init__()
        self.context = context
        n_in = 3 * n_channels if context else n_channels
        self.score = nn.Sequential(
            nn.Conv1d(n_in, n_hidden, 1), nn.Tanh(), nn.Conv1d(n_hidden, n_channels, 1)
        )

    def forward(self, x: Tensor, counts: Tensor) -> Tensor:
        """(B, C, T) and (B,) frames to (B, 2 C)."""
        mask = frame_mask(counts, x.shape[-1])[:, None, :]
        seen = x
        if self.context:
            evenly = mask.to(x.dtype) / counts[:, None, None]  # (B, 1, T)
            plain = torch.cat(weighted_statistics(x, evenly), dim=1)  # (B, 2 C)
            seen = torch.cat([x, plain[..., None].expand(-1, -1, x.shape[-1])], dim=1)
        weights = self.score(seen).masked_fill(~mask, -1e4).softmax(dim=-1)
        return torch.cat(weighted_statistics(x, weights), dim=1)


def weighted_statistics(x: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation over time of (B, C, T), under weights that sum to 1; (B, C) each."""
    mean = (weights * x).sum(dim=-1)
    variance = (weights * (x - mean[..., None]).square()).sum(dim=-1)
    return mean, (variance + VARIANCE_FLOOR).sqrt()


class SqueezeExcitation(nn.Module):
    """Each channel times a number from 0 to 1 that the clip's mean of all channels decides.

    Source:
        Hu et al. 2018, 10.1109/CVPR.2018.00745.
    """

    def __init__(self, n_channels: int, n_hidden: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.Linear(n_channels, n_hidden),
            nn.ReLU(),
            nn.Linear(n_hidden, n_channels),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor, counts: Tensor) -> Tensor:
        """(B, C, F, T), zero after each clip's frames, and (B,) frames to (B, C, F, T)."""
        mean = x.mean(dim=2).sum(dim=-1) / counts[:, None]  # (B, C)
        gate: Tensor = self.gate(mean)
        return x * gate[..., None, None]


def strided(counts: Tensor, stride: int) -> Tensor:
    """Frames left of ``counts`` after a "same" convolution with this stride."""
    return torch.div(counts + stride - 1, stride, rounding_mode="floor")


def in_eights(widths: Widths) -> Widths:
    """Refuse numbers of channels that are not multiples of 8.

    oneDNN 3.12, inside torch 2.13, writes out of bounds in convolutions of fewer.

    Raises:
        ValueError: as validators of a ``Config`` do.
    """
    if any(w < 8 or w % 8 for w in ([widths] if isinstance(widths, int) else widths)):
        raise ValueError("channels come in multiples of 8")
    return widths
