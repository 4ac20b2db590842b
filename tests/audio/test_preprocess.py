"""Each step of the preparation, alone and in its order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from serotone.audio.dsp import compress_range, reduce_noise, trim_silence
from serotone.audio.preprocess import PrepareConfig, prepare
from serotone.errors import ConfigError
from serotone.types import Audio


@pytest.fixture
def sound() -> Audio:
    """A quiet tone, then a loud one, between silences, on a bed of noise."""
    time_s = np.arange(16_000) / 16_000
    tone = np.sin(2 * np.pi * 300 * time_s)
    signal = np.concatenate([0 * tone, 0.1 * tone, 0.5 * tone, 0 * tone])
    signal += 0.001 * np.random.default_rng(0).normal(size=len(signal))
    return Audio(signal.astype(np.float32), 16_000, "sound")


def test_nothing_is_done_unless_asked(sound: Audio) -> None:
    assert prepare(sound, PrepareConfig()) is sound


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"noise_reduction": 0.7}, lambda a: reduce_noise(a, strength=0.7)),
        ({"trim_db": 30}, lambda a: trim_silence(a, top_db=30)),
        ({"compress_ratio": 4}, lambda a: compress_range(a, ratio=4)),
    ],
)
def test_a_step_is_its_function(sound: Audio, options: dict[str, Any], expected: Any) -> None:
    done = prepare(sound, PrepareConfig(**options))
    np.testing.assert_array_equal(done.signal, expected(sound).signal)
    assert not np.array_equal(done.signal, sound.signal)


def test_levels(sound: Audio) -> None:
    peak = prepare(sound, PrepareConfig(normalise="peak")).signal
    assert float(np.abs(peak).max()) == pytest.approx(10 ** (-1 / 20), rel=1e-4)
    loud = prepare(sound, PrepareConfig(normalise="loudness")).signal.astype(float)
    assert 10 * np.log10(np.mean(loud**2)) == pytest.approx(-23, abs=0.01)


def test_a_segment_has_its_length_and_its_place(sound: Audio) -> None:
    config = PrepareConfig.parse({"segment": {"length_s": 2.5, "offset_s": 0.6}})
    cut = prepare(sound, config)
    np.testing.assert_array_equal(cut.signal, sound.signal[9600 : 9600 + 40_000])
    assert cut.start_s == pytest.approx(0.6)
    short = Audio(sound.signal[:8000], 16_000)  # ends before the offset: taken from its start
    padded = prepare(short, config).signal
    assert len(padded) == 40_000
    np.testing.assert_array_equal(padded[:8000], short.signal)
    assert not padded[8000:].any()


def test_silence_goes_before_the_level_is_measured(sound: Audio) -> None:
    config = PrepareConfig(trim_db=30, normalise="loudness")
    speech = prepare(sound, config).signal.astype(float)
    assert 10 * np.log10(np.mean(speech**2)) == pytest.approx(-23, abs=0.01)
    assert len(speech) < 0.6 * len(sound.signal)


@pytest.mark.parametrize("n_samples", [1, 50, 700])
def test_very_short_and_silent_pieces_pass(n_samples: int) -> None:
    config = PrepareConfig.parse(
        {
            "noise_reduction": 0.5,
            "trim_db": 40,
            "compress_ratio": 2,
            "normalise": "peak",
            "segment": {"length_s": 0.5, "offset_s": 0.01},
        }
    )
    noise = np.random.default_rng(0).normal(0, 0.1, n_samples).astype(np.float32)
    for signal in (noise, np.zeros(n_samples, np.float32)):
        done = prepare(Audio(signal, 16_000), config)
        assert len(done.signal) == 8000
        assert np.isfinite(done.signal).all()


@pytest.mark.parametrize(
    "values", [{"noise_reduction": 1.5}, {"segment": {"length_s": 0}}, {"normalise": "rms"}]
)
def test_impossible_values_are_one_line(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"\[prepare"):
        PrepareConfig.parse(values, "prepare")
