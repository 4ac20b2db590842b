"""The resampler that stands inside a graph, against soxr."""

from __future__ import annotations

import numpy as np
import pytest
import soxr

from serotone.ensembles.resample import Resampler


def sweep(rate: int, *, seconds: float = 0.5) -> np.ndarray:
    """From 100 Hz to 6 kHz, fading in and out: nothing that either rate cannot hold."""
    time_s = np.arange(int(rate * seconds)) / rate
    phase = 2 * np.pi * (100 * time_s + (5900 / seconds) * time_s**2 / 2)
    return (0.5 * np.sin(phase) * np.hanning(len(time_s))).astype(np.float32)


@pytest.mark.parametrize("rates", [(22050, 16000), (48000, 16000), (44100, 22050), (8000, 16000)])
def test_it_says_what_soxr_says(rates: tuple[int, int]) -> None:
    old, new = rates
    signal = sweep(old) if old > 12000 else np.convolve(
        np.random.default_rng(0).normal(size=4000), np.hanning(30) / 15, "same"
    ).astype(np.float32)  # fmt: skip
    ours = Resampler(old, new)(signal)
    theirs = soxr.resample(signal, old, new, quality="VHQ")
    n = min(len(ours), len(theirs))
    assert abs(len(ours) - len(theirs)) <= 1
    assert np.abs(ours[:n] - theirs[:n]).max() < 2e-3


def test_what_the_new_rate_cannot_hold_is_gone() -> None:
    time_s = np.arange(22050) / 22050
    tone = np.sin(2 * np.pi * 9000 * time_s).astype(np.float32)
    heard = Resampler(22050, 16000)(tone)[2000:-2000]
    assert np.sqrt(np.mean(heard**2)) < 1e-3


@pytest.mark.parametrize("n", [1, 440, 441, 442, 5000])
def test_lengths_round_up(n: int) -> None:
    resampler = Resampler(22050, 16000)
    assert len(resampler(np.zeros(n, np.float32))) == resampler.length(n) == -(-n * 320 // 441)
