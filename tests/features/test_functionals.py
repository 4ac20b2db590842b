"""Descriptors on sound that is known, and their statistics against numpy and scipy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats

from serotone.features.descriptors import Descriptors, DescriptorsConfig
from serotone.features.functionals import (
    STATISTICS,
    VOICING,
    Functionals,
    FunctionalsConfig,
    functionals,
    voicing,
)
from tests.features.signals import speech_like

RATE = 16_000
CONFIG = DescriptorsConfig()


def described(signal: NDArray[np.floating]) -> dict[str, NDArray[np.float32]]:
    """Each descriptor's frames, by its name."""
    layer = Descriptors(CONFIG)
    heard = torch.from_numpy(signal.astype(np.float32))
    found = layer(heard[None], torch.tensor([len(heard)]))[0].numpy()
    return dict(zip(layer.names, found.T, strict=True))


def summed_up(values: NDArray[np.float64], counts: NDArray[np.bool_]) -> dict[str, float]:
    """Statistics of one descriptor's (T,) frames, by name."""
    x = torch.from_numpy(values.astype(np.float32))[None, :, None]
    found = functionals(x, torch.from_numpy(counts)[None, :, None])[0].tolist()
    return dict(zip(STATISTICS, found, strict=True))


@pytest.fixture
def walk() -> NDArray[np.float64]:
    """200 frames, of which 120 and no others count: see ``counts``."""
    return np.random.default_rng(3).normal(0, 1, 200).cumsum()


@pytest.fixture
def counts() -> NDArray[np.bool_]:
    return (np.arange(200) >= 30) & (np.arange(200) < 150)


def test_moments_and_percentiles_are_those_of_numpy_and_scipy(
    walk: NDArray[np.float64], counts: NDArray[np.bool_]
) -> None:
    found, own = summed_up(walk, counts), walk[counts]
    assert found["mean"] == pytest.approx(own.mean(), rel=1e-4)
    assert found["deviation"] == pytest.approx(own.std(), rel=1e-4)
    assert found["skewness"] == pytest.approx(stats.skew(own), abs=1e-3)
    assert found["kurtosis"] == pytest.approx(stats.kurtosis(own, fisher=False), rel=1e-3)
    for percent in (1, 5, 25, 50, 75, 95, 99):
        expected = np.percentile(own, percent)
        assert found[f"percentile{percent}"] == pytest.approx(expected, abs=1e-3)
    low, q25, q50, q75, high = np.percentile(own, [1, 25, 50, 75, 99])
    for name, expected in {
        "range25_75": q75 - q25,
        "range25_50": q50 - q25,
        "range50_75": q75 - q50,
        "range1_99": high - low,
    }.items():
        assert found[name] == pytest.approx(expected, abs=1e-3)


def test_trend_is_that_of_polynomials(walk: NDArray[np.float64], counts: NDArray[np.bool_]) -> None:
    found, own, t = summed_up(walk, counts), walk[counts], np.arange(120) - 59.5
    line = np.polynomial.Polynomial.fit(t, own, 1)
    bow = np.polynomial.Polynomial.fit(t, own, 2).convert()
    assert found["slope"] == pytest.approx(100 * line.convert().coef[1], rel=1e-3)
    assert found["residual"] == pytest.approx(np.sqrt(np.mean((own - line(t)) ** 2)), rel=1e-3)
    assert found["curvature"] == pytest.approx(1e4 * bow.coef[2], rel=1e-3)
    weight = np.clip(own - np.percentile(own, 1), 0, None)
    assert found["centre"] == pytest.approx((t * weight).sum() / weight.sum() / 120, rel=1e-3)


def test_shares_motion_and_peaks_are_counted(
    walk: NDArray[np.float64], counts: NDArray[np.bool_]
) -> None:
    found, own = summed_up(walk, counts), walk[counts]
    low, high = np.percentile(own, [1, 99])
    for percent in (25, 50, 75, 90):
        expected = np.mean(own > low + percent / 100 * (high - low))
        assert found[f"above{percent}"] == pytest.approx(expected, abs=0.01)
    steps = np.diff(own)
    assert found["rise"] == pytest.approx(np.clip(steps, 0, None).mean(), rel=1e-3)
    assert found["fall"] == pytest.approx(np.clip(-steps, 0, None).mean(), rel=1e-3)
    assert found["rising"] == pytest.approx(np.mean(steps > 1e-3 * (high - low)), abs=1e-6)
    peaks = np.flatnonzero((walk[1:-1] > walk[:-2]) & (walk[1:-1] > walk[2:])) + 1
    inside = [i for i in peaks if counts[i - 1] and counts[i] and counts[i + 1]]
    assert found["peaks"] == pytest.approx(len(inside) / 120, abs=0.02)
    assert found["maximum_at"] == pytest.approx((30 + own.argmax()) / 120, abs=1e-6)
    assert found["minimum_at"] == pytest.approx((30 + own.argmin()) / 120, abs=1e-6)


