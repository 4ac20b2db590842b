"""Each alteration of a sound does what its option says, the same every time."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from serotone.effects.waveform import Alterations, WaveformConfig, copy_of, fixed_copy
from serotone.errors import ConfigError
from serotone.types import Audio

RATE = 16_000


@pytest.fixture
def voice() -> Audio:
    """A second of a 200 Hz tone between two silences."""
    time_s = np.arange(RATE) / RATE
    signal = np.zeros(2 * RATE, np.float32)
    signal[RATE // 2 : RATE // 2 + RATE] = 0.4 * np.sin(2 * np.pi * 200 * time_s)
    return Audio(signal, RATE, "voice")


def altered(audio: Audio, *, clip: str = "x/1", **options: Any) -> Audio:
    config = WaveformConfig(copies=1, chance=1.0, **options)
    return Alterations(config, seed=0).copies(audio, clip)[0]


def pitch_hz(audio: Audio) -> float:
    spectrum = np.abs(np.fft.rfft(audio.signal * np.hanning(len(audio.signal))))
    return float(np.fft.rfftfreq(len(audio.signal), 1 / RATE)[spectrum.argmax()])


def rms(signal: Any) -> float:
    return float(np.sqrt(np.mean(np.square(signal, dtype=np.float64))))


def test_white_noise_stands_at_its_ratio(voice: Audio) -> None:
    noisy = altered(voice, white_noise=True, snr_db=(10, 10))
    ratio = 20 * np.log10(rms(voice.signal) / rms(noisy.signal - voice.signal))
    assert ratio == pytest.approx(10, abs=0.3)


def test_noise_of_fixed_strength(voice: Audio) -> None:
    noisy = altered(voice, gaussian_noise=0.005)
    assert rms(noisy.signal - voice.signal) == pytest.approx(0.005, rel=0.05)


def test_noise_relative_to_the_peak_stays_below_its_share(voice: Audio) -> None:
    spreads = [
        rms(altered(voice, clip=f"x/{i}", peak_noise=0.035).signal - voice.signal)
        for i in range(20)
    ]
    assert max(spreads) < 0.035 * 0.4 * 1.05
    assert max(spreads) > 3 * min(spreads)  # its strength is drawn


def test_recorded_noise_is_mixed_in(voice: Audio, tmp_path: Path) -> None:
    time_s = np.arange(5 * 22_050) / 22_050
    soundfile.write(tmp_path / "hum.wav", 0.5 * np.sin(2 * np.pi * 1000 * time_s), 22_050)
    noisy = altered(voice, noise_files=str(tmp_path), snr_db=(0, 0))
    added = Audio(noisy.signal - voice.signal, RATE)
    assert pitch_hz(added) == pytest.approx(1000, abs=2)
    assert rms(added.signal) == pytest.approx(rms(voice.signal), rel=0.02)


def test_a_room_prolongs_the_sound(voice: Audio, tmp_path: Path) -> None:
    decay = np.exp(-np.arange(RATE) / 3000) * np.random.default_rng(0).normal(size=RATE)
    soundfile.write(tmp_path / "room.wav", 0.1 * decay, RATE)
    wet = altered(voice, rooms=str(tmp_path))
    after = slice(RATE // 2 + RATE, RATE // 2 + RATE + 1000)
    assert rms(voice.signal[after]) == 0
    assert rms(wet.signal[after]) > 0.05 * rms(wet.signal)
    assert len(wet.signal) == len(voice.signal)


@pytest.mark.parametrize(("semitones", "factor"), [(12.0, 2.0), (2.0, 2 ** (2 / 12))])
def test_pitch_moves_within_its_bounds(voice: Audio, semitones: float, factor: float) -> None:
    found = [pitch_hz(altered(voice, clip=f"x/{i}", pitch_semitones=semitones)) for i in range(6)]
    assert all(200 / factor - 3 <= hz <= 200 * factor + 3 for hz in found)
    assert max(found) - min(found) > 5


def test_stretching_changes_length_and_not_pitch(voice: Audio) -> None:
    slow = [altered(voice, clip=f"x/{i}", stretch=0.1) for i in range(6)]
    lengths = [len(a.signal) / len(voice.signal) for a in slow]
    assert all(1 / 1.1 - 0.01 <= n <= 1 / 0.9 + 0.01 for n in lengths)
    assert max(lengths) - min(lengths) > 0.02
    assert all(pitch_hz(a) == pytest.approx(200, abs=3) for a in slow)


def test_shifting_moves_and_gain_scales(voice: Audio) -> None:
    moved = [altered(voice, clip=f"x/{i}", shift_s=0.1).signal for i in range(6)]
    starts = [int(np.flatnonzero(np.abs(m) > 0.01)[0]) / RATE for m in moved]
    assert all(0.4 - 0.01 <= start <= 0.6 + 0.01 for start in starts)
    assert max(starts) - min(starts) > 0.02
    levels = [
        20 * np.log10(rms(altered(voice, clip=f"x/{i}", gain_db=6).signal) / rms(voice.signal))
        for i in range(6)
    ]
    assert all(-6.1 <= change <= 6.1 for change in levels)
    assert max(levels) - min(levels) > 1


@pytest.mark.parametrize("codec", ["mp3", "opus", "vorbis"])
@pytest.mark.parametrize("rate", [16_000, 22_050])
def test_a_codec_alters_the_sound_a_little(codec: str, rate: int) -> None:
    time_s = np.arange(rate) / rate
    tones = sum(np.sin(2 * np.pi * f * time_s) for f in (220, 900, 2500))
    sound = Audio((0.1 * tones).astype(np.float32), rate)
    coded = altered(sound, codecs=(codec,))
    assert len(coded.signal) == len(sound.signal)
    middle = slice(rate // 4, 3 * rate // 4)
    error = rms(coded.signal[middle] - sound.signal[middle]) / rms(sound.signal[middle])
    assert 0 < error < 0.5


def test_the_same_seed_and_clip_give_the_same_copies(voice: Audio) -> None:
    options: dict[str, Any] = {
        "copies": 3,
        "pitch_semitones": 2.0,
        "gaussian_noise": 0.005,
        "white_noise": True,
        "gain_db": 3.0,
    }
    config = WaveformConfig(**options)
    first = Alterations(config, seed=0).copies(voice, "x/1")
    random.seed(99)
    np.random.seed(99)
    second = Alterations(config, seed=0).copies(voice, "x/1")
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.signal, b.signal)
    other = Alterations(config, seed=1).copies(voice, "x/1")
    elsewhere = Alterations(config, seed=0).copies(voice, "x/2")
    for copies in (other, elsewhere):
        assert any(
            a.signal.shape != b.signal.shape or not np.array_equal(a.signal, b.signal)
            for a, b in zip(first, copies, strict=True)
        )


def test_what_others_draw_is_left_alone(voice: Audio) -> None:
    random.seed(5)
    np.random.seed(5)
    expected = random.random(), np.random.uniform()
    random.seed(5)
    np.random.seed(5)
    altered(voice, white_noise=True, codecs=("mp3",))
    assert (random.random(), np.random.uniform()) == expected


def test_fixed_copies_are_those_of_the_four_copy_protocol(voice: Audio) -> None:
    config = WaveformConfig(fixed=("noise", "pitch", "pitch+noise"))
    noise, pitch, both = Alterations(config, seed=7).copies(voice, "x/1")
    assert pitch_hz(pitch) == pytest.approx(200 * 2 ** (0.7 / 12), abs=1.5)
    assert pitch_hz(both) == pytest.approx(200 * 2 ** (0.7 / 12), abs=1.5)
    assert 0 < rms(noise.signal - voice.signal) < 0.035 * 0.4 * 1.05
    assert 0 < rms(both.signal - pitch.signal) < 0.035 * 0.5
    # The data set of a protocol does not change with the seed of a run.
    np.testing.assert_array_equal(noise.signal, fixed_copy(voice, "noise", "x/1").signal)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("ravdess/a#clean", ("ravdess/a", "")),
        ("ravdess/a#noise", ("ravdess/a", "noise")),
        ("ravdess/a#pitch+noise", ("ravdess/a", "pitch+noise")),
        ("ravdess/a", ("ravdess/a", "")),
        ("folder/take#7", ("folder/take#7", "")),
    ],
)
def test_ids_name_their_copy(row: str, expected: tuple[str, str]) -> None:
    assert copy_of(row, Path("a.wav")) == expected


def test_copies_stay_within_full_scale(voice: Audio) -> None:
    loud = altered(voice, gain_db=24, peak_noise=3.0)
    assert float(np.abs(loud.signal).max()) <= 1
    assert loud.signal.dtype == np.float32


@pytest.mark.parametrize("key", ["noise_files", "rooms"])
def test_a_folder_without_sounds_is_an_error(tmp_path: Path, key: str) -> None:
    for name in (str(tmp_path), str(tmp_path / "nowhere")):
        with pytest.raises(ConfigError, match=f"'{key}': got"):
            Alterations(WaveformConfig(copies=1, **{key: name}), seed=0)


def test_noise_that_robustness_is_measured_with_can_be_kept_out(
    voice: Audio, tmp_path: Path
) -> None:
    for kind, pitch in (("rain", 1000), ("helicopter", 3000)):
        (tmp_path / kind).mkdir()
        tone = 0.5 * np.sin(2 * np.pi * pitch * np.arange(5 * RATE) / RATE)
        soundfile.write(tmp_path / kind / "1.wav", tone, RATE)
    for number in range(8):
        noisy = altered(
            voice, clip=f"x/{number}", noise_files=str(tmp_path), held_out=True, snr_db=(0, 0)
        )
        assert pitch_hz(Audio(noisy.signal - voice.signal, RATE)) == pytest.approx(1000, abs=2)
    only = WaveformConfig(copies=1, noise_files=str(tmp_path / "helicopter"), held_out=True)
    with pytest.raises(ConfigError, match="not held out for testing"):
        Alterations(only, seed=0)


def test_a_telephone_takes_the_high_band_away(voice: Audio) -> None:
    hiss = np.random.default_rng(0).normal(scale=0.1, size=RATE).astype(np.float32)
    heard = altered(Audio(hiss, RATE), telephone=True)
    power = np.abs(np.fft.rfft(heard.signal)) ** 2
    frequency = np.fft.rfftfreq(len(heard.signal), 1 / RATE)
    kept = power[(frequency > 500) & (frequency < 3000)].mean()
    assert power[frequency > 4200].mean() < 0.01 * kept
    assert len(heard.signal) == RATE


def test_a_folder_may_be_named_by_a_variable(
    voice: Audio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soundfile.write(tmp_path / "room.wav", np.eye(1, 100)[0], RATE)
    monkeypatch.setenv("SOME_ROOMS", str(tmp_path))
    assert len(altered(voice, rooms="$SOME_ROOMS").signal) == len(voice.signal)


def test_bounds_the_wrong_way_round_are_an_error() -> None:
    with pytest.raises(ConfigError, match="lower bound first"):
        WaveformConfig.parse({"snr_db": [20, 5]}, "waveform")
