"""What every architecture promises; it imports this and features, never a neighbour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

Scaling = Literal["standard", "minmax"]


class ModelOutput(NamedTuple):
    """What a model says of a batch.

    Attributes:
        logits: (B, C).
        intensity: (B,), 0 to 1, NaN from a model without an opinion.
        embedding: (B, E).
    """

    logits: Tensor
    intensity: Tensor
    embedding: Tensor


class EmotionModel(nn.Module):
    """A waveform classifier in two halves.

    ``features`` has no learned state: training may compute it once per clip and keep it.
    ``classify`` learns. Both ignore what lies after a clip's length. A model with a scaler has it
    in ``classify``; training fits it before the first step.
    """

    sample_rate: int

    def features(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(B, N) samples and (B,) lengths to (B, T, F) features and (B,) frame counts."""
        raise NotImplementedError

    def classify(self, features: Tensor, counts: Tensor) -> ModelOutput:
        """(B, T, F) features and (B,) frame counts to the output."""
        raise NotImplementedError

    def fit_scaler(self, features: Sequence[Tensor], *, scaling: Scaling = "standard") -> None:
        """Fit what scales the features; nothing to do for a model without a scaler.

        Args:
            features: (T, F) of each clip of the training side, and of no other.
            scaling: ``standard`` to mean 0 and deviation 1, ``minmax`` to [0, 1].
        """

    def penalty(self) -> Tensor:
        """What training adds to its loss, a scalar: zero, or the price of large weights."""
        return next(self.parameters()).new_zeros(())

    def forward(self, waveforms: Tensor, lengths: Tensor) -> ModelOutput:
        """(B, N) samples, zero after each length, and (B,) lengths to the output."""
        return self.classify(*self.features(waveforms, lengths))


def no_intensity(logits: Tensor) -> Tensor:
    """(B,) NaN, from a model that was not taught intensity."""
    return torch.full_like(logits[:, 0], torch.nan)


def n_parameters(model: nn.Module) -> int:
    """Number of learned parameters, running statistics left out."""
    return sum(p.numel() for p in model.parameters())
