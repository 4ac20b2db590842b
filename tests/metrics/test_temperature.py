"""Temperatures against scipy and cases worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from serotone.metrics.calibration import ece
from serotone.metrics.temperature import fit_temperature, temperature_for_confidence
from tests.metrics.logits import sharp_logits


@pytest.mark.parametrize("scale", [0.3, 1.0, 3.0, 8.0])
def test_temperature_is_the_minimum_scipy_finds(scale):
    logits, truth = sharp_logits(5, scale=scale)

    def loss(log_t: float) -> float:
        return -log_softmax(logits / np.exp(log_t), axis=1)[np.arange(len(truth)), truth].mean()

    expected = np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x)
    assert fit_temperature(logits, truth) == pytest.approx(expected, rel=1e-3)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(0.2, 5))
def test_temperature_follows_the_scale_of_the_logits(seed, factor):
    logits, truth = sharp_logits(seed, n=150, scale=1.0)
    once = fit_temperature(logits, truth)
    scaled = fit_temperature(logits * factor, truth)
    assert scaled == pytest.approx(min(max(once * factor, 0.05), 20), rel=1e-4)


def test_temperature_mends_calibration_on_utterances_it_has_not_seen():
    logits, truth = sharp_logits(6, n=3000)
    temperature = fit_temperature(logits[:1500], truth[:1500])
    before = ece(softmax(logits[1500:], axis=1), truth[1500:])
    after = ece(softmax(logits[1500:] / temperature, axis=1), truth[1500:])
    assert after < 0.04 < 0.1 < before


@pytest.mark.filterwarnings("error")
def test_temperature_with_classes_masked_out_is_that_of_the_rest():
    logits, truth = sharp_logits(7)
    masked = np.concatenate([logits, np.full((len(logits), 2), -np.inf)], axis=1)
    assert fit_temperature(masked, truth) == pytest.approx(fit_temperature(logits, truth))


def test_temperature_of_faultless_answers_stays_finite():
    assert fit_temperature([[2.0, 0.0], [0.0, 2.0]], [0, 1]) == pytest.approx(0.05)


def test_temperature_for_confidence_makes_answers_so_sure():
    logits, _ = sharp_logits(3)
    for wanted in (0.5, 0.7, 0.9):
        temperature = temperature_for_confidence(logits, wanted)
        assert softmax(logits / temperature, axis=1).max(axis=1).mean() == pytest.approx(wanted)


def test_temperature_for_a_confidence_out_of_reach_is_an_end():
    assert temperature_for_confidence([[1.0, 1.0]], 0.9) == pytest.approx(0.05)
    assert temperature_for_confidence([[1.0, 0.0]], 0.4) == pytest.approx(20)
    with pytest.raises(ValueError, match="confidence 1"):
        temperature_for_confidence([[1.0, 0.0]], 1)
    with pytest.raises(ValueError, match="shape"):
        temperature_for_confidence([], 0.5)


def test_an_impossible_truth_has_no_temperature():
    with pytest.raises(ValueError, match="infinite logit"):
        fit_temperature([[0.0, -np.inf]], [1])
