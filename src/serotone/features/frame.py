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
        is_vector: whether a clip of any length is one frame.
        names: of each of F; empty where they have numbers only.
    """

    sample_rate: int
    hop_length: int
    n_features: int
    is_vector: bool = False
    names: tuple[str, ...] = ()

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

    A frame of N = R·C samples is laid out as R rows of C. Its columns are transformed, turned in
    phase, and then its rows: two products with small matrices instead of one with a large one
    (Cooley & Tukey 1965, 10.1090/S0025-5718-1965-0178586-1).

    Args:
        n_fft: transform length in samples, even; fast where it has a divisor near its root.
        hop_length: in samples.
        win_length: in samples, ``n_fft`` when None.

    Attributes:
        shape: transform, hop and window length; spectra of one shape are the same.

    Raises:
        ValueError: when ``n_fft`` is odd or shorter than the window.
    """

    window: Tensor
    columns: Tensor
    turn_cos: Tensor
    turn_sin: Tensor
    rows: Tensor
    order: Tensor

    def __init__(self, *, n_fft: int, hop_length: int, win_length: int | None = None) -> None:
        super().__init__()
        win_length = win_length or n_fft
        if n_fft % 2 or win_length > n_fft:
            raise ValueError(f"n_fft {n_fft} must be even and at least win_length {win_length}")
        self.shape = (n_fft, hop_length, win_length)
        self.n_fft = n_fft
        self.hop_length = hop_length
        n_columns = max(d for d in range(1, math.isqrt(n_fft) + 1) if n_fft % d == 0)
        n_rows = n_fft // n_columns
        self.n_rows, self.n_columns = n_rows, n_columns
        # Columns are real: the upper half of their transform mirrors the lower.
        self.n_half = n_half = n_rows // 2 + 1
        cos, sin = _cos_sin(n_half, n_rows, n_rows)
        turn_cos, turn_sin = _cos_sin(n_half, n_columns, n_fft)
        row_cos, row_sin = _cos_sin(n_columns, n_columns, n_columns)
        # (real, imaginary) @ rows is the product of complex numbers with cos - i·sin.
        rows = torch.cat(
            [torch.cat([row_cos, -row_sin], dim=1), torch.cat([row_sin, row_cos], dim=1)]
        )
        k = torch.arange(n_fft // 2 + 1)
        place, turn = k % n_rows, k // n_rows
        mirrored = place >= n_half
        place = torch.where(mirrored, n_rows - place, place)
        turn = torch.where(mirrored, n_columns - 1 - turn, turn)
        constants = {
            "window": hann_window(n_fft, win_length).reshape(n_rows, n_columns).float(),
            "columns": torch.cat([cos, -sin]).float(),
            "turn_cos": turn_cos.float(),
            "turn_sin": turn_sin.float(),
            "rows": rows.float(),
            "order": place * n_columns + turn,
        }
        for name, value in constants.items():
            self.register_buffer(name, value, persistent=False)

    def forward(self, waveforms: Tensor) -> Tensor:
        """(B, N) to (B, T, n_fft // 2 + 1)."""
        frames = frame(waveforms, frame_length=self.n_fft, hop_length=self.hop_length)
        batch, n_total, _ = frames.shape
        grid = frames.reshape(batch, n_total, self.n_rows, self.n_columns) * self.window
        half = self.columns @ grid  # (B, T, 2 n_half, C)
        real, imaginary = half[:, :, : self.n_half], half[:, :, self.n_half :]
        turned = torch.cat(
            [
                real * self.turn_cos + imaginary * self.turn_sin,
                imaginary * self.turn_cos - real * self.turn_sin,
            ],
            dim=-1,
        )
        bins = (turned @ self.rows).square()  # (B, T, n_half, 2 C)
        power = bins[..., : self.n_columns] + bins[..., self.n_columns :]
        return power.flatten(2)[..., self.order]


def _cos_sin(n: int, m: int, period: int) -> tuple[Tensor, Tensor]:
    """Cosine and sine of 2π·i·j / period. float64 (n, m) each."""
    i = torch.arange(n)[:, None]
    j = torch.arange(m)[None, :]
    angle = 2 * math.pi / period * torch.remainder(i * j, period).double()
    return angle.cos(), angle.sin()


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
