"""Recordings whose timeline is known: clips of few speakers with silence, noise and music between.

Each recording is a row of scenes. A scene is one speaker in one emotion, one to four clips, cut
to their speech by level (not by the speech detector under test) and 0.25 to 1.5 s apart. Between
scenes there is silence, noise of ESC-10 or a made-up tune. A quiet hiss lies under everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from serotone.audio.dsp import loudness_normalise, trim_silence
from serotone.audio.io import read
from serotone.types import Audio

RATE = 16_000
EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
HISS_DB = -65.0
N_SCENES = 14


@dataclass(frozen=True)
class Known:
    """Speech of which speaker and emotion are known."""

    start_s: float
    end_s: float
    emotion: str
    speaker: str


@dataclass(frozen=True)
class Recording:
    """A stitched recording and what is in it."""

    audio: Audio
    known: tuple[Known, ...]

    @property
    def duration_s(self) -> float:
        return self.audio.duration_s


def ravdess_clips(root: Path, actor: int) -> dict[str, list[Path]]:
    """The speech clips of one actor, by emotion."""
    clips: dict[str, list[Path]] = {}
    for path in sorted((root / f"Actor_{actor:02}").glob("03-01-*")):
        clips.setdefault(EMOTIONS[int(path.stem[6:8]) - 1], []).append(path)
    return clips


def stitch(ravdess: Path, noises: Sequence[Path], *, actors: Sequence[int], seed: int) -> Recording:
    """One recording; the same seed gives the same one."""
    draw = np.random.default_rng(seed)
    pool = {actor: ravdess_clips(ravdess, actor) for actor in actors}
    parts: list[NDArray[np.float32]] = []
    known: list[Known] = []
    at = 0

    def add(signal: NDArray[np.float32]) -> None:
        nonlocal at
        parts.append(signal)
        at += len(signal)

    add(_interlude(draw, noises))
    for _ in range(N_SCENES):
        actor = int(draw.choice(actors))
        emotion = str(draw.choice(EMOTIONS))
        gain_db = draw.uniform(-28, -20)
        paths = pool[actor][emotion]
        for index in draw.permutation(len(paths))[: int(draw.integers(1, 5))]:
            clip = _speech(paths[index], gain_db)
            known.append(Known(at / RATE, (at + len(clip)) / RATE, emotion, f"ravdess-{actor:02}"))
            add(clip)
            add(np.zeros(round(draw.uniform(0.25, 1.5) * RATE), np.float32))
        add(_interlude(draw, noises))
    signal = np.concatenate(parts)
    signal = signal + 10 ** (HISS_DB / 20) * draw.standard_normal(len(signal))
    audio = Audio(np.clip(signal, -1, 1).astype(np.float32), RATE, f"stitched-{seed}")
    return Recording(audio, tuple(known))


def _speech(path: Path, rms_db: float) -> NDArray[np.float32]:
    trimmed = trim_silence(read(path, sample_rate=RATE), top_db=30)
    return loudness_normalise(trimmed, rms_db=rms_db).signal


def _interlude(draw: np.random.Generator, noises: Sequence[Path]) -> NDArray[np.float32]:
    kind = draw.choice(["silence", "noise", "music"])
    n = round(draw.uniform(1.5, 5) * RATE)
    if kind == "silence":
        return np.zeros(n, np.float32)
    sound = music(draw, n) if kind == "music" else _noise(draw, noises, n)
    level_db = draw.uniform(-38, -24)
    rms = max(float(np.sqrt(np.mean(sound**2))), 1e-6)
    faded = sound * (10 ** (level_db / 20) / rms)
    ramp = np.minimum(1, np.minimum(np.arange(n), np.arange(n)[::-1]) / (0.05 * RATE))
    quarter = np.zeros(RATE // 4)
    whole: NDArray[np.float64] = np.concatenate([quarter, faded * ramp, quarter])
    return np.clip(whole, -1, 1).astype(np.float32)


def _noise(draw: np.random.Generator, noises: Sequence[Path], n: int) -> NDArray[np.float64]:
    path = noises[int(draw.integers(len(noises)))]
    signal = read(path, sample_rate=RATE, allow_silence=True).signal
    return np.resize(signal, n).astype(np.float64)


def music(draw: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Chords of plucked strings with a melody above and a beat below, about 110 to the minute."""
    beat = round(RATE * 60 / draw.uniform(90, 130))
    signal = np.zeros(n)
    scale = np.array([0, 2, 4, 5, 7, 9, 11, 12])
    root_hz = 110 * 2 ** (draw.integers(12) / 12)
    for start in range(0, n, beat):
        length = min(2 * beat, n - start)
        time_s = np.arange(length) / RATE
        chord = root_hz * 2 ** (scale[draw.integers(6)] / 12) * np.array([1, 1.26, 1.5])
        melody = 4 * root_hz * 2 ** (draw.choice(scale) / 12)
        for hz in (*chord, melody):
            for harmonic in range(1, 6):
                tone = np.sin(2 * np.pi * hz * harmonic * time_s) / harmonic**1.5
                signal[start : start + length] += tone * np.exp(-3 * time_s)
        drum = draw.standard_normal(length) * np.exp(-40 * time_s)
        signal[start : start + length] += 0.8 * drum
    return signal
