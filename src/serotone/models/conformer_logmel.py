"""A small Conformer over log-mel: attention for what is far apart, convolution for what is near."""

from __future__ import annotations

from typing import Self

import torch
from pydantic import field_validator, model_validator
from torch import Tensor, nn

from serotone.features.frame import frame_mask
from serotone.models.base import ModelOutput
from serotone.models.blocks import Dropout
from serotone.models.mel_base import (
    AttentiveStatistics,
    MelModel,
    MelModelConfig,
    in_eights,
    strided,
)

SLOWEST = 10_000.0
"""Frames that the slowest pair of numbers takes for a radian."""


class ConformerLogMelConfig(MelModelConfig):
    """Settings of ``ConformerLogMel``, beside those of every ``MelModel``.

    Attributes:
        subsampling_width: channels of the two convolutions that leave a quarter of the frames.
        width: of a frame inside the blocks.
        n_blocks: blocks; the authors' smallest net has 16, 144 wide.
        n_heads: of the attention; ``width`` in even parts.
        expansion: width of the feed-forward layers' inside, in ``width``; the authors have 4.
        kernel: frames that the convolution of a block sees, odd; the authors have 32.
        block_dropout: of what a block adds to a frame, and inside its feed-forward layers.
    """

    subsampling_width: int = 32
    width: int = 96
    n_blocks: int = 4
    n_heads: int = 4
    expansion: int = 3
    kernel: int = 15
    block_dropout: float = 0.1

    _channels = field_validator("subsampling_width", "width")(in_eights)

    @model_validator(mode="after")
    def _even_heads(self) -> Self:
        if self.width % (2 * self.n_heads):
            raise ValueError(
                f"width {self.width} for n_heads {self.n_heads}: expected an even number a head"
            )
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel {self.kernel}: expected an odd number of frames")
        return self


class Subsampling(nn.Module):
    """Two convolutions, each of half the frames and bands, and a linear layer to ``width``."""

    def __init__(self, n_mels: int, n_channels: int, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, n_channels, 3, stride=2, padding=1)
        self.second = nn.Conv2d(n_channels, n_channels, 3, stride=2, padding=1)
        n_bands = -(-n_mels // 4)
        self.project = nn.Linear(n_channels * n_bands, width)

    def forward(self, x: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
        """(B, F, T) and (B,) frames to (B, T / 4, width) and (B,) frames."""
        x = x[:, None].contiguous(memory_format=torch.channels_last)  # (B, 1, F, T)
        for convolution in (self.first, self.second):
            counts = strided(counts, 2)
            x = convolution(x).relu()
            # What follows a clip must be zero, as where no padding follows.
            x = x * frame_mask(counts, x.shape[-1])[:, None, None, :].to(x.dtype)
        return self.project(x.flatten(1, 2).transpose(1, 2)), counts


class FeedForward(nn.Sequential):
    """Layer norm, a wide layer with SiLU, back to ``width``: (B, T, width) to the same."""

    def __init__(self, config: ConformerLogMelConfig) -> None:
        n_hidden = config.expansion * config.width
        super().__init__(
            nn.LayerNorm(config.width),
            nn.Linear(config.width, n_hidden),
            nn.SiLU(),
            Dropout(config.block_dropout),
            nn.Linear(n_hidden, config.width),
            Dropout(config.block_dropout),
        )


class Attention(nn.Module):
    """Self-attention of several heads that knows how far apart two frames are.

    Queries and keys are turned by their frame's number, so that their product depends on the
    distance alone (Su et al. 2024, 10.1016/j.neucom.2023.127063). The authors of the Conformer add
    a table of distances instead, which needs an index by two positions in the exported graph.
    """

    speeds: Tensor

    def __init__(self, config: ConformerLogMelConfig) -> None:
        super().__init__()
        self.n_heads = config.n_heads
        self.norm = nn.LayerNorm(config.width)
        self.project = nn.Linear(config.width, 3 * config.width)
        self.join = nn.Linear(config.width, config.width)
        self.drop = Dropout(config.block_dropout)
        n_pairs = config.width // config.n_heads // 2
        speeds = SLOWEST ** (-torch.arange(n_pairs) / n_pairs)  # radians a frame
        self.register_buffer("speeds", speeds, persistent=False)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, T, width) and the mask (B, T) of the clips' own frames to (B, T, width)."""
        n_batch, n_frames, width = x.shape
        parts = self.project(self.norm(x)).reshape(n_batch, n_frames, 3, self.n_heads, -1)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind()  # (B, H, T, D) each
        angle = torch.arange(n_frames, device=x.device)[:, None] * self.speeds  # (T, D / 2)
        query, key = turn(query, angle), turn(key, angle)
        scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5  # (B, H, T, T)
        weights = scores.masked_fill(~mask[:, None, None, :], -1e4).softmax(dim=-1)
        heard = (weights @ value).transpose(1, 2).reshape(n_batch, n_frames, width)
        y: Tensor = self.drop(self.join(heard))
        return y


def turn(x: Tensor, angle: Tensor) -> Tensor:
    """Turn the pairs (i, i + D / 2) of (..., T, D) by angles (T, D / 2)."""
    first, second = x.chunk(2, dim=-1)
    cos, sin = angle.cos(), angle.sin()
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)


