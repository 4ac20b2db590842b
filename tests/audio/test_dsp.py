from __future__ import annotations

import builtins
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import librosa
import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from serotone.audio import dsp as prepare
from serotone.errors import AudioError, MissingExtraError
from serotone.types import Audio

RATE = 16000


def noise(n_samples: int, *, level: float = 0.1, seed: int = 0) -> Audio:
    signal = level * np.random.default_rng(seed).standard_normal(n_samples)
    return Audio(np.clip(signal, -1, 1).astype(np.float32), RATE, "noise", 2.0)


def tone_at(level_db: float, duration_s: float = 1.0) -> Audio:
    time_s = np.arange(round(duration_s * RATE)) / RATE
    signal = 10 ** (level_db / 20) * np.sin(2 * np.pi * 1000 * time_s)
    return Audio(signal.astype(np.float32), RATE)


def test_silence_is_what_hardly_moves() -> None:
    for signal in (np.zeros(100), np.full(100, 0.3), np.resize([0, 1 / 32768], 100)):
        with pytest.raises(AudioError, match=r"^a: only silence in 0\.01 s"):
            prepare.refuse_silence(Audio(signal.astype(np.float32), RATE, "a"))
    faint = noise(100, level=0.001)
    assert prepare.refuse_silence(faint) is faint


@pytest.mark.parametrize("rate", [8000, 22050, 44100])
def test_to_rate_is_soxr_at_high_quality(rate: int) -> None:
    audio = noise(RATE)
    converted = prepare.to_rate(audio, rate)
    expected = soxr.resample(audio.signal, RATE, rate, quality="HQ")
    assert (converted.sample_rate, converted.start_s) == (rate, 2.0)
    np.testing.assert_allclose(converted.signal, expected, atol=1e-5)
    assert prepare.to_rate(audio, RATE) is audio


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=8))
@settings(max_examples=20, deadline=None)
def test_resampling_block_by_block_is_resampling(sizes: list[int]) -> None:
    signal = noise(sum(sizes)).signal
    convert = prepare.resampler(RATE, 11025)
    parts = [convert(part, last=False) for part in np.split(signal, np.cumsum(sizes)[:-1])]
    parts.append(convert(signal[:0], last=True))
    whole = prepare.resampler(RATE, 11025)(signal, last=True)
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-6)


def test_resampling_stays_in_range() -> None:
    square = Audio(np.sign(np.sin(np.arange(8000) / 7)).astype(np.float32), RATE)
    assert np.abs(prepare.to_rate(square, 44100).signal).max() <= 1


@pytest.mark.parametrize("peak_db", [0.0, -1.0, -20.0])
def test_peak_normalise_reaches_the_peak(peak_db: float) -> None:
    audio = prepare.peak_normalise(noise(5000), peak_db=peak_db)
    assert 20 * np.log10(np.abs(audio.signal).max()) == pytest.approx(peak_db, abs=1e-3)
    assert audio.start_s == 2.0


def test_loudness_normalise_reaches_the_level_or_full_scale() -> None:
    audio = prepare.loudness_normalise(noise(50000), rms_db=-23)
    assert 10 * np.log10(np.mean(audio.signal.astype(float) ** 2)) == pytest.approx(-23, abs=1e-3)
    click = Audio(np.eye(1, 1000, 500, dtype=np.float32)[0] * 0.1, RATE)
    assert np.abs(prepare.loudness_normalise(click, rms_db=-6).signal).max() == pytest.approx(1)


def test_levels_leave_silence_alone_and_stay_below_full_scale() -> None:
    silence = Audio(np.zeros(100, np.float32), RATE)
    assert prepare.peak_normalise(silence) is silence
    assert prepare.loudness_normalise(silence) is silence
    with pytest.raises(AudioError, match="got a level of 3 dB"):
        prepare.peak_normalise(noise(100), peak_db=3)
    with pytest.raises(AudioError, match="got a level of 3 dB"):
        prepare.loudness_normalise(noise(100), rms_db=3)


@given(st.integers(0, 20000), st.integers(600, 20000), st.integers(0, 20000), st.integers(20, 60))
@settings(max_examples=40, deadline=None)
def test_trimming_is_librosas(before: int, inside: int, after: int, top_db: int) -> None:
    quiet = 1e-4 * np.random.default_rng(1).standard_normal(before + inside + after)
    quiet[before : before + inside] += noise(inside).signal
    audio = Audio(quiet.astype(np.float32), RATE, "x", 1.0)
    expected, (first, last) = librosa.effects.trim(
        audio.signal, top_db=top_db, frame_length=512, hop_length=128
    )
    trimmed = prepare.trim_silence(audio, top_db=top_db)
    np.testing.assert_array_equal(trimmed.signal, expected)
    assert trimmed.start_s == pytest.approx(1 + first / RATE)
    assert trimmed.end_s == pytest.approx(1 + last / RATE)


