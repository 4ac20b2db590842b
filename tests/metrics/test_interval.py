"""Intervals over speakers: against a plain loop, scipy, and what they must and must not do."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap
from sklearn.metrics import balanced_accuracy_score

from serotone.metrics.classes import accuracy, auc, macro_f1, uar
from serotone.metrics.interval import bootstrap_over_speakers, holm, paired_bootstrap_over_speakers


def answers(
    seed: int, n_speakers: int = 12, n_each: int = 40, spread: float = 0.2, skill: float = 0.6
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Speakers who differ in how well they are understood."""
    rng = np.random.default_rng(seed)
    skills = np.clip(skill + spread * rng.normal(size=n_speakers), 0, 1).repeat(n_each)
    truth = np.tile(np.arange(n_each) % 4, n_speakers)
    right = rng.random(len(truth)) < skills
    predicted = np.where(right, truth, (truth + rng.integers(1, 4, len(truth))) % 4)
    return truth, predicted, [f"s{i // n_each}" for i in range(len(truth))]


@pytest.mark.parametrize("statistic", [uar, accuracy, macro_f1])
def test_the_fast_way_equals_the_loop(statistic):
    truth, predicted, speakers = answers(0)

    def looped(t, p):
        return statistic(t, p)

    fast = bootstrap_over_speakers(statistic, truth, predicted, speakers, n_resamples=300)
    slow = bootstrap_over_speakers(looped, truth, predicted, speakers, n_resamples=300)
    assert (fast.low, fast.high) == pytest.approx((slow.low, slow.high), abs=1e-12)
    assert fast.unit == slow.unit == "speaker"


def test_a_reference_statistic_gives_the_same_interval():
    truth, predicted, speakers = answers(1)
    ours = bootstrap_over_speakers(uar, truth, predicted, speakers, n_resamples=200)
    theirs = bootstrap_over_speakers(
        balanced_accuracy_score, truth, predicted, speakers, n_resamples=200
    )
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))


def test_with_one_utterance_per_speaker_it_is_the_ordinary_bootstrap_of_scipy():
    truth, predicted, _ = answers(2, n_speakers=20, n_each=20)
    names = [str(i) for i in range(len(truth))]
    ours = bootstrap_over_speakers(accuracy, truth, predicted, names, n_resamples=4000)
    theirs = bootstrap(
        ((truth == predicted).astype(float),),
        np.mean,
        n_resamples=4000,
        method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs), abs=0.01)


def test_speakers_who_differ_widen_the_interval():
    truth, predicted, speakers = answers(3, spread=0.3)
    over_speakers = bootstrap_over_speakers(uar, truth, predicted, speakers)
    over_clips = bootstrap_over_speakers(uar, truth, predicted, [str(i) for i in range(len(truth))])
    assert over_speakers.high - over_speakers.low > 1.5 * (over_clips.high - over_clips.low)


def test_it_holds_the_true_value_about_as_often_as_it_says():
    held = 0
    for seed in range(200):
        truth, predicted, speakers = answers(seed, n_speakers=24, spread=0.1)
        interval = bootstrap_over_speakers(
            accuracy, truth, predicted, speakers, n_resamples=400, level=0.9
        )
        held += interval.low <= 0.6 <= interval.high
    assert 0.82 <= held / 200 <= 0.96


@pytest.mark.parametrize("statistic", [uar, balanced_accuracy_score])
def test_a_single_speaker_falls_back_to_utterances_and_says_so(statistic):
    truth, predicted, speakers = answers(4, n_speakers=1, n_each=80)
    interval = bootstrap_over_speakers(statistic, truth, predicted, speakers, n_resamples=500)
    assert interval.unit == "utterance"
    assert interval.low < uar(truth, predicted) < interval.high


