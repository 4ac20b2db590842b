"""Residual 2-D CNN over log-mel with attentive statistics pooling: the default architecture."""

from __future__ import annotations

import torch
from pydantic import field_validator
from torch import Tensor, nn

from serotone.config import Config
from serotone.features.frame import frame_mask
from serotone.features.logmel import LogMel, LogMelConfig
from serotone.features.scale import ClipScale, ClipScaleConfig
from serotone.models.contract import EmotionModel, ModelOutput

VARIANCE_FLOOR = 1e-5
"""Added to each variance over time, so that the root of a constant has a gradient."""


class ResNetLogMelConfig(Config):
    """Settings of ``ResNetLogMel``.

    Attributes:
        stem_width: channels of the first convolution, which halves bands and frames.
        widths: channels of the stages; each halves the bands.
        time_strides: of the stages, in frames.
        n_blocks: residual blocks a stage.
        embedding_size: of the vector before the last layer.
        dropout: on the pooled statistics and on the embedding.
    """

    log_mel: LogMelConfig = LogMelConfig()
    scale: ClipScaleConfig = ClipScaleConfig()
    stem_width: int = 32
    widths: tuple[int, ...] = (48, 96, 128)
    time_strides: tuple[int, ...] = (2, 2, 1)
    n_blocks: int = 1
    embedding_size: int = 128
    dropout: float = 0.3

    @field_validator("stem_width", "widths")
    @classmethod
    def _whole_vectors(cls, widths: int | tuple[int, ...]) -> int | tuple[int, ...]:
        # oneDNN 3.12, inside torch 2.13, writes out of bounds with fewer channels.
        if any(w < 8 or w % 8 for w in ([widths] if isinstance(widths, int) else widths)):
            raise ValueError("channels come in multiples of 8")
        return widths


def strided(counts: Tensor, stride: int) -> Tensor:
    """Frames left of ``counts`` after a "same" convolution with this stride."""
    return torch.div(counts + stride - 1, stride, rounding_mode="floor")


class ResidualBlock(nn.Module):
    """conv-BN-ReLU-conv-BN plus a shortcut (He et al. 2016, 10.1109/CVPR.2016.90)."""

    def __init__(self, n_in: int, n_out: int, *, time_stride: int, band_stride: int) -> None:
        super().__init__()
        stride = (band_stride, time_stride)
        self.time_stride = time_stride
        self.first = nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(n_out)
        self.second = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(n_out)
        self.shortcut: nn.Module = nn.Identity()
        if n_in != n_out or stride != (1, 1):
            convolution = nn.Conv2d(n_in, n_out, 1, stride=stride, bias=False)
            self.shortcut = nn.Sequential(convolution, nn.BatchNorm2d(n_out))

    def forward(self, x: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
        """(B, n_in, F, T) and (B,) frames to (B, n_out, F', T') and (B,) frames."""
        counts = strided(counts, self.time_stride)
        y = self.first_norm(self.first(x)).relu()
        # A convolution reads over a clip's end; there must be zeros, as where no padding follows.
        mask = frame_mask(counts, y.shape[-1])[:, None, None, :].to(y.dtype)
        y = self.second_norm(self.second(y * mask))
        return (y + self.shortcut(x)).relu() * mask, counts


class AttentiveStatistics(nn.Module):
    """Weighted mean and deviation over time (Okabe et al. 2018, 10.21437/Interspeech.2018-993)."""

    def __init__(self, n_channels: int, n_hidden: int = 64) -> None:
        super().__init__()
        self.score = nn.Sequential(
            nn.Conv1d(n_channels, n_hidden, 1), nn.Tanh(), nn.Conv1d(n_hidden, n_channels, 1)
        )

    def forward(self, x: Tensor, counts: Tensor) -> Tensor:
        """(B, C, T) and (B,) frames to (B, 2 C)."""
        mask = frame_mask(counts, x.shape[-1])[:, None, :]
        weights = self.score(x).masked_fill(~mask, -1e4).softmax(dim=-1)
        mean = (weights * x).sum(dim=-1)
        variance = (weights * (x - mean[..., None]).square()).sum(dim=-1)
        return torch.cat([mean, (variance + VARIANCE_FLOOR).sqrt()], dim=1)


class ResNetLogMel(EmotionModel):
    """Log-mel, a residual CNN, attentive statistics, an embedding, a linear layer each for
    emotion and intensity.
    """

    config_class = ResNetLogMelConfig

    def __init__(self, config: ResNetLogMelConfig, n_classes: int) -> None:
        super().__init__()
        self.sample_rate = config.log_mel.sample_rate
        self.log_mel = LogMel(config.log_mel)
        self.scale = ClipScale(config.scale)
        n_in, n_bands = config.stem_width, -(-config.log_mel.n_mels // 2)
        self.stem = nn.Sequential(
            nn.Conv2d(1, n_in, 5, stride=2, padding=2, bias=False), nn.BatchNorm2d(n_in), nn.ReLU()
        )
        blocks: list[ResidualBlock] = []
        for n_out, time_stride in zip(config.widths, config.time_strides, strict=True):
            blocks.append(ResidualBlock(n_in, n_out, time_stride=time_stride, band_stride=2))
            blocks += [
                ResidualBlock(n_out, n_out, time_stride=1, band_stride=1)
                for _ in range(config.n_blocks - 1)
            ]
            n_in, n_bands = n_out, -(-n_bands // 2)
        self.blocks = nn.ModuleList(blocks)
        self.pool = AttentiveStatistics(n_in * n_bands)
        self.embed = nn.Sequential(
            nn.Dropout(config.dropout),
            nn.Linear(2 * n_in * n_bands, config.embedding_size),
            nn.BatchNorm1d(config.embedding_size),
            nn.ReLU(),
        )
        self.drop = nn.Dropout(config.dropout)
        self.emotion = nn.Linear(config.embedding_size, n_classes)
        self.intensity = nn.Linear(config.embedding_size, 1)

    def features(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(B, N) and (B,) to (B, T, n_mels) and (B,)."""
        counts = self.log_mel.n_frames(lengths)
        return self.scale(self.log_mel(waveforms, lengths), counts), counts

    def classify(self, features: Tensor, counts: Tensor) -> ModelOutput:
        """(B, T, n_mels) and (B,) to the output."""
        x = features.transpose(1, 2)[:, None]  # (B, 1, F, T)
        x = x.contiguous(memory_format=torch.channels_last)
        x = self.stem(x)  # (B, stem_width, F / 2, T / 2)
        counts = strided(counts, 2)
        x = x * frame_mask(counts, x.shape[-1])[:, None, None, :].to(x.dtype)
        for block in self.blocks:
            x, counts = block(x, counts)  # halves F; T by its stride
        x = x.flatten(1, 2)  # (B, C F', T')
        embedding = self.embed(self.pool(x, counts))  # (B, E)
        hidden = self.drop(embedding)
        intensity = self.intensity(hidden)[:, 0].sigmoid()
        return ModelOutput(self.emotion(hidden), intensity, embedding)
