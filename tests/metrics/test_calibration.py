"""Calibration against torchmetrics, scikit-learn, scipy and cases worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.metrics import auc as area_under
from sklearn.metrics import brier_score_loss, log_loss

from serotone.metrics import calibration


def sharp_logits(seed: int, n: int = 400, n_classes: int = 5, scale: float = 3.0):
    """Logits whose best temperature is near ``scale``."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, n_classes)) * 1.5
    truth = np.array([rng.choice(n_classes, p=row) for row in softmax(logits, axis=1)])
    return logits * scale, truth


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


@pytest.mark.parametrize("scale", [0.3, 1.0, 3.0, 8.0])
def test_temperature_is_the_minimum_scipy_finds(scale):
    logits, truth = sharp_logits(5, scale=scale)

    def loss(log_t: float) -> float:
        return -log_softmax(logits / np.exp(log_t), axis=1)[np.arange(len(truth)), truth].mean()

    expected = np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x)
    assert calibration.fit_temperature(logits, truth) == pytest.approx(expected, rel=1e-3)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(0.2, 5))
def test_temperature_follows_the_scale_of_the_logits(seed, factor):
    logits, truth = sharp_logits(seed, n=150, scale=1.0)
    once = calibration.fit_temperature(logits, truth)
    scaled = calibration.fit_temperature(logits * factor, truth)
    assert scaled == pytest.approx(min(max(once * factor, 0.05), 20), rel=1e-4)


def test_temperature_mends_calibration_on_utterances_it_has_not_seen():
    logits, truth = sharp_logits(6, n=3000)
    temperature = calibration.fit_temperature(logits[:1500], truth[:1500])
    before = calibration.ece(softmax(logits[1500:], axis=1), truth[1500:])
    after = calibration.ece(softmax(logits[1500:] / temperature, axis=1), truth[1500:])
    assert after < 0.04 < 0.1 < before


@pytest.mark.filterwarnings("error")
def test_temperature_with_classes_masked_out_is_that_of_the_rest():
    logits, truth = sharp_logits(7)
    masked = np.concatenate([logits, np.full((len(logits), 2), -np.inf)], axis=1)
    assert calibration.fit_temperature(masked, truth) == pytest.approx(
        calibration.fit_temperature(logits, truth)
    )


def test_temperature_of_faultless_answers_stays_finite():
    assert calibration.fit_temperature([[2.0, 0.0], [0.0, 2.0]], [0, 1]) == pytest.approx(0.05)


def test_temperature_for_confidence_makes_answers_so_sure():
    logits, _ = sharp_logits(3)
    for wanted in (0.5, 0.7, 0.9):
        temperature = calibration.temperature_for_confidence(logits, wanted)
        assert softmax(logits / temperature, axis=1).max(axis=1).mean() == pytest.approx(wanted)


def test_temperature_for_a_confidence_out_of_reach_is_an_end():
    assert calibration.temperature_for_confidence([[1.0, 1.0]], 0.9) == pytest.approx(0.05)
    assert calibration.temperature_for_confidence([[1.0, 0.0]], 0.4) == pytest.approx(20)
    with pytest.raises(ValueError, match="confidence 1"):
        calibration.temperature_for_confidence([[1.0, 0.0]], 1)
    with pytest.raises(ValueError, match="shape"):
        calibration.temperature_for_confidence([], 0.5)


def test_risk_coverage_by_hand():
    curve = calibration.risk_coverage([0.9, 0.8, 0.7, 0.6], [True, True, False, True])
    assert curve.coverage == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert curve.risk == pytest.approx([0, 0, 1 / 3, 1 / 4])
    assert curve.threshold == pytest.approx([0.9, 0.8, 0.7, 0.6])
    assert curve.area == pytest.approx(np.mean([0, 0, 1 / 3, 1 / 4]))


def test_equal_confidence_makes_one_decision():
    curve = calibration.risk_coverage([0.5] * 4, [True, False, False, True])
    assert curve.coverage == pytest.approx([1.0] * 4)
    assert curve.risk == pytest.approx([0.5] * 4)


def test_a_confidence_that_knows_beats_one_that_guesses():
    rng = np.random.default_rng(0)
    correct = rng.random(500) < 0.7
    knowing = calibration.risk_coverage(correct + 0.1 * rng.random(500), correct)
    guessing = calibration.risk_coverage(rng.random(500), correct)
    assert knowing.area < 0.08 < 0.25 < guessing.area
    assert area_under(knowing.coverage, knowing.risk) == pytest.approx(knowing.area, abs=0.01)
    assert knowing.risk[-1] == guessing.risk[-1] == pytest.approx(1 - correct.mean())


@pytest.mark.parametrize("coverage", [0.7, 0.8, 0.9, 0.95])
def test_conformal_sets_keep_their_promise_on_new_utterances(coverage):
    held = []
    for seed in range(20):
        logits, truth = sharp_logits(seed, n=800)
        probabilities = softmax(logits, axis=1)
        threshold = calibration.conformal_threshold(
            probabilities[:400], truth[:400], coverage=coverage
        )
        sets = calibration.conformal_sets(probabilities[400:], threshold)
        held.append(sets[np.arange(400), truth[400:]].mean())
        assert sets.any(axis=1).all()
    assert np.mean(held) >= coverage - 0.01


def test_too_few_utterances_promise_only_with_every_label():
    threshold = calibration.conformal_threshold([[0.9, 0.1]] * 3, [0, 0, 0], coverage=0.9)
    assert threshold == 0.0
    assert calibration.conformal_sets([[0.9, 0.1]], threshold).all()


def test_a_calibration_utterance_enters_at_its_own_threshold():
    probabilities = [[0.7, 0.2, 0.1]] * 10
    threshold = calibration.conformal_threshold(probabilities, [0] * 9 + [1], coverage=0.9)
    assert calibration.conformal_sets([[0.7, 0.2, 0.1]], threshold).tolist() == [
        [True, True, False]
    ]


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
        (lambda: calibration.risk_coverage([0.5], [True, False]), "expected the same"),
        (lambda: calibration.conformal_threshold([[1.0]], [0], coverage=1.0), "between 0 and 1"),
        (lambda: calibration.fit_temperature([[0.0, -np.inf]], [1]), "infinite logit"),
    ],
)
def test_impossible_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