def test_the_same_seed_gives_the_same_interval_whatever_the_order_of_rows():
    truth, predicted, speakers = answers(5)
    order = np.random.default_rng(0).permutation(len(truth))
    first = bootstrap_over_speakers(uar, truth, predicted, speakers, seed=3)
    again = bootstrap_over_speakers(
        uar, truth[order], predicted[order], [speakers[i] for i in order], seed=3
    )
    assert (first.low, first.high) == pytest.approx((again.low, again.high), abs=1e-12)
    assert first != bootstrap_over_speakers(uar, truth, predicted, speakers, seed=4)


def test_a_higher_level_is_wider():
    truth, predicted, speakers = answers(6)
    narrow = bootstrap_over_speakers(uar, truth, predicted, speakers, level=0.5)
    wide = bootstrap_over_speakers(uar, truth, predicted, speakers, level=0.99)
    assert wide.low < narrow.low < narrow.high < wide.high


def test_scores_that_are_not_classes_take_any_statistic():
    rng = np.random.default_rng(0)
    strong = rng.random(240) < 0.5
    scores = strong + rng.normal(size=240)
    speakers = [f"s{i % 8}" for i in range(240)]
    interval = bootstrap_over_speakers(
        lambda t, p: auc(p, t), strong, scores, speakers, n_resamples=300
    )
    assert 0.5 < interval.low < auc(scores, strong) < interval.high < 1


def test_a_better_system_is_told_from_a_worse_one():
    truth, worse, speakers = answers(8, spread=0.1)
    better = np.where(np.random.default_rng(1).random(len(truth)) < 0.4, truth, worse)
    difference = paired_bootstrap_over_speakers(
        uar, truth, better, worse, speakers, n_resamples=1000
    )
    assert difference.value == pytest.approx(uar(truth, better) - uar(truth, worse))
    assert 0 < difference.interval.low < difference.value < difference.interval.high
    assert difference.p_value < 0.01


def test_equal_systems_do_not_differ():
    truth, predicted, speakers = answers(9)
    difference = paired_bootstrap_over_speakers(
        uar, truth, predicted, predicted, speakers, n_resamples=200
    )
    assert difference.value == 0 and difference.p_value == 1
    assert (difference.interval.low, difference.interval.high) == (0, 0)


def test_the_p_value_of_alike_systems_is_small_no_more_often_than_it_may():
    small = 0
    for seed in range(100):
        truth, first, speakers = answers(seed, spread=0.0)
        _, second, _ = answers(seed + 1000, spread=0.0)
        small += (
            paired_bootstrap_over_speakers(
                accuracy, truth, first, second, speakers, n_resamples=199
            ).p_value
            <= 0.1
        )
    assert small <= 18


def test_one_speaker_compares_by_utterances():
    truth, first, speakers = answers(10, n_speakers=1)
    difference = paired_bootstrap_over_speakers(uar, truth, first, truth, speakers, n_resamples=200)
    assert difference.interval.unit == "utterance" and difference.interval.high < 0


def test_holm_is_that_of_statistics_books():
    # Holm 1979 step by step: 4 × 0.005, 3 × 0.01, 2 × 0.03, then 1 × 0.04 raised to the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.2, 0.6, 0.9]) == pytest.approx([0.6, 1.0, 1.0])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_keeps_the_order_and_lowers_none(p_values):
    raised = holm(p_values)
    assert all(
        p <= r <= min(1, len(p_values) * max(p_values))
        for p, r in zip(p_values, raised, strict=True)
    )
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    assert all(raised[a] <= raised[b] for a, b in itertools.pairwise(order))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bootstrap_over_speakers(uar, [], [], []), "at least one"),
        (lambda: bootstrap_over_speakers(uar, [0, 1], [0, 1], ["a"]), "1 speakers"),
        (
            lambda: bootstrap_over_speakers(uar, [0, 1], [0, 1], ["a", "b"], level=95),
            "between 0 and 1",
        ),
        (
            lambda: bootstrap_over_speakers(
                lambda t, p: auc(p, t), [1, 1], [0.5, 0.6], ["a", "b"], n_resamples=9
            ),
            "no resample has a value",
        ),
    ],
)
def test_impossible_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
