"""Small 2-D CNN and LSTM on 64-band mel pictures: every place of the map is a step."""

from __future__ import annotations

from torch import Tensor, nn

from serotone.config import Config
from serotone.features.sets import MEL64
from serotone.models.base import EmotionModel, ModelOutput, no_intensity
from serotone.models.blocks import MelPicture, PictureConfig, conv_block, init_as_keras


class CnnLstmMel64SmallConfig(Config):
    """Settings of ``CnnLstmMel64Small``.

    Attributes:
        picture: 94 frames × 64 bands, 3 s at 16 kHz.
        widths: channels of the two blocks; each takes thirds of the picture.
        n_hidden: units of the LSTM.
        n_dense: units of the dense layer.
        dropout: after each block and the dense layer.
    """

    picture: PictureConfig = PictureConfig(log_mel=MEL64, n_samples=48_000)
    widths: tuple[int, int] = (16, 32)
    n_hidden: int = 64
    n_dense: int = 32
    dropout: float = 0.3


class CnnLstmMel64Small(EmotionModel):
    """Two blocks with max pools of 3×3; LSTM over 70 steps; their mean; dense; softmax.

    Its author's "reshape (70, 32)" makes each of the 10 × 7 places of the last map a step. Chosen
    where the author is silent: "same" padding (without it 54 places would be left), frames before
    bands in the order of steps, ReLU.
    """

    config_class = CnnLstmMel64SmallConfig

    def __init__(self, config: CnnLstmMel64SmallConfig, n_classes: int) -> None:
        super().__init__()
        self.sample_rate = config.picture.log_mel.sample_rate
        self.picture = MelPicture(config.picture)
        first, second = config.widths
        self.blocks = nn.Sequential(
            conv_block(1, first, pool=3, dropout=config.dropout),
            conv_block(first, second, pool=3, dropout=config.dropout),
        )
        self.lstm = nn.LSTM(second, config.n_hidden, batch_first=True)
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
        x = self.blocks(features[:, None])  # (B, 32, 10, 7)
        x = x.flatten(2).transpose(1, 2)  # (B, 70, 32)
        states, _ = self.lstm(x)  # (B, 70, 64)
        embedding = self.embed(states.mean(dim=1))  # (B, 32)
        logits = self.emotion(self.drop(embedding))
        return ModelOutput(logits, no_intensity(logits), embedding)
