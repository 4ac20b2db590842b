"""Fundamental frequency of a voice, with numpy alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from serotone.types import Audio

if TYPE_CHECKING:
    from numpy.typing import NDArray

F_MIN_HZ, F_MAX_HZ = 65.0, 600.0
WINDOW_S = 0.04
UNVOICED_ABOVE = 0.3
QUIET_DB = 40.0


def pitch(audio: Audio, *, hop_s: float = 0.01) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pitch over time by YIN: 65 to 600 Hz, NaN where nothing is voiced.

    A frame is voiced when its normalised difference falls below 0.3 and it lies less than 40 dB
    below the loudest. An octave off now and then is in the nature of the method.

    Args:
        audio: of one voice.
        hop_s: from frame to frame, in seconds.

    Returns:
        Times in seconds from the start of the audio and pitches in Hz, each (T,).

    Source:
        de Cheveigné & Kawahara 2002, YIN, steps 1 to 5, 10.1121/1.1458024.
    """
    rate = audio.sample_rate
    n_window, longest = round(WINDOW_S * rate), int(rate / F_MIN_HZ) + 2
    shortest = int(rate / F_MAX_HZ)
    span = n_window + longest
    signal = np.pad(audio.signal.astype(np.float64), (span // 2, span))
    starts = np.round(np.arange(0, audio.duration_s, hop_s) * rate).astype(int)
    frames = signal[starts[:, None] + np.arange(span)]
    difference = _normalised_difference(frames, n_window=n_window, n_lags=longest)
    power = np.square(frames).mean(axis=1)
    loud = power > max(power.max() * 10 ** (-QUIET_DB / 10), 1e-12)
    hz = np.full(len(starts), np.nan)
    for index in np.flatnonzero(loud):
        lag = _lag(difference[index], shortest)
        if lag:
            hz[index] = rate / lag
    return starts / rate, hz


def _normalised_difference(
    frames: NDArray[np.float64], *, n_window: int, n_lags: int
) -> NDArray[np.float64]:
    """Squared difference to itself ``lag`` later, over its mean at all shorter lags. (T, L)."""
    n_fft = 1 << (frames.shape[1] + n_window).bit_length()
    spectrum = np.fft.rfft(frames, n_fft)
    window = np.fft.rfft(frames[:, :n_window], n_fft)
    product = np.fft.irfft(spectrum * window.conj(), n_fft)[:, :n_lags]
    energy = np.cumsum(np.square(frames), axis=1)
    energy = np.pad(energy, ((0, 0), (1, 0)))
    lags = np.arange(n_lags)
    energies = energy[:, lags + n_window] - energy[:, lags]
    difference = np.maximum(energies[:, :1] + energies - 2 * product, 0)
    means = np.cumsum(difference[:, 1:], axis=1) / lags[1:]
    normalised = np.ones_like(difference)
    normalised[:, 1:] = difference[:, 1:] / np.maximum(means, 1e-20)
    return np.asarray(normalised)


def _lag(difference: NDArray[np.float64], shortest: int) -> float:
    """The first dip below the threshold, between samples by a parabola; 0 where there is none."""
    below = np.flatnonzero(difference[shortest:-1] < UNVOICED_ABOVE)
    if not below.size:
        return 0.0
    lag = shortest + int(below[0])
    while lag + 2 < len(difference) and difference[lag + 1] < difference[lag]:
        lag += 1
    left, middle, right = difference[lag - 1 : lag + 2]
    bend = left - 2 * middle + right
    return float(lag + (0.5 * (left - right) / bend if bend > 0 else 0.0))