def test_a_constant_and_a_clip_without_frames_that_count_give_numbers() -> None:
    flat = summed_up(np.full(50, 3.0), np.ones(50, dtype=bool))
    assert flat["mean"] == pytest.approx(3) and flat["slope"] == pytest.approx(0, abs=1e-4)
    assert flat["peaks"] == 0 and flat["rising"] == 0
    assert set(summed_up(np.full(50, 3.0), np.zeros(50, dtype=bool)).values()) == {0.0}


def test_voicing_counts_stretches() -> None:
    voiced = torch.tensor([[0, 1, 1, 1, 0, 0, 1, 0]], dtype=torch.bool)[..., None]
    found = voicing(voiced, torch.tensor([8]), torch.tensor([[0.08]]))[0].tolist()
    assert dict(zip(VOICING, found, strict=True)) == pytest.approx(
        {"voiced_share": 0.5, "voiced_rate": 25.0, "voiced_length": 2.0}
    )


def test_descriptors_of_a_tone_are_where_the_tone_is() -> None:
    tone = np.sin(2 * np.pi * 2500 * np.arange(RATE) / RATE)
    found = {name: float(np.median(x)) for name, x in described(tone).items()}
    assert found["centroid"] == pytest.approx(2.5, abs=0.05)
    assert found["rolloff50"] == pytest.approx(2.5, abs=0.04)
    assert found["zcr"] == pytest.approx(2 * 2500 / RATE, rel=0.02)
    assert found["alpha_ratio"] < -40 and found["hammarberg"] < -40
    assert found["share1000_4000"] == pytest.approx(0, abs=0.1)
    assert found["flux"] == pytest.approx(0, abs=0.05)


def test_voice_is_told_from_hiss_and_its_pitch_from_another() -> None:
    time_s = np.arange(RATE) / RATE
    voice = sum(np.sin(2 * np.pi * 200 * k * time_s) / k for k in range(1, 15))
    hiss = np.random.default_rng(0).normal(0, 0.05, RATE)
    found = described(np.concatenate([0.1 * np.asarray(voice), hiss]))
    assert found["is_voiced"][5:90].min() == 1 and found["is_voiced"][110:].mean() < 0.1
    assert np.median(found["f0"][5:90]) == pytest.approx(1, abs=0.01)  # octaves above 100 Hz


def test_the_level_of_a_recording_changes_nothing() -> None:
    loud = speech_like(RATE, 2.0, seed=1)
    ours, theirs = described(loud), described(0.05 * loud)
    for name, frames in ours.items():
        # What hisses at the quiet end may cross a border by rounding.
        close = np.isclose(frames, theirs[name], rtol=1e-2, atol=1e-2)
        assert close.mean() > 0.97, name


def test_every_number_has_a_name_of_its_own() -> None:
    layer = Functionals(FunctionalsConfig())
    assert len(set(layer.names)) == layer.n_features == len(layer.names)
    everything = (len(CONFIG.anywhere) + len(CONFIG.voiced)) * 2 * len(STATISTICS) + len(VOICING)
    assert layer.n_features == everything - len(CONFIG.centred)
    signal = torch.from_numpy(speech_like(RATE, 1.3, seed=2))
    found = layer(signal[None], torch.tensor([len(signal)]))
    assert found.shape == (1, 1, layer.n_features)
    by_name = dict(zip(layer.names, found[0, 0].tolist(), strict=True))
    frames = described(signal.numpy())
    for name in ("centroid", "mfcc3"):
        assert by_name[f"{name}_percentile50"] == pytest.approx(
            float(np.median(frames[name])), abs=1e-3
        )
    voiced = frames["f0"][frames["is_voiced"] > 0.5]
    assert by_name["f0_mean"] == pytest.approx(float(voiced.mean()), abs=1e-3)
