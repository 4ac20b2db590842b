"""Sound made for the tests: voiced stretches that glide, noise between them, a quiet floor."""

from __future__ import annotations

import librosa
import numpy as np
from numpy.typing import NDArray


def speech_like(sample_rate: int, duration_s: float, *, seed: int) -> NDArray[np.float32]:
    """Harmonics of a gliding pitch under one formant, coming and going, over noise."""
    generator = np.random.default_rng(seed)
    n_samples = round(sample_rate * duration_s)
    time_s = np.arange(n_samples) / sample_rate
    pitch_hz = (110 + 40 * (seed % 4)) * (1 + 0.1 * np.sin(2 * np.pi * 2 * time_s))
    phase = 2 * np.pi * np.cumsum(pitch_hz) / sample_rate
    voice = np.zeros(n_samples)
    for k in range(1, 25):
        voice += np.sin(k * phase) * np.exp(-(((k * pitch_hz - 700) / 900) ** 2)) / np.sqrt(k)
    voiced = np.clip(np.sin(2 * np.pi * 1.3 * time_s + seed), 0, 1)
    hiss = generator.normal(0, 0.01, n_samples) * (1 - voiced)
    floor = generator.normal(0, 3e-4, n_samples)
    return np.asarray(0.2 * voiced * voice + hiss + floor, dtype=np.float32)


def librosa_features(name: str, signal: NDArray[np.float32]) -> NDArray[np.float64]:
    """The feature set ``name`` by librosa, in double precision, (T, F)."""
    y, of = signal.astype(np.float64), librosa.feature
    match name:
        case "mel64":
            mel = of.melspectrogram(
                y=y, sr=16_000, n_fft=2048, hop_length=512, n_mels=64, fmax=8_000
            )
            found = librosa.power_to_db(mel, top_db=None)
        case "mel128":
            mel = of.melspectrogram(y=y, sr=22_050, n_fft=2048, hop_length=512, n_mels=128)
            found = librosa.power_to_db(mel, top_db=None)
        case "mfcc13dd":
            mfcc = of.mfcc(y=y, sr=22_050, n_mfcc=13, n_fft=512, win_length=441, hop_length=220)
            found = np.vstack([mfcc, of.delta(mfcc), of.delta(mfcc, order=2)])
        case "mfcc20" | "mfcc40":
            found = of.mfcc(y=y, sr=22_050, n_mfcc=int(name.removeprefix("mfcc")))
        case "chroma12":
            found = of.chroma_stft(y=y, sr=22_050, tuning=0.0)
        case "centroid":
            found = of.spectral_centroid(y=y, sr=22_050)
        case "rolloff":
            found = of.spectral_rolloff(y=y, sr=22_050, roll_percent=0.85)
        case "zcr":
            found = of.zero_crossing_rate(y)
        case "rms":
            found = of.rms(y=y)
        case "stack2376":
            return reference_stack(y)
        case _:
            raise ValueError(name)
    return np.asarray(found.T)


def reference_stack(y: NDArray[np.float64]) -> NDArray[np.float64]:
    """The vector of the reference systems: 2.5 s from 0.6 s on, what is missing filled with 0."""
    y = y[round(0.6 * 22_050) :][: round(2.5 * 22_050)]
    zcr = np.squeeze(librosa.feature.zero_crossing_rate(y))
    rms = np.squeeze(librosa.feature.rms(y=y))
    row = np.hstack([zcr, rms, np.ravel(librosa.feature.mfcc(y=y, sr=22_050).T)])
    return np.pad(row, (0, 2376 - len(row)))[None]