def test_trimming_needs_something_to_trim_by(tone: Audio) -> None:
    silence = Audio(np.zeros(5000, np.float32), RATE)
    assert len(prepare.trim_silence(silence).signal) == 5000
    with pytest.raises(AudioError, match="expected more than 0"):
        prepare.trim_silence(tone, top_db=0)


@pytest.mark.parametrize(
    ("level_db", "expected_db"),
    [(-40, -40), (-30, -30), (-24, -24 - 0.5), (-18, -22), (-12, -20), (0, -16)],
)
def test_a_steady_tone_follows_the_static_curve(level_db: float, expected_db: float) -> None:
    # Threshold -24, ratio 3, knee 6: at the threshold the knee takes (1/3 - 1) * 6 / 8 dB.
    out = prepare.compress_range(tone_at(level_db), threshold_db=-24, ratio=3, knee_db=6)
    settled = np.abs(out.signal[RATE // 2 :]).max()
    assert 20 * np.log10(settled) == pytest.approx(expected_db, abs=0.1)


def test_attack_and_release_take_their_time() -> None:
    loud, soft = tone_at(-6, 0.5).signal, tone_at(-40, 0.5).signal
    step = Audio(np.concatenate([soft, loud, soft]), RATE)
    out = prepare.compress_range(step, ratio=10, attack_s=0.02, release_s=0.2).signal
    gain = np.abs(out).reshape(-1, 160).max(axis=1) / np.abs(step.signal).reshape(-1, 160).max(
        axis=1
    )
    gain_db = 20 * np.log10(gain)
    settled = gain_db[95]
    assert settled == pytest.approx(0.9 * -18, abs=0.2)
    assert gain_db[51] / settled == pytest.approx(1 - np.exp(-0.015 / 0.02), abs=0.1)
    assert gain_db[120] / settled == pytest.approx(np.exp(-0.205 / 0.2), abs=0.05)


def test_a_ratio_of_one_changes_nothing() -> None:
    audio = noise(5000)
    np.testing.assert_allclose(prepare.compress_range(audio, ratio=1).signal, audio.signal)
    with pytest.raises(AudioError, match=r"got ratio 0\.5"):
        prepare.compress_range(audio, ratio=0.5)


def test_reducing_noise_lowers_the_hiss_by_its_strength() -> None:
    pytest.importorskip("noisereduce")
    audio = noise(3 * RATE, level=0.02)
    levels = []
    for strength in (0.0, 0.4, 0.8):
        clean = prepare.reduce_noise(audio, strength=strength)
        assert clean.signal.dtype == np.float32
        assert (len(clean.signal), clean.start_s) == (3 * RATE, audio.start_s)
        levels.append(np.std(clean.signal) / np.std(audio.signal))
    assert levels[0] == pytest.approx(1, abs=0.02)
    assert levels[0] > levels[1] + 0.2 > levels[2] + 0.4
    silence = replace(audio, signal=np.zeros(RATE, np.float32))
    assert not prepare.reduce_noise(silence).signal.any()
    with pytest.raises(AudioError, match="expected 0 to 1"):
        prepare.reduce_noise(audio, strength=2)


def test_reducing_noise_names_its_extra(tone: Audio, monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Any] = builtins.__import__

    def missing(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "noisereduce":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(MissingExtraError, match=r"serotone\[train\]"):
        prepare.reduce_noise(tone)


@given(st.floats(0.01, 3), st.floats(0, 0.9))
@settings(deadline=None)
def test_fixed_length_cuts_and_fills(length_s: float, offset_s: float) -> None:
    audio = noise(RATE)
    part = prepare.fix_length(audio, length_s=length_s, offset_s=offset_s)
    n_samples, first = round(length_s * RATE), round(offset_s * RATE)
    assert len(part.signal) == n_samples
    assert part.start_s == pytest.approx(2 + offset_s, abs=1 / RATE)
    n_real = min(n_samples, RATE - first)
    np.testing.assert_array_equal(part.signal[:n_real], audio.signal[first : first + n_real])
    assert not part.signal[n_real:].any()


def test_fixed_length_needs_something_there() -> None:
    for length_s, offset_s in [(0, 0), (1, 1), (1, -0.1)]:
        with pytest.raises(AudioError, match="expected a length above 0 and an offset within"):
            prepare.fix_length(noise(RATE), length_s=length_s, offset_s=offset_s)
