"""Whether a model understands some people better than others, and how sure that is."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from serotone.evaluation.result import Answer, Gap, GroupScore, probabilities_of, truth_of
from serotone.metrics import classes
from serotone.metrics.interval import Interval

AGES: Sequence[tuple[str, float]] = (
    ("under 30", 30.0),
    ("30 to 49", 50.0),
    ("50 and over", math.inf),
)
"""Names of age groups and the ages, in years, that they end before."""

WIDE = 0.2
"""Intervals wider than this say little, and reports say so."""

FEW = 5
"""Speakers below which an interval over speakers is not to be trusted."""

N_RESAMPLES = 2000


def age_group(answer: Answer) -> str:
    """Of the answer's speaker; empty where the age is unknown.

    Example:
        >>> age_group(Answer("a", "s", "", "sad", {}, age=64))
        '50 and over'
    """
    return next((name for name, end in AGES if answer.age < end), "")


def gap_between(
    first: Sequence[Answer], second: Sequence[Answer], labels: Sequence[str], *, seed: int = 0
) -> Gap:
    """UAR of one group of people less that of another, who are other people.

    Speakers are drawn with replacement, in each group by itself; the interval is NaN where a
    group has only one.

    Args:
        first, second: answers of each.
        labels: that count.
        seed: of the draws.

    Source:
        Field & Welsh 2007, Bootstrapping clustered data, doi:10.1111/j.1467-9868.2007.00593.x.
    """
    rng = np.random.default_rng(seed)
    scores, drawn = [], []
    for answers in (first, second):
        counts = _by_speaker(answers, labels)
        scores.append(float(classes.uar_of_confusion(counts.sum(axis=0))))
        n = len(counts)
        times = rng.multinomial(n, np.full(n, 1 / n), size=N_RESAMPLES).astype(np.float64)
        totals = (times @ counts.reshape(n, -1)).reshape(-1, *counts.shape[1:])
        drawn.append(classes.uar_of_confusion(totals) if n > 1 else np.full(N_RESAMPLES, math.nan))
    low, high = np.quantile(drawn[0] - drawn[1], [0.025, 0.975])
    return Gap(scores[0] - scores[1], Interval(float(low), float(high)))


def gaps_between(
    groups: Mapping[str, Sequence[Answer]], labels: Sequence[str]
) -> dict[str, Gap]:  # fmt: skip
    """Each group less the one before it, as ``male - female``; groups in their own order."""
    names = list(groups)
    return {
        f"{second} - {first}": gap_between(groups[second], groups[first], labels)
        for first, second in itertools.pairwise(names)
    }


def doubts(groups: Mapping[str, GroupScore], gaps: Mapping[str, Gap]) -> list[str]:
    """What not to conclude from the figures of groups: one sentence each."""
    told = []
    for name, group in groups.items():
        width = group.uar_ci.high - group.uar_ci.low
        if group.n_speakers < FEW:
            people = "one speaker" if group.n_speakers == 1 else f"{group.n_speakers} speakers"
            told.append(f"{name}: {people} cannot stand for a group.")
        elif width > WIDE:
            told.append(f"{name}: the interval spans {100 * width:.0f} points.")
    for name, gap in gaps.items():
        if not (gap.interval.low > 0 or gap.interval.high < 0):
            told.append(f"{name}: the interval holds 0; these speakers cannot tell a difference.")
    return told


def _by_speaker(answers: Sequence[Answer], labels: Sequence[str]) -> NDArray[np.float64]:
    """A confusion matrix of each speaker, shape (S, C, C)."""
    truth = truth_of(answers, labels)
    predicted = probabilities_of(answers, labels).argmax(axis=1)
    names = np.array([answer.speaker for answer in answers])
    return np.stack(
        [
            classes.confusion_matrix(truth[names == name], predicted[names == name], len(labels))
            for name in sorted(set(names.tolist()))
        ]
    ).astype(np.float64)
