"""Each way in which sound goes bad does what it says, and keeps length and place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from serotone.audio.io import read
from serotone.effects import degrade
from serotone.types import Audio

RATE = 16_000
SAMPLE = sorted((Path(__file__).parents[2] / "samples").glob("*.wav"))[0]


@pytest.fixture
def speech() -> Audio:
    return read(SAMPLE, sample_rate=RATE)


def made(signal: np.ndarray) -> Audio:
    return Audio(signal.astype(np.float32), RATE, "made")


def white(n: int) -> Audio:
    return made(0.05 * np.random.default_rng(0).standard_normal(n))


def tone(hz: float, seconds: float = 1.0) -> Audio:
    return made(0.3 * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE))


def rms(signal: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(signal, dtype=np.float64))))


@pytest.mark.parametrize("snr_db", [20, 5, 0])
def test_noise_stands_at_its_ratio_to_the_speech_alone(speech: Audio, snr_db: int) -> None:
    quiet = replace(speech, signal=(0.3 * speech.signal).astype(np.float32))
    padded = made(np.concatenate([np.zeros(RATE), quiet.signal, np.zeros(RATE)]))
    noisy = degrade.add_noise(padded, white(3 * RATE), snr_db=snr_db)
    level = rms(noisy.signal - padded.signal)
    assert 20 * np.log10(degrade.active_level(padded) / level) == pytest.approx(snr_db, abs=0.3)
    assert degrade.active_level(padded) == pytest.approx(degrade.active_level(quiet), rel=0.05)


def test_the_offset_chooses_the_noise_and_its_padding_is_left_out() -> None:
    noise = made(np.concatenate([white(RATE // 2).signal, np.zeros(RATE)]))
    speech = tone(300)
    first, again, later = (
        degrade.add_noise(speech, noise, snr_db=0, offset=offset).signal for offset in (0, 0, 0.5)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, later)
    added = first - speech.signal
    assert min(rms(part) for part in np.split(added[:16_000], 10)) > 0.5 * rms(added)


def test_a_room_keeps_time_and_level(speech: Audio) -> None:
    response = np.zeros(4_000)
    response[500] = 0.5  # late and low: neither delays nor lowers
    np.testing.assert_allclose(
        degrade.in_room(speech, made(response)).signal, speech.signal, atol=1e-4
    )
    response[1_500] = 0.4
    wet = degrade.in_room(speech, made(response))
    assert len(wet.signal) == len(speech.signal)
    assert degrade.active_level(wet) == pytest.approx(degrade.active_level(speech), rel=0.02)
    assert rms(wet.signal - speech.signal) > 0.1 * rms(speech.signal)


def test_a_telephone_lets_its_band_through() -> None:
    kept, low, high = (rms(degrade.telephone(tone(hz)).signal) for hz in (1_000, 100, 5_000))
    assert kept == pytest.approx(rms(tone(1_000).signal), rel=0.05)
    assert max(low, high) < 0.02


def test_the_mu_law_has_256_levels_with_small_errors(speech: Audio) -> None:
    ramp = np.linspace(-1, 1, 100_001).astype(np.float32)
    coded = degrade._mu_law(ramp)
    assert len(np.unique(coded)) == 256
    large = np.abs(ramp) > 0.01
    assert np.max(np.abs(coded - ramp)[large] / np.abs(ramp)[large]) < 0.04


@pytest.mark.parametrize("codec", ["mp3", "opus"])
def test_a_codec_keeps_the_sound_and_loses_detail(speech: Audio, codec) -> None:
    back = degrade.lossy(speech, codec, kbit_s=16)
    assert len(back.signal) == len(speech.signal) and back.source == speech.source
    assert degrade.active_level(back) == pytest.approx(degrade.active_level(speech), rel=0.25)
    assert not np.allclose(back.signal, speech.signal, atol=1e-3)
    fine, coarse = (
        rms(degrade.lossy(speech, codec, kbit_s=k).signal - speech.signal) for k in (64, 16)
    )
    assert fine < coarse


def test_gain_clipping_and_the_loudest_second(speech: Audio) -> None:
    assert degrade.gain(tone(200), -12).signal.max() == pytest.approx(0.3 * 10 ** (-0.6), rel=0.01)
    cut = degrade.clipped(tone(200), 12)
    assert np.mean(np.abs(cut.signal) == 1) > 0.5
    loud = np.concatenate([np.zeros(RATE), tone(200).signal, np.zeros(2 * RATE)])
    second = degrade.loudest(made(loud), 1.0)
    assert second.start_s == pytest.approx(1.0, abs=0.01) and second.duration_s == 1.0
    assert degrade.loudest(second, 2.0) is second
