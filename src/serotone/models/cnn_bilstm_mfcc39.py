"""1-D CNN and bidirectional LSTM over 13 MFCC, Δ and ΔΔ."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from serotone.config import Config
from serotone.features.frame import frame_mask
from serotone.features.mfcc import Mfcc, MfccConfig
from serotone.features.sets import MFCC13DD
from serotone.models.base import ModelOutput, no_intensity
from serotone.models.blocks import BiLstm, KerasBatchNorm1d, StandardisedModel, init_as_keras


class CnnBiLstmMfcc39Config(Config):
    """Settings of ``CnnBiLstmMfcc39``.

    Attributes:
        widths: channels of the convolutions.
        n_hidden: units of the LSTM, each way.
        dropout: after it.
        n_dense: units of the dense layer.
    """

    mfcc: MfccConfig = MFCC13DD
    widths: tuple[int, ...] = (64, 128)
    n_hidden: int = 128
    dropout: float = 0.5
    n_dense: int = 64


class CnnBiLstmMfcc39(StandardisedModel):
    """Twice Conv1D 3, batch norm, ReLU, max pool 2; BiLSTM; dropout; dense; softmax.

    Its author pads or cuts clips to one length, which is not told. Here each clip has its own:
    what follows it is masked in every layer, and the way back begins at its end. Chosen as usual
    in the field: "same" padding, last states of both ways, ReLU in the dense layer, the standard
    scaler per coefficient over all frames.
    """

    config_class = CnnBiLstmMfcc39Config

    def __init__(self, config: CnnBiLstmMfcc39Config, n_classes: int) -> None:
        super().__init__()
        self.sample_rate = config.mfcc.sample_rate
        self.mfcc = Mfcc(config.mfcc)
        self.add_scaler(self.mfcc.n_features)
        inputs = (self.mfcc.n_features, *config.widths[:-1])
        self.convolutions = nn.ModuleList(
            nn.Conv1d(n_in, n_out, 3, padding=1)
            for n_in, n_out in zip(inputs, config.widths, strict=True)
        )
        self.norms = nn.ModuleList(KerasBatchNorm1d(n_out) for n_out in config.widths)
        self.lstm = BiLstm(config.widths[-1], config.n_hidden)
        self.drop = nn.Dropout(config.dropout)
        self.embed = nn.Sequential(nn.Linear(self.lstm.n_features, config.n_dense), nn.ReLU())
        self.emotion = nn.Linear(config.n_dense, n_classes)
        init_as_keras(self)

    def features(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(B, N) and (B,) to (B, T, 39) and (B,)."""
        return self.mfcc(waveforms, lengths), self.mfcc.n_frames(lengths)

    def classify(self, features: Tensor, counts: Tensor) -> ModelOutput:
        """(B, T, 39) and (B,) to the output."""
        x = self.standardise(features, counts).transpose(1, 2)  # (B, 39, T)
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = norm(convolution(x)).relu()
            x = x * frame_mask(counts, x.shape[2])[:, None].to(x.dtype)
            # A last frame without a partner stays, so that no clip is left without any. Nothing
            # is below zero here: one zero more changes no maximum.
            x = functional.max_pool1d(functional.pad(x, (0, 1)), 2)  # halves T
            counts = (counts + 1) // 2
        embedding = self.embed(self.drop(self.lstm(x.transpose(1, 2), counts)))  # (B, 64)
        logits = self.emotion(embedding)
        return ModelOutput(logits, no_intensity(logits), embedding)
