"""LIGHT-SERNet: a small fully convolutional network on MFCC."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from serotone.config import Config
from serotone.features.mfcc import Mfcc, MfccConfig
from serotone.features.waveform import crop
from serotone.models.base import EmotionModel, ModelOutput, no_intensity
from serotone.models.blocks import KerasBatchNorm2d, init_as_keras, l2

DB_PER_NEPER = 20 / math.log(10)
"""Decibels of power in one unit of the natural logarithm of magnitude."""


class LightSerNetConfig(Config):
    """Settings of ``LightSerNet``. Lengths in samples.

    Attributes:
        n_samples: that a clip is cut to, or padded to with silence.
        clip: largest magnitude of a coefficient.
        path_width: channels of each of the three paths.
        widths: channels of the convolutions after them; the last is 1×1.
        dropout: before the last layer.
        l2: price of the squared kernels of the convolutions after the paths.
    """

    mfcc: MfccConfig = MfccConfig(
        sample_rate=16_000,
        n_fft=1024,
        hop_length=256,
        f_min=80.0,
        f_max=7_600.0,
        n_mfcc=40,
        top_db=None,
    )
    n_samples: int = 48_000
    clip: float = 10.0
    path_width: int = 32
    widths: tuple[int, int, int, int, int] = (64, 96, 128, 160, 320)
    dropout: float = 0.3
    l2: float = 1e-6


class LightSerNet(EmotionModel):
    """Three paths that look along time, along the cepstrum and at both; five convolutions; mean.

    Layers, widths and settings are those of the authors' code, so is the 3 s crop. Its MFCC differ
    in detail: the mel scale is Slaney's and over power; coefficients are in the authors' units
    (natural logarithm of magnitude, cut to ±10).

    Source:
        Aftab et al. 2022, 10.1109/ICASSP43922.2022.9746679, arXiv:2110.03435.
    """

    config_class = LightSerNetConfig

    def __init__(self, config: LightSerNetConfig, n_classes: int) -> None:
        super().__init__()
        self.config = config
        self.sample_rate = config.mfcc.sample_rate
        self.mfcc = Mfcc(config.mfcc)
        self.paths = nn.ModuleList(
            _block(nn.Conv2d(1, config.path_width, kernel, padding="same"), pool=(2, 2))
            for kernel in ((11, 1), (1, 9), (3, 3))
        )
        inputs = (3 * config.path_width, *config.widths[:-1])
        pools: list[tuple[int, int] | None] = [(2, 2), (2, 2), (2, 1), (2, 1), None]
        kernels = (3, 3, 3, 3, 1)
        self.body = nn.Sequential(
            *(
                _block(nn.Conv2d(n_in, n_out, kernel, padding="same", bias=False), pool=pool)
                for n_in, n_out, kernel, pool in zip(
                    inputs, config.widths, kernels, pools, strict=True
                )
            )
        )
        self.drop = nn.Dropout(config.dropout)
        self.emotion = nn.Linear(config.widths[-1], n_classes)
        init_as_keras(self)

    def features(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(B, N) and (B,) to (B, 188, 40) and (B,), all 188: silence is part of the picture."""
        clip, _ = crop(waveforms, lengths, n_samples=self.config.n_samples)
        whole = torch.full_like(lengths, self.config.n_samples)
        mfcc = self.mfcc(clip, whole) / DB_PER_NEPER
        return mfcc.clamp(-self.config.clip, self.config.clip), self.mfcc.n_frames(whole)

    def classify(self, features: Tensor, counts: Tensor) -> ModelOutput:
        """(B, 188, 40) and (B,) to the output."""
        x = features[:, None]  # (B, 1, 188, 40)
        x = torch.cat([path(x) for path in self.paths], dim=1)  # (B, 96, 94, 20)
        embedding = self.body(x).mean(dim=(2, 3))  # (B, 320)
        logits = self.emotion(self.drop(embedding))
        return ModelOutput(logits, no_intensity(logits), embedding)

    def penalty(self) -> Tensor:
        """The price of the kernels, a scalar."""
        return l2((m for m in self.body.modules() if isinstance(m, nn.Conv2d)), self.config.l2)


def _block(convolution: nn.Conv2d, *, pool: tuple[int, int] | None) -> nn.Sequential:
    """Convolution, batch norm, ReLU, mean pool; a last odd row is the mean of itself."""
    layers = [convolution, KerasBatchNorm2d(convolution.out_channels), nn.ReLU()]
    if pool:
        layers.append(nn.AvgPool2d(pool, ceil_mode=True, count_include_pad=False))
    return nn.Sequential(*layers)
