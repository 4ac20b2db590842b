"""Compact 2-D CNN on 128 × 128 log-mel pictures."""

from __future__ import annotations

import itertools

from torch import Tensor, nn

from serotone.config import Config
from serotone.features.sets import MEL128
from serotone.models.base import EmotionModel, ModelOutput, no_intensity
from serotone.models.blocks import MelPicture, PictureConfig, conv_block, init_as_keras


class Cnn2dLogMel128Config(Config):
    """Settings of ``Cnn2dLogMel128``.

    Attributes:
        picture: 128 bands × 128 frames, 2.95 s.
        widths: channels of the blocks; each halves the picture.
        norm_momentum: share of a batch in the running statistics of the norms. Keras's 0.01 needs
            some 500 steps before they hold; 600 clips make 13 steps an epoch, and training by the
            figure on dev ends before that, at chance.
        n_dense: units of the dense layer.
        dropout: after it, the only one.
    """

    picture: PictureConfig = PictureConfig(log_mel=MEL128, n_samples=127 * 512)
    widths: tuple[int, ...] = (32, 64, 128, 128)
    norm_momentum: float = 0.1
    n_dense: int = 128
    dropout: float = 0.5


class Cnn2dLogMel128(EmotionModel):
    """Four blocks of convolution, ReLU, batch norm and max pool; global mean; dense; softmax.

    Its author says "compact 2D-CNN on 128×128 log-mel pictures, end to end" and no more. Chosen
    here, as usual in the field: librosa's frames at 22,050 Hz, the range of 80 dB below the clip's
    peak scaled to [0, 1], 3×3 kernels, channels that double, a global mean instead of a large
    dense layer. Dropout stands behind the last norm: before a norm it changes the variance that
    the norm keeps for predicting (Li et al. 2019, arXiv:1801.05134).
    """

    config_class = Cnn2dLogMel128Config

    def __init__(self, config: Cnn2dLogMel128Config, n_classes: int) -> None:
        super().__init__()
        self.sample_rate = config.picture.log_mel.sample_rate
        self.picture = MelPicture(config.picture)
        self.blocks = nn.Sequential(
            *(
                conv_block(
                    n_in,
                    n_out,
                    pool=2,
                    dropout=0.0,
                    momentum=config.norm_momentum,
                )
                for n_in, n_out in itertools.pairwise((1, *config.widths))
            )
        )
        self.embed = nn.Sequential(nn.Linear(config.widths[-1], config.n_dense), nn.ReLU())
        self.drop = nn.Dropout(config.dropout)
        self.emotion = nn.Linear(config.n_dense, n_classes)
        init_as_keras(self)

    def features(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(B, N) and (B,) to (B, 128, 128) and (B,)."""
        picture: tuple[Tensor, Tensor] = self.picture(waveforms, lengths)
        return picture

    def classify(self, features: Tensor, counts: Tensor) -> ModelOutput:
        """(B, 128, 128) and (B,) to the output."""
        x = self.blocks(features[:, None])  # (B, 128, 8, 8)
        embedding = self.embed(x.mean(dim=(2, 3)))  # (B, 128)
        logits = self.emotion(self.drop(embedding))
        return ModelOutput(logits, no_intensity(logits), embedding)
