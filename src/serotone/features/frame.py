"""Framing and the Fourier transform as plain matrix products, so that any runtime can do them."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class FrameFeatures(nn.Module):
    """What every feature layer promises.

    It has no learned state; it exports; what a clip gives does not depend on the padding after it.
    What stands after a clip's own frames means nothing: mask it.

    Attributes:
        sample_rate: that it wants, in Hz.
        hop_length: from frame to frame, in samples.
        n_features: F.
    """

    sample_rate: int
    hop_length: int
    n_features: int

    def n_frames(self, lengths: Tensor) -> Tensor:
        """(B,) samples to (B,) frames."""
        return n_frames(lengths, self.hop_length)

    def forward(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        """(B, N) samples, zero after each length, and (B,) lengths to (B, T, F)."""
        raise NotImplementedError


def n_frames(lengths: Tensor, hop_length: int) -> Tensor:
    """Number of centred frames of clips of ``lengths`` samples, as librosa counts them."""
    return torch.div(lengths, hop_length, rounding_mode="floor") + 1


def frame_mask(counts: Tensor, n_total: int) -> Tensor:
    """(B,) counts to (B, n_total) booleans, true where a frame belongs to the clip."""
    return torch.arange(n_total, device=counts.device)[None, :] < counts[:, None]


def frame(waveforms: Tensor, *, frame_length: int, hop_length: int) -> Tensor:
    """Cut centred frames.

    Frame t is centred on sample t·hop; what lies outside the clip is zero.

    Args:
        waveforms: (B, N).
        frame_length: in samples, even.
        hop_length: in samples.

    Returns:
        (B, 1 + N // hop, frame_length).
    """
    batch, n_samples = waveforms.shape
    n_total = n_samples // hop_length + 1
    n_blocks = -(-frame_length // hop_length)
    half = frame_length // 2
    # Slices of whole hops instead of an index per sample: every runtime does this fast.
    right = n_blocks * hop_length
    padded = nn.functional.pad(waveforms, (half, right))
    n_rows = n_total - 1 + n_blocks
    rows = padded[:, : n_rows * hop_length].reshape(batch, n_rows, hop_length)
    pieces = [rows[:, i : i + n_total] for i in range(n_blocks)]
    return torch.cat(pieces, dim=-1)[..., :frame_length]


def hann_window(n_fft: int, win_length: int) -> Tensor:
    """Periodic Hann window of ``win_length``, centred in ``n_fft`` samples. float64 (n_fft,)."""
    window = torch.hann_window(win_length, periodic=True, dtype=torch.float64)
    left = (n_fft - win_length) // 2
    return nn.functional.pad(window, (left, n_fft - win_length - left))


class PowerSpectrum(nn.Module):
    """|STFT|² with a centred Hann window, equal to ``numpy.abs(librosa.stft(y)) ** 2``.

    A real signal under a symmetric window needs only half the products: samples n and
    n_fft - n meet the same cosine and opposite sines, so they are added and subtracted first.

    Args:
        n_fft: transform length in samples, even.
        hop_length: in samples.
        win_length: in samples, even, ``n_fft`` when None.

    Raises:
        ValueError: when the lengths do not fit each other.
    """

    cosines: Tensor
    sines: Tensor

    def __init__(self, *, n_fft: int, hop_length: int, win_length: int | None = None) -> None:
        super().__init__()
        win_length = win_length or n_fft
        if n_fft % 2 or hop_length > n_fft // 2:
            raise ValueError(f"n_fft {n_fft} must be even and at least twice hop {hop_length}")
        if win_length % 2 or win_length > n_fft:
            # A window of odd length has its middle between two samples: no symmetry to use.
            raise ValueError(f"win_length {win_length} must be even and at most n_fft {n_fft}")
        self.n_fft = n_fft
        self.hop_length = hop_length
        half = n_fft // 2
        window = hann_window(n_fft, win_length)[: half + 1, None]
        n = torch.arange(half + 1, dtype=torch.float64)[:, None]
        k = torch.arange(half + 1, dtype=torch.float64)[None, :]
        angle = 2 * math.pi / n_fft * torch.remainder(n * k, n_fft)
        self.register_buffer("cosines", (window * angle.cos()).float(), persistent=False)
        self.register_buffer("sines", (window * angle.sin())[1:half].float(), persistent=False)

    def forward(self, waveforms: Tensor) -> Tensor:
        """(B, N) to (B, T, n_fft // 2 + 1)."""
        frames = frame(waveforms, frame_length=self.n_fft, hop_length=self.hop_length)
        half = self.n_fft // 2
        first, left = frames[..., :1], frames[..., 1:half]
        middle, right = frames[..., half : half + 1], frames[..., half + 1 :].flip(-1)
        real = torch.cat([first, left + right, middle], dim=-1) @ self.cosines
        imaginary = (left - right) @ self.sines
        return real.square() + imaginary.square()


class SpectralFeatures(FrameFeatures):
    """Features that need nothing of a clip but its power spectrum.

    Attributes:
        spectrum: of frames of ``n_fft`` samples.
    """

    def __init__(
        self, *, sample_rate: int, n_fft: int, hop_length: int, win_length: int | None = None
    ) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        self.hop_length = hop_length
        self.spectrum = PowerSpectrum(n_fft=n_fft, hop_length=hop_length, win_length=win_length)

    def from_power(self, power: Tensor, counts: Tensor) -> Tensor:
        """(B, T, n_fft // 2 + 1) power and (B,) frames to (B, T, F)."""
        raise NotImplementedError

    def forward(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        """(B, N) samples, zero after each length, and (B,) lengths to (B, T, F)."""
        return self.from_power(self.spectrum(waveforms), self.n_frames(lengths))
