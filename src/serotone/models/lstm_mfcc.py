"""LSTM over MFCC."""

from __future__ import annotations

from torch import Tensor, nn

from serotone.config import Config
from serotone.features.mfcc import Mfcc, MfccConfig
from serotone.models.base import ModelOutput, no_intensity
from serotone.models.blocks import StandardisedModel, init_as_keras, last_frame


class LstmMfccConfig(Config):
    """Settings of ``LstmMfcc``.

    Attributes:
        n_hidden: units of the LSTM.
        n_dense: units of the dense layer.
        dropout: after it.
    """

    mfcc: MfccConfig = MfccConfig(n_mfcc=40)
    n_hidden: int = 128
    n_dense: int = 64
    dropout: float = 0.3


class LstmMfcc(StandardisedModel):
    """LSTM, its last state, dense, softmax.

    Its author says "MFCC sequences → LSTM → dense → softmax". Chosen here, as usual in the field:
    40 coefficients of librosa's frames at 22,050 Hz, 128 units, a dense layer of 64 with ReLU and
    dropout, a standard scaler per coefficient; each clip at its own length.
    """

    config_class = LstmMfccConfig

    def __init__(self, config: LstmMfccConfig, n_classes: int) -> None:
        super().__init__()
        self.sample_rate = config.mfcc.sample_rate
        self.mfcc = Mfcc(config.mfcc)
        self.add_scaler(self.mfcc.n_features)
        self.lstm = nn.LSTM(self.mfcc.n_features, config.n_hidden, batch_first=True)
        self.embed = nn.Sequential(nn.Linear(config.n_hidden, config.n_dense), nn.ReLU())
        self.drop = nn.Dropout(config.dropout)
        self.emotion = nn.Linear(config.n_dense, n_classes)
        init_as_keras(self)

    def features(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(B, N) and (B,) to (B, T, n_mfcc) and (B,)."""
        return self.mfcc(waveforms, lengths), self.mfcc.n_frames(lengths)

    def classify(self, features: Tensor, counts: Tensor) -> ModelOutput:
        """(B, T, n_mfcc) and (B,) to the output."""
        states, _ = self.lstm(self.standardise(features, counts))  # (B, T, n_hidden)
        embedding = self.embed(last_frame(states, counts))  # (B, n_dense)
        logits = self.emotion(self.drop(embedding))
        return ModelOutput(logits, no_intensity(logits), embedding)
