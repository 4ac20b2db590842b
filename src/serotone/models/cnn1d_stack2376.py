"""Deep 1-D CNN over the 2,376 stack: 7,193,736 parameters for eight classes."""

from __future__ import annotations

from torch import Tensor, nn

from serotone.config import Config
from serotone.features.stack import Stack, StackConfig
from serotone.models.contract import ModelOutput, no_intensity
from serotone.models.layers import (
    KerasBatchNorm1d,
    StandardisedModel,
    init_as_keras,
    same_padding,
)
from serotone.models.toom_cook import ToomCookConv1d


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
            padding = same_padding(n_steps, kernel=pool, stride=2)
            layers += [
                _convolution(n_in, n_out, kernel),
                nn.ReLU(),
                KerasBatchNorm1d(n_out, config.norm_momentum),
                nn.ConstantPad1d(padding, float("-inf")),
                nn.MaxPool1d(pool, stride=2),
                nn.Dropout(dropout),
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
        x = self.standardise(features, counts)  # (B, 1, 2376): one channel, 2376 steps
        x = self.convolutions(x)  # (B, 128, 75)
        embedding = self.embed(x)  # (B, 512)
        logits = self.emotion(embedding)
        return ModelOutput(logits, no_intensity(logits), embedding)


def _convolution(n_in: int, n_out: int, kernel: int) -> nn.Conv1d:
    """One that keeps the length; a faster one where nine tenths of the work are."""
    if kernel == 5 and n_in > 1:
        return ToomCookConv1d(n_in, n_out)
    return nn.Conv1d(n_in, n_out, kernel, padding="same")
