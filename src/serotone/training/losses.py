"""Losses that leave out what is not known of a clip."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def masked_cross_entropy(logits: Tensor, targets: Tensor, allowed: Tensor) -> Tensor:
    """Cross-entropy over the classes that each clip's corpus has, mean over the batch.

    Args:
        logits: (B, C).
        targets: (B, C), summing to 1, zero where not allowed.
        allowed: bool (B, C). A corpus without "calm" says nothing against "calm".
    """
    # A finite fill: minus infinity times a target of zero would be NaN.
    log_probabilities = logits.masked_fill(~allowed, -1e4).log_softmax(dim=1)
    return -(targets * log_probabilities).sum(dim=1).mean()


def masked_intensity_loss(intensity: Tensor, truth: Tensor) -> Tensor:
    """Binary cross-entropy of intensity (B,) against truth (B,), NaN rows left out."""
    known = ~truth.isnan()
    loss = functional.binary_cross_entropy(
        intensity.float().clamp(1e-6, 1 - 1e-6), truth.nan_to_num(0.0), reduction="none"
    )
    return (loss * known).sum() / known.sum().clamp(min=1)
