"""Risk and coverage, and sets of labels, against scikit-learn and cases worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import auc as area_under

from serotone.metrics.selective import conformal_sets, conformal_threshold, risk_coverage
from tests.metrics.logits import sharp_logits


def test_risk_coverage_by_hand():
    curve = risk_coverage([0.9, 0.8, 0.7, 0.6], [True, True, False, True])
    assert curve.coverage == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert curve.risk == pytest.approx([0, 0, 1 / 3, 1 / 4])
    assert curve.threshold == pytest.approx([0.9, 0.8, 0.7, 0.6])
    assert curve.area == pytest.approx(np.mean([0, 0, 1 / 3, 1 / 4]))


def test_equal_confidence_makes_one_decision():
    curve = risk_coverage([0.5] * 4, [True, False, False, True])
    assert curve.coverage == pytest.approx([1.0] * 4)
    assert curve.risk == pytest.approx([0.5] * 4)


def test_a_confidence_that_knows_beats_one_that_guesses():
    rng = np.random.default_rng(0)
    correct = rng.random(500) < 0.7
    knowing = risk_coverage(correct + 0.1 * rng.random(500), correct)
    guessing = risk_coverage(rng.random(500), correct)
    assert knowing.area < 0.08 < 0.25 < guessing.area
    assert area_under(knowing.coverage, knowing.risk) == pytest.approx(knowing.area, abs=0.01)
    assert knowing.risk[-1] == guessing.risk[-1] == pytest.approx(1 - correct.mean())


@pytest.mark.parametrize("coverage", [0.7, 0.8, 0.9, 0.95])
def test_conformal_sets_keep_their_promise_on_new_utterances(coverage):
    held = []
    for seed in range(20):
        logits, truth = sharp_logits(seed, n=800)
        probabilities = softmax(logits, axis=1)
        threshold = conformal_threshold(probabilities[:400], truth[:400], coverage=coverage)
        sets = conformal_sets(probabilities[400:], threshold)
        held.append(sets[np.arange(400), truth[400:]].mean())
        assert sets.any(axis=1).all()
    assert np.mean(held) >= coverage - 0.01


def test_too_few_utterances_promise_only_with_every_label():
    threshold = conformal_threshold([[0.9, 0.1]] * 3, [0, 0, 0], coverage=0.9)
    assert threshold == 0.0
    assert conformal_sets([[0.9, 0.1]], threshold).all()


def test_a_calibration_utterance_enters_at_its_own_threshold():
    probabilities = [[0.7, 0.2, 0.1]] * 10
    threshold = conformal_threshold(probabilities, [0] * 9 + [1], coverage=0.9)
    assert conformal_sets([[0.7, 0.2, 0.1]], threshold).tolist() == [[True, True, False]]


def test_impossible_input_is_refused():
    with pytest.raises(ValueError, match="expected the same"):
        risk_coverage([0.5], [True, False])
    with pytest.raises(ValueError, match="between 0 and 1"):
        conformal_threshold([[1.0]], [0], coverage=1.0)
