"""Deep 1-D CNN over the 2,376 stack: 7,193,736 parameters for eight classes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from serotone.config import Config
from serotone.features.stack import Stack, StackConfig
from serotone.models.base import ModelOutput, no_intensity
from serotone.models.blocks import (
    Dropout,
    KerasBatchNorm1d,
    KerasBatchNorm2d,
    StandardisedModel,
    init_as_keras,
    same_padding,
)


class Cnn1dStack2376Config(Config):
    """Settings of ``Cnn1dStack2376``.

    Attributes:
        widths, kernels: channels and kernel sizes of the convolutions.
        pools: sizes of the max pools after them, all of stride 2.
        dropouts: after the pools.
        n_dense: units of the dense layer.
        norm_momentum: share of a batch in the running statistics of the norms. Keras's 0.01 needs
            hundreds of steps to follow six norms, one after another; on RAVDESS alone an epoch has
            31 or 72, and dev would be judged by statistics of long ago.
    """

    stack: StackConfig = StackConfig()
    widths: tuple[int, ...] = (512, 512, 256, 256, 128)
    kernels: tuple[int, ...] = (5, 5, 5, 3, 3)
    pools: tuple[int, ...] = (5, 5, 5, 5, 3)
    dropouts: tuple[float, ...] = (0.0, 0.2, 0.0, 0.2, 0.2)
    n_dense: int = 512
    norm_momentum: float = 0.1


class Cnn1dStack2376(StandardisedModel):
    """Five times convolution, ReLU, batch norm, max pool; a dense layer; softmax.

    As its authors wrote it in Keras: "same" padding in the pools too, where TensorFlow pads one
    value more on the right; batch norm after ReLU; a standard scaler for each of the 2,376
    numbers. Weights start as in Keras.

    The stack is a picture of height one: with the channels last in memory a step of training takes
    half the time of ``nn.Conv1d``, which has no such layout.
    """

    config_class = Cnn1dStack2376Config

    def __init__(self, config: Cnn1dStack2376Config, n_classes: int) -> None:
        super().__init__()
        self.sample_rate = config.stack.sample_rate
        self.stack = Stack(config.stack)
        self.add_scaler(self.stack.n_features)
        layers: list[nn.Module] = []
        n_in, n_steps = 1, self.stack.n_features
        for n_out, kernel, pool, dropout in zip(
            config.widths, config.kernels, config.pools, config.dropouts, strict=True
        ):
            # The rounded-up length makes room for TensorFlow's one value more on the right.
            left, _ = same_padding(n_steps, kernel=pool, stride=2)
            layers += [
                nn.Conv2d(n_in, n_out, (1, kernel), padding="same"),
                nn.ReLU(),
                KerasBatchNorm2d(n_out, config.norm_momentum),
                nn.MaxPool2d((1, pool), stride=(1, 2), padding=(0, left), ceil_mode=True),
                Dropout(dropout),
            ]
            n_in, n_steps = n_out, -(-n_steps // 2)
        self.convolutions = nn.Sequential(*layers)
        self.embed = nn.Sequential(
            nn.Flatten(),
            nn.Linear(n_in * n_steps, config.n_dense),
            nn.ReLU(),
            KerasBatchNorm1d(config.n_dense, config.norm_momentum),
        )
        self.emotion = nn.Linear(config.n_dense, n_classes)
        init_as_keras(self)

    def features(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(B, N) and (B,) to (B, 1, 2376) and (B,) ones."""
        return self.stack(waveforms, lengths), self.stack.n_frames(lengths)

    def classify(self, features: Tensor, counts: Tensor) -> ModelOutput:
        """(B, 1, 2376) and (B,) to the output."""
        x = self.standardise(features, counts)[:, None]  # (B, 1, 1, 2376)
        x = x.contiguous(memory_format=torch.channels_last)
        x = self.convolutions(x)  # (B, 128, 1, 75)
        embedding = self.embed(x)  # (B, 512)
        logits = self.emotion(embedding)
        return ModelOutput(logits, no_intensity(logits), embedding)
