"""Scaling of features over the frames that belong to a clip."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from serotone.config import Config
from serotone.features.frame import frame_mask


class ClipScaleConfig(Config):
    """Settings of ``ClipScale``.

    Attributes:
        mode: ``none``; ``mean`` subtracts the clip's mean; ``bands`` the mean of each band, which
            takes the colour of microphone and voice away (Atal 1974, 10.1121/1.1914702);
            ``standard`` subtracts the clip's mean and divides by its deviation; ``minmax`` maps
            the clip to [0, 1].
        top_db: range kept below the clip's peak, None for all.
        subtract: constant taken away afterwards. With ``none`` the level of the recording is kept,
            and this brings usual values near zero, which is what padding and masks are.
        divide: constant that values are divided by at last.
    """

    mode: Literal["none", "mean", "bands", "standard", "minmax"] = "mean"
    top_db: float | None = 80.0
    subtract: float = 0.0
    divide: float = 20.0


class ClipScale(nn.Module):
    """Scale each clip by its own statistics, padding left out.

    But for ``bands``, one number serves all bands.
    """

    def __init__(self, config: ClipScaleConfig) -> None:
        super().__init__()
        self.config = config

    def forward(self, features: Tensor, counts: Tensor) -> Tensor:
        """(B, T, F) and (B,) frame counts to (B, T, F), zero after each clip's frames."""
        mask = frame_mask(counts, features.shape[1])[..., None]
        config = self.config
        if config.top_db is not None:
            features = torch.maximum(features, masked_max(features, mask) - config.top_db)
        if config.mode in ("mean", "standard"):
            n_values = mask.sum(dim=(1, 2), keepdim=True) * features.shape[2]
            features = features - (features * mask).sum(dim=(1, 2), keepdim=True) / n_values
            if config.mode == "standard":
                variance = (features.square() * mask).sum(dim=(1, 2), keepdim=True) / n_values
                features = features / (variance + 1e-8).sqrt()
        elif config.mode == "bands":
            features = features - (features * mask).sum(dim=1, keepdim=True) / mask.sum(
                dim=1, keepdim=True
            )
        elif config.mode == "minmax":
            low, high = -masked_max(-features, mask), masked_max(features, mask)
            features = (features - low) / (high - low).clamp(min=1e-8)
        if config.subtract:
            features = features - config.subtract
        return features * mask / config.divide


def masked_max(features: Tensor, mask: Tensor) -> Tensor:
    """Largest value of each clip among its own frames, (B, 1, 1)."""
    return features.masked_fill(~mask, -torch.inf).amax(dim=(1, 2), keepdim=True)
