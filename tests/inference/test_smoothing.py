from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from serotone.inference.smoothing import SmoothConfig, blend, log_stay_move, viterbi

rows = arrays(np.float64, (4, 3), elements=st.floats(0.01, 1)).map(
    lambda values: values / values.sum(axis=1, keepdims=True)
)
dwells = st.floats(0.1, 50)


@settings(max_examples=40, deadline=None)
@given(rows, dwells, st.lists(st.floats(0.1, 10), min_size=4, max_size=4))
def test_viterbi_finds_the_best_of_all_paths(
    probabilities: np.ndarray, dwell_s: float, gaps_s: list[float]
) -> None:
    times_s = np.cumsum(gaps_s)
    config = SmoothConfig(dwell_s=dwell_s, trust=0.7)

    def score(path: tuple[int, ...]) -> float:
        total = sum(0.7 * np.log(probabilities[t, state]) for t, state in enumerate(path))
        for t, (a, b) in enumerate(itertools.pairwise(path)):
            stay, move = log_stay_move(float(times_s[t + 1] - times_s[t]), 3, dwell_s=dwell_s)
            total += stay if a == b else move
        return total

    best = max(score(path) for path in itertools.product(range(3), repeat=4))
    found = viterbi(probabilities, times_s, config)
    assert score(tuple(found.tolist())) == pytest.approx(best)


def test_without_dwelling_each_window_speaks_for_itself() -> None:
    probabilities = np.random.default_rng(0).dirichlet(np.ones(5), 50)
    states = viterbi(probabilities, np.arange(50.0), SmoothConfig(dwell_s=0))
    assert (states == probabilities.argmax(axis=1)).all()


def test_one_odd_window_is_smoothed_away_but_a_long_pause_forgets() -> None:
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.9, 0.1]])
    config = SmoothConfig(dwell_s=10, trust=1)
    assert viterbi(probabilities, np.array([0.0, 1, 2]), config).tolist() == [0, 0, 0]
    assert viterbi(probabilities, np.array([0.0, 500, 1000]), config).tolist() == [0, 1, 0]


def test_no_windows_have_no_path() -> None:
    assert viterbi(np.empty((0, 3)), np.empty(0), SmoothConfig()).size == 0


@given(st.floats(0, 1000), dwells)
def test_staying_and_moving_make_a_certainty(gap_s: float, dwell_s: float) -> None:
    stay, move = np.exp(log_stay_move(gap_s, 5, dwell_s=dwell_s))
    assert stay + 4 * move == pytest.approx(1)
    assert stay >= move


def test_live_the_old_holds_less_the_longer_ago() -> None:
    old, new = np.array([0.8, 0.2]), np.array([0.1, 0.9])
    assert blend(old, new, 0.0, dwell_s=2).tolist() == old.tolist()
    assert blend(old, new, 1e6, dwell_s=2).tolist() == new.tolist()
    assert blend(old, new, 1.0, dwell_s=0).tolist() == new.tolist()
    middle = blend(old, new, 1.0, dwell_s=2)
    assert middle.sum() == pytest.approx(1) and old[1] < middle[1] < new[1]


def test_live_the_first_answer_stands_alone() -> None:
    new = np.array([0.1, 0.9])
    assert blend(np.array([0.5, 0.5]), new, math.inf, dwell_s=2).tolist() == new.tolist()
