"""Calibration against torchmetrics, scikit-learn and cases worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import brier_score_loss, log_loss

from serotone.metrics import calibration
from tests.metrics.logits import sharp_logits


def test_ece_equals_torchmetrics():
    torch = pytest.importorskip("torch")
    functional = pytest.importorskip("torchmetrics.functional.classification")
    for seed, n_bins in [(0, 15), (1, 10), (2, 5)]:
        logits, truth = sharp_logits(seed)
        probabilities = softmax(logits, axis=1)
        expected = functional.multiclass_calibration_error(
            torch.tensor(probabilities), torch.tensor(truth), num_classes=5, n_bins=n_bins
        )
        assert calibration.ece(probabilities, truth, n_bins) == pytest.approx(
            float(expected), abs=1e-6
        )


def test_ece_by_hand():
    probabilities = [[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.6, 0.4]]
    assert calibration.ece(probabilities, [0, 0, 1, 1], 10) == pytest.approx((0.1 + 0.6) / 2)


def test_ece_by_chance_by_hand():
    # Right or wrong as drawn, the two bins are off by 0.15 in 72 % of the draws, by 0.45 in 18 %,
    # by 0.55 in 8 %, by 0.85 in 2 %.
    probabilities = [[0.9, 0.1], [0.8, 0.2]]
    for level, expected in [(0.6, 0.15), (0.8, 0.45), (0.95, 0.55), (0.999, 0.85)]:
        assert calibration.ece_by_chance(probabilities, level=level) == pytest.approx(expected)


def test_a_calibrated_model_stays_below_ece_by_chance_19_times_in_20():
    below = []
    for seed in range(200):
        logits, truth = sharp_logits(seed, n=150, scale=1.0)
        probabilities = softmax(logits, axis=1)
        limit = calibration.ece_by_chance(probabilities, n_draws=200)
        below.append(calibration.ece(probabilities, truth) < limit)
    assert 0.90 <= np.mean(below) <= 0.99


def test_adaptive_ece_by_hand():
    probabilities = [[0.9, 0.1], [0.95, 0.05], [0.6, 0.4], [0.65, 0.35]]
    gaps = abs(1.0 - 0.925), abs(0.5 - 0.625)
    ours = calibration.adaptive_ece(probabilities, [0, 0, 1, 0], 2)
    assert ours == pytest.approx(sum(gaps) / 2)


def test_bins_hold_every_utterance_between_their_edges():
    logits, truth = sharp_logits(3)
    bins = calibration.reliability_bins(softmax(logits, axis=1), truth, n_bins=12)
    used = bins.n > 0
    assert bins.n.sum() == len(truth)
    assert (bins.lower[used] < bins.confidence[used]).all()
    assert (bins.confidence[used] <= bins.upper[used]).all()
    assert np.isnan(bins.accuracy[~used]).all()


def test_brier_and_nll_equal_scikit_learn():
    logits, truth = sharp_logits(4)
    probabilities = softmax(logits, axis=1)
    assert calibration.nll(probabilities, truth) == pytest.approx(
        log_loss(truth, probabilities, labels=range(5))
    )
    assert calibration.brier(probabilities, truth) == pytest.approx(
        brier_score_loss(truth, probabilities, labels=range(5), scale_by_half=False)
    )


def test_nll_of_an_impossible_truth_is_large_and_finite():
    assert 700 < calibration.nll([[1.0, 0.0]], [1]) < 800


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: calibration.ece([[0.5, 0.5]], [2]), "expected 0 to 1"),
        (lambda: calibration.ece([[0.5, 0.5]], [-1]), "got classes -1"),
        (lambda: calibration.ece(np.zeros((0, 2)), []), "M at least 1"),
        (lambda: calibration.ece([0.5, 0.5], [0, 1]), r"expected \(M, C\)"),
        (lambda: calibration.ece([[0.5, 0.5]], [0], 0), "expected at least 1"),
        (lambda: calibration.ece_by_chance([[0.5, 0.5]], n_draws=0), "one draw"),
        (lambda: calibration.ece_by_chance(np.zeros((0, 2))), "M at least 1"),
    ],
)
def test_impossible_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
