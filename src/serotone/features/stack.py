"""One long vector a clip: zero crossings, level and MFCC, one after the other."""

from __future__ import annotations

import torch
from torch import Tensor

from serotone.config import Config
from serotone.features.frame import FrameFeatures, n_frames
from serotone.features.mfcc import Mfcc, MfccConfig
from serotone.features.waveform import (
    Rms,
    RmsConfig,
    ZeroCrossings,
    ZeroCrossingsConfig,
    crop,
)


class StackConfig(Config):
    """Settings of ``Stack``.

    Attributes:
        offset_s: left out at the start of a clip.
        duration_s: looked at after it.
        frame_length, hop_length: in samples.
        n_mfcc: coefficients a frame.
    """

    sample_rate: int = 22_050
    offset_s: float = 0.6
    duration_s: float = 2.5
    frame_length: int = 2048
    hop_length: int = 512
    n_mfcc: int = 20


class Stack(FrameFeatures):
    """(ZCR of all frames, RMS of all frames, MFCC frame by frame), 2,376 numbers by default.

    A clip that ends early has fewer frames; its three parts follow each other without a gap, and
    zeros fill the rest: the reference stacks the rows and fills what is missing with 0. A clip
    that the offset would leave without a whole frame is taken from its start.

    Attributes:
        hop_length: of the frames inside; the vector itself is one frame.
    """

    is_vector = True

    def __init__(self, config: StackConfig) -> None:
        super().__init__()
        self.sample_rate = config.sample_rate
        self.hop_length = config.hop_length
        self.frame_length = config.frame_length
        self.n_skipped = round(config.offset_s * config.sample_rate)
        self.n_samples = round(config.duration_s * config.sample_rate)
        self.n_steps = 1 + self.n_samples // config.hop_length
        self.n_features = self.n_steps * (2 + config.n_mfcc)
        shape = {"frame_length": config.frame_length, "hop_length": config.hop_length}
        rate = config.sample_rate
        self.zero_crossings = ZeroCrossings(ZeroCrossingsConfig(sample_rate=rate, **shape))
        self.rms = Rms(RmsConfig(sample_rate=rate, **shape))
        self.mfcc = Mfcc(
            MfccConfig(
                sample_rate=rate,
                n_fft=config.frame_length,
                hop_length=config.hop_length,
                f_max=rate / 2,
                n_mfcc=config.n_mfcc,
            )
        )

    def n_frames(self, lengths: Tensor) -> Tensor:
        """(B,) samples to (B,) ones."""
        return torch.ones_like(lengths)

    def forward(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        """(B, N) and (B,) to (B, 1, n_features)."""
        enough = lengths >= self.n_skipped + self.frame_length
        start = torch.where(enough, self.n_skipped, torch.zeros_like(lengths))
        clip, n_left = crop(waveforms, lengths, start=start, n_samples=self.n_samples)
        parts = [layer(clip, n_left) for layer in (self.zero_crossings, self.rms, self.mfcc)]
        full = torch.cat([part.flatten(1) for part in parts], dim=1)  # (B, n_features)
        return self._close_gaps(full, n_frames(n_left, self.hop_length))[:, None]

    def _close_gaps(self, full: Tensor, counts: Tensor) -> Tensor:
        """Move the parts of clips of ``counts`` (B,) frames together; zeros behind them."""
        counts = counts[:, None]
        place = torch.arange(self.n_features, device=full.device)[None, :]
        n_gaps = (place >= counts).long() + (place >= 2 * counts).long()
        source = (place + n_gaps * (self.n_steps - counts)).clamp(max=self.n_features - 1)
        inside = place < counts * (self.n_features // self.n_steps)
        return full.gather(1, source) * inside.to(full.dtype)
