"""Depthwise-separable residual 2-D CNN over log-mel with squeeze and excitation."""

from __future__ import annotations

import torch
from pydantic import field_validator
from torch import Tensor, nn

from serotone.features.frame import frame_mask
from serotone.models.base import ModelOutput
from serotone.models.mel_base import (
    AttentiveStatistics,
    MelModel,
    MelModelConfig,
    SqueezeExcitation,
    in_eights,
    strided,
)


class DsCnnLogMelConfig(MelModelConfig):
    """Settings of ``DsCnnLogMel``, beside those of every ``MelModel``.

    Attributes:
        stem_width: channels of the first convolution, which halves bands and frames.
        widths: channels of the stages; each halves the bands.
        time_strides: of the stages, in frames.
        n_blocks: residual blocks a stage.
        squeeze_ratio: channels of a block for each number that decides its gates.
    """

    stem_width: int = 32
    widths: tuple[int, ...] = (64, 128, 192)
    time_strides: tuple[int, ...] = (2, 2, 1)
    n_blocks: int = 2
    squeeze_ratio: int = 4

    _channels = field_validator("stem_width", "widths")(in_eights)


class SeparableConv(nn.Module):
    """A 3×3 convolution of each channel by itself, then 1×1 of all (Howard et al. 2017).

    Batch norm and ReLU stand between them, batch norm alone follows.
    """

    def __init__(self, n_in: int, n_out: int, *, stride: tuple[int, int] = (1, 1)) -> None:
        super().__init__()
        self.depthwise = nn.Sequential(
            nn.Conv2d(n_in, n_in, 3, stride=stride, padding=1, groups=n_in, bias=False),
            nn.BatchNorm2d(n_in),
            nn.ReLU(),
        )
        self.pointwise = nn.Sequential(nn.Conv2d(n_in, n_out, 1, bias=False), nn.BatchNorm2d(n_out))

    def forward(self, x: Tensor) -> Tensor:
        """(B, n_in, F, T) to (B, n_out, F', T')."""
        y: Tensor = self.pointwise(self.depthwise(x))
        return y


class SeparableBlock(nn.Module):
    """Two separable convolutions, squeeze and excitation, plus a shortcut."""

    def __init__(
        self, n_in: int, n_out: int, *, time_stride: int, band_stride: int, squeeze_ratio: int
    ) -> None:
        super().__init__()
        stride = (band_stride, time_stride)
        self.time_stride = time_stride
        self.first = SeparableConv(n_in, n_out, stride=stride)
        self.second = SeparableConv(n_out, n_out)
        self.excite = SqueezeExcitation(n_out, max(8, n_out // squeeze_ratio))
        self.shortcut: nn.Module = nn.Identity()
        if n_in != n_out or stride != (1, 1):
            convolution = nn.Conv2d(n_in, n_out, 1, stride=stride, bias=False)
            self.shortcut = nn.Sequential(convolution, nn.BatchNorm2d(n_out))

    def forward(self, x: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
        """(B, n_in, F, T) and (B,) frames to (B, n_out, F', T') and (B,) frames."""
        counts = strided(counts, self.time_stride)
        y = self.first(x).relu()
        # A convolution reads over a clip's end; there must be zeros, as where no padding follows.
        mask = frame_mask(counts, y.shape[-1])[:, None, None, :].to(y.dtype)
        y = self.excite(self.second(y * mask) * mask, counts)
        return (y + self.shortcut(x)).relu() * mask, counts


class DsCnnLogMel(MelModel):
    """Mel bands, separable residual blocks, attentive statistics, the head of ``MelModel``.

    Source:
        Howard et al. 2017, arXiv:1704.04861; Hu et al. 2018, 10.1109/CVPR.2018.00745; shortcuts
        after He et al. 2016, 10.1109/CVPR.2016.90.
    """

    config_class = DsCnnLogMelConfig

    def __init__(self, config: DsCnnLogMelConfig, n_classes: int) -> None:
        super().__init__(config)
        n_in, n_bands = config.stem_width, -(-config.log_mel.n_mels // 2)
        self.stem = nn.Sequential(
            nn.Conv2d(1, n_in, 5, stride=2, padding=2, bias=False), nn.BatchNorm2d(n_in), nn.ReLU()
        )
        blocks: list[SeparableBlock] = []
        ratio = config.squeeze_ratio
        for n_out, time_stride in zip(config.widths, config.time_strides, strict=True):
            for i in range(config.n_blocks):
                strides = {"time_stride": 1, "band_stride": 1}
                if i == 0:
                    strides = {"time_stride": time_stride, "band_stride": 2}
                blocks.append(SeparableBlock(n_in, n_out, squeeze_ratio=ratio, **strides))
                n_in = n_out
            n_bands = -(-n_bands // 2)
        self.blocks = nn.ModuleList(blocks)
        self.pool = AttentiveStatistics(n_in * n_bands)
        self.add_mel_head(config, 2 * n_in * n_bands, n_classes)

    def classify(self, features: Tensor, counts: Tensor) -> ModelOutput:
        """(B, T, n_mels) and (B,) to the output."""
        x = self.enter(features, counts)[:, None]  # (B, 1, F, T)
        x = x.contiguous(memory_format=torch.channels_last)
        x = self.stem(x)  # (B, stem_width, F / 2, T / 2)
        counts = strided(counts, 2)
        x = x * frame_mask(counts, x.shape[-1])[:, None, None, :].to(x.dtype)
        for block in self.blocks:
            x, counts = block(x, counts)  # the first of a stage halves F; T by its stride
        x = x.flatten(1, 2)  # (B, C F', T')
        return self.answer(self.pool(x, counts))
