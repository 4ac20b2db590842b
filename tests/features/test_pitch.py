"""Fundamental frequency and the strength of its period, on sound whose pitch is known."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from serotone.features.pitch import Pitch, PitchConfig

RATE = 16_000


def harmonics(hz: float, duration_s: float = 1.0, n: int = 12) -> NDArray[np.float64]:
    """Harmonics that fall by 6 dB an octave, in random phases; of power 1 together."""
    generator = np.random.default_rng(round(hz))
    time_s = np.arange(round(RATE * duration_s)) / RATE
    phases = generator.uniform(0, 2 * np.pi, n)
    waves = [np.cos(2 * np.pi * k * hz * time_s + p) / k for k, p in enumerate(phases, 1)]
    return np.asarray(sum(waves) * np.sqrt(2 / sum(1 / k**2 for k in range(1, n + 1))))


def measure(signal: NDArray[np.floating]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Hz and strength of the frames that lie wholly inside."""
    heard = torch.from_numpy(signal.astype(np.float32))
    found = Pitch(PitchConfig())(heard[None], torch.tensor([len(heard)]))[0].numpy()[5:-5]
    return found[:, 0], found[:, 1]


@pytest.mark.parametrize("hz", [70.0, 98.3, 133.7, 212.0, 287.1, 391.4, 470.0])
def test_the_pitch_of_a_steady_voice_is_found(hz: float) -> None:
    found, strength = measure(harmonics(hz))
    assert np.abs(found / hz - 1).max() < 0.005
    assert strength.min() > 0.95


def test_a_gliding_voice_is_followed_as_librosa_follows_it() -> None:
    time_s = np.arange(2 * RATE) / RATE
    hz = 150 * 2 ** (0.5 * np.sin(2 * np.pi * 0.7 * time_s))
    phase = 2 * np.pi * np.cumsum(hz) / RATE
    voice = sum(np.sin(k * phase) / k for k in range(1, 15))
    found, _ = measure(0.1 * np.asarray(voice))
    yin = librosa.yin(
        np.asarray(voice), fmin=60, fmax=500, sr=RATE, frame_length=1024, hop_length=160
    )
    truth = hz[::160][5 : 5 + len(found)]
    errors = [np.abs(np.log2(x / truth)) for x in (found, yin[5 : 5 + len(found)])]
    assert np.median(errors[0]) <= np.median(errors[1]) + 0.005
    assert errors[0].max() < 0.05


@pytest.mark.parametrize("snr_db", [0.0, 6.0, 12.0])
def test_strength_tells_the_ratio_of_harmonics_to_noise(snr_db: float) -> None:
    noise = np.random.default_rng(1).normal(0, 10 ** (-snr_db / 20), 4 * RATE)
    _, strength = measure(harmonics(160, duration_s=4) + noise)
    r = float(np.median(strength))
    assert 10 * np.log10(r / (1 - r)) == pytest.approx(snr_db, abs=1.5)


def test_noise_has_no_strong_period_and_silence_none() -> None:
    _, strength = measure(np.random.default_rng(0).normal(0, 0.1, RATE))
    assert np.quantile(strength, 0.9) < 0.45
    hz, strength = measure(np.zeros(RATE))
    assert np.isfinite(hz).all() and strength.max() == 0


def test_the_level_of_a_recording_changes_nothing() -> None:
    loud = 0.5 * harmonics(120)
    for ours, theirs in zip(measure(loud), measure(0.01 * loud), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3)
