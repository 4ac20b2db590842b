"""2-D CNN and GRU on 64-band mel pictures of three seconds."""

from __future__ import annotations

from torch import Tensor, nn

from serotone.config import Config
from serotone.features.sets import MEL64
from serotone.models.base import EmotionModel, ModelOutput, no_intensity
from serotone.models.blocks import MelPicture, PictureConfig, conv_block, init_as_keras


class CnnGruMel64Config(Config):
    """Settings of ``CnnGruMel64``.

    Attributes:
        picture: 94 frames × 64 bands, 3 s at 16 kHz.
        widths: channels of the two blocks; each halves the picture.
        n_hidden: units of the GRU.
        n_dense: units of the dense layer.
        dropout: after each block and the dense layer.
    """

    picture: PictureConfig = PictureConfig(log_mel=MEL64, n_samples=48_000)
    widths: tuple[int, int] = (32, 64)
    n_hidden: int = 128
    n_dense: int = 128
    dropout: float = 0.3


class CnnGruMel64(EmotionModel):
    """Two blocks of convolution, ReLU, batch norm, max pool and dropout; GRU; dense; softmax.

    Chosen where its author is silent: "same" padding, max pools of 2×2, frames as the steps of the
    GRU, its last state, ReLU, decibels in the 80 dB below the clip's peak before min-max scaling.
    """

    config_class = CnnGruMel64Config

    def __init__(self, config: CnnGruMel64Config, n_classes: int) -> None:
        super().__init__()
        self.sample_rate = config.picture.log_mel.sample_rate
        self.picture = MelPicture(config.picture)
        first, second = config.widths
        self.blocks = nn.Sequential(
            conv_block(1, first, pool=2, dropout=config.dropout),
            conv_block(first, second, pool=2, dropout=config.dropout),
        )
        n_bands = config.picture.log_mel.n_mels // 4
        self.gru = nn.GRU(second * n_bands, config.n_hidden, batch_first=True)
        self.embed = nn.Sequential(nn.Linear(config.n_hidden, config.n_dense), nn.ReLU())
        self.drop = nn.Dropout(config.dropout)
        self.emotion = nn.Linear(config.n_dense, n_classes)
        init_as_keras(self)

    def features(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(B, N) and (B,) to (B, 94, 64) and (B,)."""
        picture: tuple[Tensor, Tensor] = self.picture(waveforms, lengths)
        return picture

    def classify(self, features: Tensor, counts: Tensor) -> ModelOutput:
        """(B, 94, 64) and (B,) to the output."""
        x = self.blocks(features[:, None])  # (B, 64, 23, 16)
        x = x.permute(0, 2, 3, 1).flatten(2)  # (B, 23, 16 · 64)
        states, _ = self.gru(x)  # (B, 23, 128)
        embedding = self.embed(states[:, -1])  # (B, 128)
        logits = self.emotion(self.drop(embedding))
        return ModelOutput(logits, no_intensity(logits), embedding)
