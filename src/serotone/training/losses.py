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


def supervised_contrastive_loss(
    embedding: Tensor, labels: Tensor, *, temperature: float = 0.1
) -> Tensor:
    """Draws clips of one label together and others apart, mean over the batch.

    Args:
        embedding: (B, E), of any length; directions are compared.
        labels: int64 (B,). Clips alone with their label are left out.
        temperature: the smaller, the more the nearest clips count.

    Source:
        Khosla et al. 2020, Supervised contrastive learning, arXiv:2004.11362, its loss "out".
    """
    directions = functional.normalize(embedding.float(), dim=1)
    itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    likeness = (directions @ directions.T / temperature).masked_fill(itself, -1e4)
    log_shares = likeness.log_softmax(dim=1)
    same = ((labels[:, None] == labels[None, :]) & ~itself).to(log_shares.dtype)
    n_same = same.sum(dim=1)
    each = -(log_shares * same).sum(dim=1) / n_same.clamp(min=1)
    together = n_same > 0
    return (each * together).sum() / together.sum().clamp(min=1)


def masked_intensity_loss(intensity: Tensor, truth: Tensor) -> Tensor:
    """Binary cross-entropy of intensity (B,) against truth (B,), NaN rows left out."""
    known = ~truth.isnan()
    # In half precision torch refuses this loss on a GPU.
    with torch.autocast(intensity.device.type, enabled=False):
        loss = functional.binary_cross_entropy(
            intensity.float().clamp(1e-6, 1 - 1e-6), truth.nan_to_num(0.0), reduction="none"
        )
    return (loss * known).sum() / known.sum().clamp(min=1)
