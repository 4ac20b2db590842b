"""What can be told from the waveform alone: zero crossings and level."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from serotone.config import Config
from serotone.features.frame import FrameFeatures, frame, frame_mask

SILENCE = 1e-10
"""Samples no larger than this have no sign, as in librosa."""


class ZeroCrossingsConfig(Config):
    """Settings of ``ZeroCrossings``. Lengths in samples."""

    sample_rate: int = 22_050
    frame_length: int = 2048
    hop_length: int = 512


class ZeroCrossings(FrameFeatures):
    """Share of samples whose sign is not that of the one before, in each frame.

    Equal to ``librosa.feature.zero_crossing_rate``, which continues a clip with its first and last
    sample. No sign changes there, so that counting the crossings inside the clip gives the same.
    """

    def __init__(self, config: ZeroCrossingsConfig) -> None:
        super().__init__()
        self.sample_rate = config.sample_rate
        self.hop_length = config.hop_length
        self.frame_length = config.frame_length
        self.n_features = 1

    def forward(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        """(B, N) and (B,) to (B, T, 1), 0 to 1."""
        negative = (waveforms < -SILENCE).to(waveforms.dtype)
        crossings = (negative[:, 1:] - negative[:, :-1]).abs()
        inside = frame_mask(lengths - 1, crossings.shape[1]).to(waveforms.dtype)
        crossings = functional.pad(crossings * inside, (1, 0))  # (B, N)
        frames = frame(crossings, frame_length=self.frame_length, hop_length=self.hop_length)
        # A frame's first sample has no neighbour in the frame.
        return frames[..., 1:].sum(dim=-1, keepdim=True) / self.frame_length


class RmsConfig(Config):
    """Settings of ``Rms``. Lengths in samples."""

    sample_rate: int = 22_050
    frame_length: int = 2048
    hop_length: int = 512


class Rms(FrameFeatures):
    """Root of the mean square of each frame: ``librosa.feature.rms``."""

    def __init__(self, config: RmsConfig) -> None:
        super().__init__()
        self.sample_rate = config.sample_rate
        self.hop_length = config.hop_length
        self.frame_length = config.frame_length
        self.n_features = 1

    def forward(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        """(B, N) and (B,) to (B, T, 1), at least 0."""
        frames = frame(waveforms, frame_length=self.frame_length, hop_length=self.hop_length)
        return frames.square().mean(dim=-1, keepdim=True).sqrt()


def crop(
    waveforms: Tensor, lengths: Tensor, *, start: Tensor | None = None, n_samples: int
) -> tuple[Tensor, Tensor]:
    """A stretch of fixed length of each clip, zeros where the clip has ended.

    Args:
        waveforms: (B, N).
        lengths: (B,).
        start: (B,), first sample of each stretch, None for the clip's first.
        n_samples: of the stretch.

    Returns:
        (B, n_samples) and (B,), samples of each that are the clip's.
    """
    if start is None:
        n_left = lengths.clamp(max=n_samples)
        kept = functional.pad(waveforms, (0, n_samples))[:, :n_samples]
    else:
        n_left = (lengths - start).clamp(min=0, max=n_samples)
        place = start[:, None] + torch.arange(n_samples, device=waveforms.device)[None, :]
        kept = waveforms.gather(1, place.clamp(max=waveforms.shape[1] - 1))
    return kept * frame_mask(n_left, n_samples).to(waveforms.dtype), n_left
