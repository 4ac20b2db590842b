"""A judge who guesses the speaker, and a model that learns to leave it nothing to go by."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn


class _Reversed(torch.autograd.Function):
    """The identity forward; backward, the gradient with its sign turned, times a strength."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return -ctx.strength * gradients[0], None


class SpeakerAdversary(nn.Module):
    """Guesses who speaks from an embedding; its gradient teaches the model the opposite.

    Args:
        embedding_size: E.
        n_speakers: S, of the training side.

    Source:
        Ganin & Lempitsky 2015, Unsupervised domain adaptation by backpropagation,
        arXiv:1409.7495.
    """

    def __init__(self, embedding_size: int, n_speakers: int) -> None:
        super().__init__()
        self.judge = nn.Sequential(
            nn.Linear(embedding_size, 64), nn.ReLU(), nn.Linear(64, n_speakers)
        )

    def forward(self, embedding: Tensor, *, strength: float) -> Tensor:
        """(B, E) to logits (B, S)."""
        turned = _Reversed.apply(embedding, strength)  # type: ignore[no-untyped-call]
        guesses: Tensor = self.judge(turned)
        return guesses


def ramp(share: float) -> float:
    """How strong the reversal is after this share of the training: 0 at first, 1 later.

    Example:
        >>> [round(ramp(share), 2) for share in (0, 0.2, 1)]
        [0.0, 0.76, 1.0]
    """
    return 2 / (1 + math.exp(-10 * share)) - 1