class Convolution(nn.Module):
    """Layer norm, gated 1×1, depthwise over time, batch norm, SiLU, 1×1."""

    def __init__(self, config: ConformerLogMelConfig) -> None:
        super().__init__()
        width = config.width
        self.norm = nn.LayerNorm(width)
        self.widen = nn.Conv1d(width, 2 * width, 1)
        self.depthwise = nn.Conv1d(
            width, width, config.kernel, padding=config.kernel // 2, groups=width, bias=False
        )
        self.batch_norm = nn.BatchNorm1d(width)
        self.join = nn.Conv1d(width, width, 1)
        self.drop = Dropout(config.block_dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, T, width) and the mask (B, T) to (B, T, width)."""
        y, gate = self.widen(self.norm(x).transpose(1, 2)).chunk(2, dim=1)  # (B, width, T) each
        y = y * gate.sigmoid() * mask[:, None, :].to(y.dtype)
        y = nn.functional.silu(self.batch_norm(self.depthwise(y)))
        out: Tensor = self.drop(self.join(y)).transpose(1, 2)
        return out


class ConformerBlock(nn.Module):
    """Half a feed-forward layer, attention, convolution, the other half, layer norm."""

    def __init__(self, config: ConformerLogMelConfig) -> None:
        super().__init__()
        self.before = FeedForward(config)
        self.attention = Attention(config)
        self.convolution = Convolution(config)
        self.after = FeedForward(config)
        self.norm = nn.LayerNorm(config.width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, T, width) and the mask (B, T) to (B, T, width)."""
        x = x + 0.5 * self.before(x)
        x = x + self.attention(x, mask)
        x = x + self.convolution(x, mask)
        x = x + 0.5 * self.after(x)
        y: Tensor = self.norm(x)
        return y


class ConformerLogMel(MelModel):
    """Mel bands, a quarter of the frames, Conformer blocks, attentive statistics, the head.

    Source:
        Gulati et al. 2020, 10.21437/Interspeech.2020-3015.
    """

    config_class = ConformerLogMelConfig

    def __init__(self, config: ConformerLogMelConfig, n_classes: int) -> None:
        super().__init__(config)
        self.subsample = Subsampling(config.log_mel.n_mels, config.subsampling_width, config.width)
        self.drop_in = Dropout(config.block_dropout)
        self.blocks = nn.ModuleList(ConformerBlock(config) for _ in range(config.n_blocks))
        self.pool = AttentiveStatistics(config.width)
        self.add_mel_head(config, 2 * config.width, n_classes)

    def classify(self, features: Tensor, counts: Tensor) -> ModelOutput:
        """(B, T, n_mels) and (B,) to the output."""
        x, counts = self.subsample(self.enter(features, counts), counts)  # (B, T / 4, width)
        mask = frame_mask(counts, x.shape[1])
        x = self.drop_in(x)
        for block in self.blocks:
            x = block(x, mask)
        return self.answer(self.pool(x.transpose(1, 2), counts))
