"""The four rows per clip of the ``claimed`` protocol, as sound.

Every clip is taken at 22,050 Hz, 2.5 s from 0.6 s on, and stored clean, with noise, with its pitch
0.7 semitones higher, and with both. The rows are split afterwards (``serotone.corpora.split``).
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from serotone.corpora.split import COPIES
from serotone.errors import ConfigError, MissingExtraError, did_you_mean
from serotone.types import Audio

RATE_HZ = 22050
START_S = 0.6
LENGTH_S = 2.5
NOISE = 0.035
SEMITONES = 0.7


def claimed_copy(audio: Audio, copy: str, *, seed: str) -> Audio:
    """One of the rows that the protocol makes of a clip.

    Args:
        audio: the whole clip, at ``RATE_HZ``.
        copy: one of ``serotone.corpora.split.COPIES``.
        seed: of the noise; the row's id.

    Raises:
        ConfigError: when there is no such copy, or the clip has another rate.
        MissingExtraError: for a copy with another pitch, without librosa.
    """
    if copy not in COPIES:
        raise ConfigError(f"unknown copy '{copy}'. {did_you_mean(copy, COPIES)}")
    if audio.sample_rate != RATE_HZ:
        raise ConfigError(f"got {audio.sample_rate} Hz, expected {RATE_HZ}. Resample it first.")
    start = int(START_S * RATE_HZ)
    signal: NDArray[np.floating] = audio.signal[start : start + int(LENGTH_S * RATE_HZ)]
    if "pitch" in copy:
        try:
            import librosa
        except ImportError:
            raise MissingExtraError("shifting the pitch", "train", "librosa") from None
        signal = librosa.effects.pitch_shift(signal, sr=RATE_HZ, n_steps=SEMITONES)
    if "noise" in copy:
        digest = hashlib.sha256(seed.encode()).digest()
        random = np.random.default_rng(int.from_bytes(digest[:8], "little"))
        level = NOISE * random.uniform() * float(np.abs(signal).max(initial=0.0))
        signal = signal + level * random.standard_normal(len(signal))
    return Audio(np.asarray(signal, dtype=np.float32), RATE_HZ, seed, START_S)
