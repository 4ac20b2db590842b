"""Residual 2-D CNN over log-mel with attentive statistics pooling: the default architecture."""

from __future__ import annotations

import torch
from pydantic import field_validator
from torch import Tensor, nn

from serotone.features.frame import frame_mask
from serotone.features.scale import ClipScale, ClipScaleConfig
from serotone.models.base import ModelOutput
from serotone.models.mel_base import (
    AttentiveStatistics,
    MelModel,
    MelModelConfig,
    in_eights,
    strided,
)

BANDS_ALONE = ClipScaleConfig(mode="bands", top_db=None, divide=1.0)
"""Each band less its mean over the clip, and nothing else."""


class ResNetLogMelConfig(MelModelConfig):
    """Settings of ``ResNetLogMel``, beside those of every ``MelModel``.

    Attributes:
        stem_width: channels of the first convolution, which halves bands and frames.
        widths: channels of the stages; each halves the bands.
        time_strides: of the stages, in frames.
        n_blocks: residual blocks a stage.
        without_colour: whether the first convolution sees the bands a second time, each less its
            own mean over the clip, which takes the colour of microphone and voice away.
    """

    stem_width: int = 32
    widths: tuple[int, ...] = (48, 96, 128)
    time_strides: tuple[int, ...] = (2, 2, 1)
    n_blocks: int = 1
    without_colour: bool = False

    _channels = field_validator("stem_width", "widths")(in_eights)


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


class ResNetLogMel(MelModel):
    """Mel bands, a residual CNN, attentive statistics, an embedding, a linear layer each for
    emotion and intensity.
    """

    config_class = ResNetLogMelConfig

    def __init__(self, config: ResNetLogMelConfig, n_classes: int) -> None:
        super().__init__(config)
        n_in, n_bands = config.stem_width, -(-config.log_mel.n_mels // 2)
        self.bands_alone = ClipScale(BANDS_ALONE) if config.without_colour else None
        n_pictures = 2 if config.without_colour else 1
        self.stem = nn.Sequential(
            nn.Conv2d(n_pictures, n_in, 5, stride=2, padding=2, bias=False),
            nn.BatchNorm2d(n_in),
            nn.ReLU(),
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
        self.add_mel_head(config, 2 * n_in * n_bands, n_classes)

    def classify(self, features: Tensor, counts: Tensor) -> ModelOutput:
        """(B, T, n_mels) and (B,) to the output."""
        x = self.enter(features, counts)[:, None]  # (B, 1, F, T)
        if self.bands_alone is not None:
            second = self.bands_alone(x[:, 0].transpose(1, 2), counts).transpose(1, 2)
            x = torch.cat([x, second[:, None]], dim=1)  # (B, 2, F, T)
        x = x.contiguous(memory_format=torch.channels_last)
        x = self.stem(x)  # (B, stem_width, F / 2, T / 2)
        counts = strided(counts, 2)
        x = x * frame_mask(counts, x.shape[-1])[:, None, None, :].to(x.dtype)
        for block in self.blocks:
            x, counts = block(x, counts)  # halves F; T by its stride
        x = x.flatten(1, 2)  # (B, C F', T')
        return self.answer(self.pool(x, counts))
