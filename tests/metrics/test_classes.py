"""Scores of hard decisions against scikit-learn, audmetric and their own definitions."""

from __future__ import annotations

import audmetric
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu
from sklearn import metrics as reference

from serotone.metrics import classes

answers = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=60).map(
    lambda rows: tuple(np.array(column) for column in zip(*rows, strict=True))
)


def random_answers(seed: int, n: int = 200, n_classes: int = 7) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_classes, n)
    return truth, np.where(rng.random(n) < 0.6, truth, rng.integers(0, n_classes, n))


@given(answers)
def test_confusion_matrix_equals_scikit_learn(pair):
    truth, predicted = pair
    ours = classes.confusion_matrix(truth, predicted, 6)
    assert (ours == reference.confusion_matrix(truth, predicted, labels=range(6))).all()
    assert ours.sum() == len(truth)


@given(answers)
def test_uar_equals_audmetric_over_the_classes_present(pair):
    truth, predicted = pair
    recalls = audmetric.recall_per_class(truth, predicted)  # knows predicted classes too
    expected = np.mean([recalls[label] for label in set(truth.tolist())])
    assert classes.uar(truth, predicted) == pytest.approx(expected)


@given(answers)
@pytest.mark.filterwarnings("ignore:y_pred contains", "ignore:A single label")
def test_averages_equal_scikit_learn(pair):
    truth, predicted = pair
    assert classes.accuracy(truth, predicted) == pytest.approx(
        reference.accuracy_score(truth, predicted)
    )
    assert classes.uar(truth, predicted) == pytest.approx(
        reference.balanced_accuracy_score(truth, predicted)
    )
    assert classes.macro_f1(truth, predicted) == pytest.approx(
        reference.f1_score(truth, predicted, average="macro", zero_division=0)
    )


def test_scores_per_class_equal_scikit_learn():
    truth, predicted = random_answers(1)
    precision, recall, f1, _ = reference.precision_recall_fscore_support(truth, predicted)
    assert classes.recall_per_class(truth, predicted, 7) == pytest.approx(recall)
    assert classes.precision_per_class(truth, predicted, 7) == pytest.approx(precision)
    assert classes.f1_per_class(truth, predicted, 7) == pytest.approx(f1)


def test_a_class_without_utterances_has_no_recall_and_does_not_count():
    truth, predicted = [0, 0, 1, 1], [0, 2, 1, 1]
    assert classes.recall_per_class(truth, predicted, 4) == pytest.approx(
        [0.5, 1, np.nan, np.nan], nan_ok=True
    )
    assert classes.precision_per_class(truth, predicted, 4) == pytest.approx(
        [1, 1, 0, np.nan], nan_ok=True
    )
    assert classes.uar(truth, predicted) == pytest.approx(0.75)


@given(answers)
def test_uar_ignores_how_often_each_class_occurs(pair):
    truth, predicted = pair
    heavier = np.concatenate([truth, *[truth[truth == truth[0]]] * 3])
    answered = np.concatenate([predicted, *[predicted[truth == truth[0]]] * 3])
    assert classes.uar(heavier, answered) == pytest.approx(classes.uar(truth, predicted))


def test_confusions_are_scored_many_at_once():
    pairs = [random_answers(seed) for seed in range(4)]
    stack = np.stack([classes.confusion_matrix(t, p, 7) for t, p in pairs]).reshape(2, 2, 7, 7)
    expected = np.reshape([classes.macro_f1(t, p) for t, p in pairs], (2, 2))
    assert classes.macro_f1_of_confusion(stack) == pytest.approx(expected)
    assert classes.uar_of_confusion(stack).shape == (2, 2)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=2, max_size=50).filter(
        lambda rows: len({positive for _, positive in rows}) == 2
    )
)
def test_auc_equals_scikit_learn_and_scipy_with_ties(rows):
    scores, positives = (np.array(column) for column in zip(*rows, strict=True))
    ours = classes.auc(scores / 7, positives)
    assert ours == pytest.approx(reference.roc_auc_score(positives, scores))
    u = mannwhitneyu(scores[positives], scores[~positives]).statistic
    assert ours == pytest.approx(u / (positives.sum() * (~positives).sum()))


def test_auc_of_a_reversed_score_is_the_complement():
    rng = np.random.default_rng(0)
    scores, positives = rng.random(50), rng.random(50) < 0.4
    assert classes.auc(-scores, positives) == pytest.approx(1 - classes.auc(scores, positives))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: classes.uar([], []), "no utterances"),
        (lambda: classes.uar([0, 1], [0]), "expected the same"),
        (lambda: classes.uar([0.5, 1.0], [0, 1]), "expected integers"),
        (lambda: classes.confusion_matrix([0, 3], [0, 0], 3), "expected 0 to 2"),
        (lambda: classes.confusion_matrix([0, -1], [0, 0], 3), "got classes -1 to 0"),
        (lambda: classes.auc([0.1, 0.2], [True, True]), "0 negatives"),
        (lambda: classes.auc([0.1, 0.2], [True]), "expected the same"),
    ],
)
def test_impossible_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
