"""ResLSTM-SA: two LSTMs with a residual connection and soft attention over time."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from serotone.config import Config
from serotone.features.chroma import N_CHROMA, Chroma, ChromaConfig
from serotone.features.frame import frame_mask
from serotone.features.mfcc import Mfcc, MfccConfig
from serotone.models.base import ModelOutput, no_intensity
from serotone.models.blocks import StandardisedModel, open_forget_gate


class LstmAttentionConfig(Config):
    """Settings of ``LstmAttention``. Lengths in samples.

    Attributes:
        n_fft, hop_length: 85.5 ms and half of it at 16 kHz, near the authors' 4096 at 48 kHz.
        n_hidden: units of the second LSTM; the first has as many as there are features.
        dropout: before the last layer; the authors search in 0.1–0.5.
    """

    sample_rate: int = 16_000
    n_fft: int = 1368
    hop_length: int = 684
    n_mfcc: int = 34
    n_hidden: int = 64
    dropout: float = 0.3


class LstmAttention(StandardisedModel):
    """LSTM plus its input, batch norm, LSTM, attention, batch norm, softmax.

    46,772 parameters for eight classes, as published. 34 MFCC and 12 chroma; the authors compute
    them at 48 kHz, here at 16 kHz with frames as long; their statistics are of all clips, here of
    the training side alone. ``classify`` takes one padded batch; what follows a clip is masked.

    Source:
        Krasnoproshin & Vashkevich 2026, Speech emotion recognition using attention-based
        LSTM-network with residual connection, arXiv:2606.03359; attention after Mirsamadi et al.
        2017, 10.1109/ICASSP.2017.7952552.
    """

    config_class = LstmAttentionConfig

    def __init__(self, config: LstmAttentionConfig, n_classes: int) -> None:
        super().__init__()
        self.sample_rate = config.sample_rate
        shape = {"n_fft": config.n_fft, "hop_length": config.hop_length}
        rate = config.sample_rate
        self.mfcc = Mfcc(
            MfccConfig(sample_rate=rate, f_max=rate / 2, n_mfcc=config.n_mfcc, **shape)
        )
        self.chroma = Chroma(ChromaConfig(sample_rate=rate, **shape))
        n_in = config.n_mfcc + N_CHROMA
        self.add_scaler(n_in)
        self.first = nn.LSTM(n_in, n_in, batch_first=True)
        self.first_norm = nn.BatchNorm1d(n_in)
        self.second = nn.LSTM(n_in, config.n_hidden, batch_first=True)
        self.attention = nn.Linear(config.n_hidden, 1, bias=False)
        self.norm = nn.BatchNorm1d(config.n_hidden)
        self.drop = nn.Dropout(config.dropout)
        self.emotion = nn.Linear(config.n_hidden, n_classes)
        _init(self)

    def features(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(B, N) and (B,) to (B, T, 46) and (B,)."""
        counts = self.mfcc.n_frames(lengths)
        power = self.mfcc.spectrum(waveforms)
        parts = [layer.from_power(power, counts) for layer in (self.mfcc, self.chroma)]
        return torch.cat(parts, dim=-1), counts

    def classify(self, features: Tensor, counts: Tensor) -> ModelOutput:
        """(B, T, 46) and (B,) to the output."""
        mask = frame_mask(counts, features.shape[1])[..., None]
        x = self.standardise(features, counts)
        states, _ = self.first(x)  # (B, T, 46)
        x = states * mask + x
        x = self.first_norm(x.transpose(1, 2)).transpose(1, 2)
        states, _ = self.second(x)  # (B, T, 64)
        scores = self.attention(states).masked_fill(~mask, -1e4)
        context = (states * scores.softmax(dim=1)).sum(dim=1)  # (B, 64)
        embedding = self.norm(context)
        logits = self.emotion(self.drop(embedding))
        return ModelOutput(logits, no_intensity(logits), embedding)


def _init(model: LstmAttention) -> None:
    """Draw weights as the authors do: Xavier, orthogonal, and 1 in both biases of forget gates."""
    for lstm in (model.first, model.second):
        for name, parameter in lstm.named_parameters():
            if name.startswith("weight_ih"):
                nn.init.xavier_normal_(parameter)
            elif name.startswith("weight_hh"):
                nn.init.orthogonal_(parameter)
            else:
                nn.init.zeros_(parameter)
                open_forget_gate(parameter)
    nn.init.xavier_normal_(model.attention.weight)
    nn.init.xavier_uniform_(model.emotion.weight)
    nn.init.zeros_(model.emotion.bias)
