"""Acoustic fingerprints: what is kept of a recording in order to find its copies.

A fingerprint is a picture of the sound, time by log-frequency, freed of level and of everything
slow. Padding and trimming move the picture in time, a pitch shift moves it in frequency, gain
leaves it alone, noise and codecs blur it. Its autocorrelation, which no move changes, is the
summary by which candidates are found. ``serotone.corpora.near_duplicates`` compares fingerprints.

The idea of matching spectral pictures goes back to Haitsma and Kalker, "A highly robust audio
fingerprinting system", ISMIR 2002, and of log-frequency for pitch to Fenet, Richard and Grenier,
"A scalable audio fingerprint method with robustness to pitch-shifting", ISMIR 2011.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass

import numpy as np
import soxr
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[np.float32]

RATE_HZ = 8000
WINDOW = 1024
HOP = 128
BANDS_PER_OCTAVE = 24
LOWEST_HZ = 150.0
HIGHEST_HZ = 3800.0
FLOOR_DB = 35.0
SMOOTH_FRAMES = 12
SMOOTH_BANDS = 14
SUMMARY_FRAMES = 64
SUMMARY_BANDS = 20

FRAME_S = HOP / RATE_HZ
BAND_SEMITONES = 12 / BANDS_PER_OCTAVE


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprint:
    """What is kept of a recording in order to find its copies.

    Attributes:
        digest: SHA-256 of the samples, rounded to 16 bits, with the sample rate.
        picture: float16 (F, T), high-passed log spectrogram, T frames of 16 ms.
        summary: float32 (D,), unit length; zero for silence.
        level_db: level of the loud parts, for the gain between copies.
    """

    digest: str
    picture: NDArray[np.float16]
    summary: Array
    level_db: float


def digest(signal: Array, sample_rate: int) -> str:
    """SHA-256 of a decoded signal: equal for the same sound in another lossless container.

    Args:
        signal: float32 (N,), one channel.
        sample_rate: in Hz; the same samples at another rate are another sound.
    """
    samples = np.clip(np.round(signal * 32768.0), -32768, 32767).astype("<i2")
    return hashlib.sha256(sample_rate.to_bytes(4, "little") + samples.tobytes()).hexdigest()


def fingerprint(signal: Array, sample_rate: int) -> Fingerprint:
    """The fingerprint of a recording.

    Args:
        signal: float32 (N,), one channel, finite.
        sample_rate: in Hz.

    Example:
        >>> import numpy as np
        >>> noise = np.random.default_rng(0).normal(size=16000).astype(np.float32)
        >>> fingerprint(noise, 16000).picture.shape
        (112, 63)
    """
    power = _band_power(signal, sample_rate)
    loud = float(np.quantile(power, 0.99))
    picture = np.log(power / max(loud, 1e-12) + 10 ** (-FLOOR_DB / 10))
    picture -= _smooth(_smooth(picture, SMOOTH_FRAMES, axis=1), SMOOTH_BANDS, axis=0)
    return Fingerprint(
        digest=digest(signal, sample_rate),
        picture=picture.astype(np.float16),
        summary=_summary(picture),
        level_db=10 * float(np.log10(max(loud, 1e-12))),
    )


def _band_power(signal: Array, sample_rate: int) -> Array:
    """Power (F, T) in bands a quarter-tone apart."""
    sound = np.asarray(signal, dtype=np.float32)
    if sample_rate != RATE_HZ:
        sound = soxr.resample(sound, sample_rate, RATE_HZ, quality="MQ")
    # Half a window of silence on each side: the first and the last frame count like any other.
    sound = np.pad(sound, WINDOW // 2)
    frames = sliding_window_view(sound, WINDOW)[::HOP] * np.hanning(WINDOW).astype(np.float32)
    spectrum = np.fft.rfft(frames, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    return np.asarray(_bands() @ power.T, dtype=np.float32)


@functools.cache
def _bands() -> Array:
    """Weights (F, bins) of Gaussian bands, none narrower than a bin of the Fourier transform."""
    n = int(BANDS_PER_OCTAVE * np.log2(HIGHEST_HZ / LOWEST_HZ)) + 1
    centres = LOWEST_HZ * 2.0 ** (np.arange(n) / BANDS_PER_OCTAVE)
    widths = np.maximum(centres * (2.0 ** (1 / BANDS_PER_OCTAVE) - 1), RATE_HZ / WINDOW)
    bins = np.arange(WINDOW // 2 + 1) * RATE_HZ / WINDOW
    weights = np.exp(-0.5 * ((bins - centres[:, None]) / (0.6 * widths[:, None])) ** 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)


def _smooth(picture: Array, n: int, *, axis: int) -> Array:
    """Mean over 2n + 1 neighbours."""
    x = np.moveaxis(picture, axis, -1)
    width = [(0, 0)] * (x.ndim - 1) + [(n + 1, n)]
    total = np.cumsum(np.pad(x, width, mode="edge"), axis=-1, dtype=np.float64)
    mean = (total[..., 2 * n + 1 :] - total[..., : -(2 * n + 1)]) / (2 * n + 1)
    return np.moveaxis(mean.astype(np.float32), -1, axis)


def _summary(picture: Array) -> Array:
    """The autocorrelation of a picture at small moves, as one vector of unit length.

    Noise is unlike itself but where it lies on itself: without that middle, it hardly shows.
    """
    size = (fast_size(len(picture) + SUMMARY_BANDS), fast_size(picture.shape[1] + SUMMARY_FRAMES))
    spectrum = np.fft.rfft2(picture, size)
    full = np.fft.irfft2(spectrum.real**2 + spectrum.imag**2, size)
    rows = np.arange(-SUMMARY_BANDS, SUMMARY_BANDS + 1)
    near = full[rows, :SUMMARY_FRAMES]
    near[SUMMARY_BANDS - 2 : SUMMARY_BANDS + 3, :5] = 0.0
    # Steps between bands: the distance of harmonics counts, the rhythm of speech does not.
    near = np.diff(near, axis=0)
    length = float(np.linalg.norm(near))
    return (near.ravel() / length if length > 0 else near.ravel()).astype(np.float32)


def fast_size(n: int) -> int:
    """A length not below ``n`` whose Fourier transform is quick."""
    return -(-n // 32) * 32
