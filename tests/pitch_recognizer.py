"""A speech detector that goes by level, a recogniser that goes by pitch, and sounds for both.

What is loud is speech; its emotion is told by the frequency, so that tests know what must come out
without a model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

from serotone.types import Audio, Prediction

RATE = 16_000
LABELS = ("neutral", "happy", "sad", "angry")
PITCH_HZ = {"neutral": 200.0, "happy": 400.0, "sad": 800.0, "angry": 1600.0}


def load_level_detector() -> Callable[[NDArray[np.float32]], float]:
    """In the place of Silero: speech is what is loud."""
    return lambda frame: float(np.sqrt(np.mean(frame**2)) > 0.05)


@dataclass
class PitchRecognizer:
    """Hears the nearest pitch, at 0.7; counts what it was asked."""

    labels: tuple[str, ...] = LABELS
    sample_rate: int = RATE
    min_confidence: float = 0.0
    model: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(name="pitch"))
    n_heard: int = 0
    longest_s: float = 0.0

    def predict_batch(self, audios: Sequence[Audio]) -> list[Prediction]:
        return [self.predict_audio(audio) for audio in audios]

    def predict_audio(self, audio: Audio) -> Prediction:
        self.n_heard += 1
        self.longest_s = max(self.longest_s, audio.duration_s)
        loud = audio.signal[np.abs(audio.signal) > 0.01]
        crossings = int((np.diff(np.sign(loud)) != 0).sum())
        pitch_hz = crossings / 2 / max(len(loud), 1) * audio.sample_rate
        label = min(LABELS, key=lambda name: abs(math.log(PITCH_HZ[name] / max(pitch_hz, 1))))
        shares = dict.fromkeys(LABELS, 0.1) | {label: 0.7}
        return Prediction(audio.source, audio.start_s, audio.end_s, shares, label, 0.7, 0.5)

    def embed(self, audios: Sequence[Audio]) -> NDArray[np.float32]:
        """Two voices: the pitches below 600 Hz and those above."""
        low = [self.predict_audio(audio).label in ("neutral", "happy") for audio in audios]
        return np.array([[1.0, 0.1] if is_low else [0.1, 1.0] for is_low in low], np.float32)


def tone(label: str, length_s: float, *, rate: int = RATE) -> NDArray[np.float32]:
    time_s = np.arange(round(length_s * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * PITCH_HZ[label] * time_s)).astype(np.float32)


def quiet(length_s: float, *, rate: int = RATE) -> NDArray[np.float32]:
    return np.zeros(round(length_s * rate), np.float32)


def talk(*said: tuple[str, float], rate: int = RATE) -> NDArray[np.float32]:
    """Tones one after another; the label ``-`` is a pause."""
    parts = [
        quiet(length_s, rate=rate) if label == "-" else tone(label, length_s, rate=rate)
        for label, length_s in said
    ]
    return np.concatenate(parts)
