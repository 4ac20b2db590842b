"""What a speaker's recordings have in common, and recordings without it.

The mean spectrum of somebody's recordings tells of throat, microphone and level, which say little
of emotion. Taking it away leaves how each recording differs from the others. It needs all of them
at once, though no labels: figures gained so are transductive.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from serotone.errors import AudioError
from serotone.types import Audio

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_FFT, HOP = 512, 256
LOUD_DB = 30.0
"""Frames this far below a recording's loudest count as speech."""
N_SMOOTHED = 9
"""Neighbouring frequencies that are averaged: the voice, not its harmonics."""
MOST_DB = 24.0
"""Largest correction at any frequency."""
LEVEL_DB = -30.0
"""Root mean square that a speaker's average frame is brought to, in dB of full scale."""


@dataclass(frozen=True, slots=True, eq=False)
class Voice:
    """The mean spectrum of a speaker's recordings.

    Attributes:
        spectrum_db: float64 (N_FFT // 2 + 1,), power in dB.
        sample_rate: in Hz.
    """

    spectrum_db: NDArray[np.float64]
    sample_rate: int


def voice_of(audios: Iterable[Audio]) -> Voice:
    """The mean spectrum over the speech of recordings of one speaker.

    Raises:
        AudioError: when there are none, or their sample rates differ.
    """
    total, n_frames, rates = np.zeros(N_FFT // 2 + 1), 0, set()
    for audio in audios:
        spectra = _spectra_db(audio.signal)
        total += spectra.sum(axis=0)
        n_frames += len(spectra)
        rates.add(audio.sample_rate)
    if len(rates) != 1:
        raise AudioError(
            f"got recordings at {sorted(rates) or 'no'} Hz, expected some of one speaker at one "
            "rate. Resample them first."
        )
    padded = np.pad(total / n_frames, N_SMOOTHED // 2, mode="edge")
    smooth = np.convolve(padded, np.full(N_SMOOTHED, 1 / N_SMOOTHED), mode="valid")
    return Voice(smooth, rates.pop())


def without_voice(audio: Audio, voice: Voice) -> Audio:
    """The recording filtered so that its speaker's mean spectrum becomes everybody's.

    After cepstral mean subtraction over all of a speaker's recordings (Furui 1981,
    10.1109/TASSP.1981.1163530), but on the waveform, so that any model can follow. What tells one
    recording of the speaker from another, level included, stays.

    Raises:
        AudioError: when the recording has another sample rate than those the voice was made of.
    """
    if audio.sample_rate != voice.sample_rate:
        raise AudioError(
            f"{audio.source or 'audio'}: got {audio.sample_rate} Hz, expected "
            f"{voice.sample_rate} Hz as the speaker's other recordings. Resample it first."
        )
    change_db = np.clip(_common_db(voice.sample_rate) - voice.spectrum_db, -MOST_DB, MOST_DB)
    kernel = np.roll(np.fft.irfft(10 ** (change_db / 20)), N_FFT // 2) * np.hanning(N_FFT)
    n_total = len(audio.signal) + N_FFT - 1
    filtered = np.fft.irfft(
        np.fft.rfft(audio.signal, n_total) * np.fft.rfft(kernel, n_total), n_total
    )
    aligned = filtered[N_FFT // 2 : N_FFT // 2 + len(audio.signal)]
    return replace(audio, signal=np.clip(aligned, -1, 1).astype(np.float32))


def _spectra_db(signal: NDArray[np.float32]) -> NDArray[np.float64]:
    """Power in dB of the frames that are speech, (T, N_FFT // 2 + 1)."""
    padded = np.pad(signal.astype(np.float64), (0, max(0, N_FFT - len(signal))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(N_FFT))) ** 2
    level = power.sum(axis=1)
    speech = power[level >= level.max() * 10 ** (-LOUD_DB / 10)]
    return np.asarray(10 * np.log10(speech + 1e-10))


def _common_db(sample_rate: int) -> NDArray[np.float64]:
    """The spectrum that all speakers are brought to: level to 500 Hz, then falling by 6 dB an
    octave, near that of speech (Byrne et al. 1994, 10.1121/1.410152).
    """
    frequencies = np.fft.rfftfreq(N_FFT, 1 / sample_rate)
    shape_db = -6 * np.log2(np.maximum(frequencies, 500) / 500)
    sides = np.full(len(frequencies), 2.0)
    sides[[0, -1]] = 1.0
    # Parseval: the mean square of a frame from its power spectrum.
    mean_square = (sides * 10 ** (shape_db / 10)).sum() / (
        N_FFT * np.square(np.hanning(N_FFT)).sum()
    )
    return np.asarray(shape_db + LEVEL_DB - 10 * np.log10(mean_square))
