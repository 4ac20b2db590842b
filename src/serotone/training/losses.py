"""Losses that leave out what is not known of a clip."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def masked_cross_entropy(
    logits: Tensor,
    targets: Tensor,
    allowed: Tensor,
    *,
    class_weights: Tensor | None = None,
    focus: float = 0.0,
) -> Tensor:
    """Cross-entropy over the classes that each clip's corpus has, mean over the batch.

    Args:
        logits: (B, C).
        targets: (B, C), summing to 1, zero where not allowed.
        allowed: bool (B, C). A corpus without "calm" says nothing against "calm".
        class_weights: (C,); the mean is then weighted by each clip's class.
        focus: gamma of the focal loss, which makes little of what is already right (Lin et al.
            2017, 10.1109/ICCV.2017.324); 0 is cross-entropy.
    """
    # A finite fill: minus infinity times a target of zero would be NaN.
    log_probabilities = logits.masked_fill(~allowed, -1e4).log_softmax(dim=1)
    surprise = -log_probabilities
    if focus:
        surprise = surprise * (1 - log_probabilities.exp()).clamp(min=0) ** focus
    if class_weights is None:
        return (targets * surprise).sum(dim=1).mean()
    weighted = targets * class_weights
    return (weighted * surprise).sum() / weighted.sum()


def masked_intensity_loss(intensity: Tensor, truth: Tensor) -> Tensor:
    """Binary cross-entropy of intensity (B,) against truth (B,), NaN rows left out."""
    known = ~truth.isnan()
    # In half precision torch refuses this loss on a GPU.
    with torch.autocast(intensity.device.type, enabled=False):
        loss = functional.binary_cross_entropy(
            intensity.float().clamp(1e-6, 1 - 1e-6), truth.nan_to_num(0.0), reduction="none"
        )
    return (loss * known).sum() / known.sum().clamp(min=1)
