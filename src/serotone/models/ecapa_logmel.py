"""A small ECAPA-TDNN over log-mel: dilated 1-D convolutions at several scales at once."""

from __future__ import annotations

from typing import Self

import torch
from pydantic import field_validator, model_validator
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


class EcapaLogMelConfig(MelModelConfig):
    """Settings of ``EcapaLogMel``, beside those of every ``MelModel``.

    Attributes:
        width: channels of the blocks; the authors have 512 or 1024.
        time_stride: of the first convolution, in frames; the authors have 1 and frames as long.
        dilations: of the blocks' convolutions, in frames.
        n_scales: parts that a block splits its channels into.
        squeeze: width of the layer that decides a block's gates.
        n_pooled: channels that are pooled.
    """

    width: int = 192
    time_stride: int = 2
    dilations: tuple[int, ...] = (2, 3, 4)
    n_scales: int = 8
    squeeze: int = 64
    n_pooled: int = 384

    _channels = field_validator("width", "n_pooled")(in_eights)

    @model_validator(mode="after")
    def _whole_parts(self) -> Self:
        if self.n_scales < 2 or self.width % (8 * self.n_scales):
            raise ValueError(
                f"width {self.width} in n_scales {self.n_scales} parts: expected two or more "
                "parts of a multiple of 8 channels each"
            )
        return self


class ConvReluNorm(nn.Module):
    """A "same" convolution over time, ReLU and batch norm, zero after each clip's frames."""

    def __init__(self, n_in: int, n_out: int, kernel: int, *, dilation: int = 1) -> None:
        super().__init__()
        padding = dilation * (kernel - 1) // 2
        self.convolution = nn.Conv1d(n_in, n_out, kernel, padding=padding, dilation=dilation)
        self.norm = nn.BatchNorm1d(n_out)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, n_in, T) and the mask (B, 1, T) to (B, n_out, T)."""
        y: Tensor = self.norm(self.convolution(x).relu())
        return y * mask


class Res2Block(nn.Module):
    """1×1 convolution, a chain of dilated ones, 1×1, squeeze and excitation, plus the input.

    Each part of the channels is added to what the part before it became and convolved again: the
    first is passed on, the last has seen as many convolutions as there are others (Gao et al. 2021,
    10.1109/TPAMI.2019.2938758).
    """

    def __init__(self, config: EcapaLogMelConfig, dilation: int) -> None:
        super().__init__()
        self.n_scales = config.n_scales
        part = config.width // config.n_scales
        self.before = ConvReluNorm(config.width, config.width, 1)
        self.chain = nn.ModuleList(
            ConvReluNorm(part, part, 3, dilation=dilation) for _ in range(config.n_scales - 1)
        )
        self.after = ConvReluNorm(config.width, config.width, 1)
        self.excite = SqueezeExcitation(config.width, config.squeeze)

    def forward(self, x: Tensor, mask: Tensor, counts: Tensor) -> Tensor:
        """(B, C, T), mask (B, 1, T), (B,) frames to (B, C, T)."""
        first, *others = self.before(x, mask).chunk(self.n_scales, dim=1)  # (B, C / s, T) each
        parts = [first]
        for convolution, part in zip(self.chain, others, strict=True):
            beside = part if len(parts) == 1 else part + parts[-1]
            parts.append(convolution(beside, mask))
        y = self.after(torch.cat(parts, dim=1), mask)
        excited: Tensor = self.excite(y[:, :, None], counts)  # of pictures of one band
        return x + excited[:, :, 0]


class EcapaLogMel(MelModel):
    """A convolution over time, blocks at several scales, what all of them say joined and pooled.

    A frame's weight in the pooling is by channel, and is given in view of the whole clip. Beside
    the authors' own the net is narrow, and its first convolution halves the frames.

    Source:
        Desplanques et al. 2020, 10.21437/Interspeech.2020-2650.
    """

    config_class = EcapaLogMelConfig

    def __init__(self, config: EcapaLogMelConfig, n_classes: int) -> None:
        super().__init__(config)
        self.time_stride = config.time_stride
        n_mels, width, n_pooled = config.log_mel.n_mels, config.width, config.n_pooled
        self.stem = nn.Sequential(
            nn.Conv1d(n_mels, width, 5, stride=config.time_stride, padding=2),
            nn.ReLU(),
            nn.BatchNorm1d(width),
        )
        self.blocks = nn.ModuleList(Res2Block(config, dilation) for dilation in config.dilations)
        self.join = nn.Conv1d(len(config.dilations) * width, n_pooled, 1)
        self.pool = AttentiveStatistics(n_pooled, context=True)
        self.pool_norm = nn.BatchNorm1d(2 * n_pooled)
        self.add_mel_head(config, 2 * n_pooled, n_classes)

    def classify(self, features: Tensor, counts: Tensor) -> ModelOutput:
        """(B, T, n_mels) and (B,) to the output."""
        x = self.stem(self.enter(features, counts))  # (B, C, T / 2)
        counts = strided(counts, self.time_stride)
        mask = frame_mask(counts, x.shape[-1])[:, None, :].to(x.dtype)
        x = x * mask
        outputs = []
        for block in self.blocks:
            x = block(x, mask, counts)
            outputs.append(x)
        x = self.join(torch.cat(outputs, dim=1)).relu() * mask  # (B, n_pooled, T / 2)
        return self.answer(self.pool_norm(self.pool(x, counts)))
