"""How far a score could have been elsewhere with other speakers.

Utterances of one speaker resemble each other, so speakers are resampled, never utterances alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from serotone.metrics import classes

Floats = NDArray[np.float64]
Statistic = Callable[[NDArray[np.generic], NDArray[np.generic]], float]
Unit = Literal["speaker", "utterance"]

# Sums of confusion matrices give these at once for all resamples; other statistics take a loop.
_OF_CONFUSION: Mapping[object, Callable[[NDArray[np.generic]], Floats]] = {
    classes.uar: classes.uar_of_confusion,
    classes.accuracy: classes.accuracy_of_confusion,
    classes.macro_f1: classes.macro_f1_of_confusion,
}


@dataclass(frozen=True, slots=True)
class Interval:
    """A range for a score.

    Attributes:
        low, high: its ends, in the score's own unit.
        unit: what was resampled: ``speaker``, or ``utterance`` where there was only one speaker;
            the latter says nothing of other speakers.
        level: how often such a range should hold the true value.
    """

    low: float
    high: float
    unit: Unit = "speaker"
    level: float = 0.95


@dataclass(frozen=True, slots=True)
class Difference:
    """One system's score less another's, on the same utterances.

    Attributes:
        value: first less second.
        interval: the range of ``value``.
        p_value: how often chance alone would show a difference this large, two-sided.
    """

    value: float
    interval: Interval
    p_value: float


class _Groups(NamedTuple):
    """Which utterances stand or fall together, and the chance of each group to be drawn."""

    members: list[NDArray[np.intp]]
    chance: Floats
    n_drawn: int
    unit: Unit


def bootstrap_over_speakers(
    statistic: Statistic,
    truth: ArrayLike,
    predicted: ArrayLike,
    speakers: Sequence[str],
    *,
    n_resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Percentile interval of a statistic when speakers are drawn with replacement.

    With few speakers (below about ten) such an interval is somewhat too narrow.

    Args:
        statistic: ``(truth, predicted) -> float``; ``uar``, ``accuracy`` and ``macro_f1`` of this
            package are computed for all resamples at once. A ValueError it raises for a
            resample, as ``auc`` does without positives, leaves that resample out.
        truth: of shape (M,).
        predicted: of shape (M,), classes or scores, as the statistic takes them.
        speakers: M names.
        n_resamples: how often to draw.
        level: between 0 and 1.
        seed: of the draws; the same seed gives the same interval.

    Raises:
        ValueError: when the lengths differ, are 0, or no resample has a value.

    Source:
        Field & Welsh 2007, Bootstrapping clustered data, doi:10.1111/j.1467-9868.2007.00593.x;
        Bisani & Ney 2004, doi:10.1109/ICASSP.2004.1326009; on few clusters, Cameron, Gelbach &
        Miller 2008, doi:10.1162/rest.90.3.414.

    Example:
        >>> bootstrap_over_speakers(classes.uar, [0, 1, 0, 1], [0, 1, 0, 0], ["a", "a", "b", "b"])
        Interval(low=0.5, high=1.0, unit='speaker', level=0.95)
    """
    expected, got = np.asarray(truth), np.asarray(predicted)
    _refuse_unequal(expected, got, speakers)
    groups = _groups(speakers, expected, got)
    drawn = _draw(groups, n_resamples, seed)
    return _interval(_scores(statistic, expected, got, groups, drawn), groups.unit, level)


def paired_bootstrap_over_speakers(
    statistic: Statistic,
    truth: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    speakers: Sequence[str],
    *,
    n_resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Difference:
    """Difference of two systems on the same utterances: its interval and its p-value.

    The interval draws the same speakers for both systems. The p-value comes from a permutation
    test: were the systems alike, swapping their answers speaker by speaker would change nothing.
    With S speakers it cannot fall below about ``2 / 2**S``.

    Args:
        statistic: as in ``bootstrap_over_speakers``.
        truth: of shape (M,).
        first, second: of shape (M,), what each system said.
        speakers: M names.
        n_resamples: how often to draw, and to swap.
        level: of the interval.
        seed: of the draws and swaps.

    Raises:
        ValueError: when the lengths differ or are 0.

    Source:
        Bisani & Ney 2004, doi:10.1109/ICASSP.2004.1326009; Phipson & Smyth 2010 (why one is
        added to both counts of a permutation test), doi:10.2202/1544-6115.1585.
    """
    expected, one, other = np.asarray(truth), np.asarray(first), np.asarray(second)
    _refuse_unequal(expected, one, speakers)
    _refuse_unequal(expected, other, speakers)
    value = statistic(expected, one) - statistic(expected, other)
    groups = _groups(speakers, expected, one, other)
    drawn = _draw(groups, n_resamples, seed)
    gaps = _scores(statistic, expected, one, groups, drawn)
    gaps = gaps - _scores(statistic, expected, other, groups, drawn)
    swapped = _swapped(statistic, expected, one, other, _swaps(speakers, n_resamples, seed))
    n_as_large = int((np.abs(swapped) >= abs(value) - 1e-12).sum())
    p_value = (1 + n_as_large) / (1 + n_resamples)
    return Difference(value, _interval(gaps, groups.unit, level), p_value)


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values of several tests, each raised by as much as there are others (Holm's correction).

    Of twenty tests of nothing one falls below 0.05; of these, all together, in one case of twenty.

    Args:
        p_values: one a test, in any order.

    Returns:
        In the same order, none above 1.

    Source:
        Holm 1979, A simple sequentially rejective multiple test procedure, Scandinavian Journal
        of Statistics 6(2), 65-70.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    least, raised = 0.0, [1.0] * len(p_values)
    for rank, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[i]))
        raised[i] = least
    return raised


def _groups(speakers: Sequence[str], *columns: NDArray[np.generic]) -> _Groups:
    _, place = np.unique(np.asarray(speakers), return_inverse=True)
    n_speakers = int(place.max()) + 1
    if n_speakers > 1:
        order = np.argsort(place, kind="stable")
        members = np.split(order, np.flatnonzero(np.diff(place[order])) + 1)
        return _Groups(members, np.full(n_speakers, 1 / n_speakers), n_speakers, "speaker")
    # Equal rows are interchangeable: drawing kinds of rows by their share is drawing rows.
    _, where, count = np.unique(
        np.stack([np.asarray(c, dtype=np.float64) for c in columns]),
        axis=1,
        return_index=True,
        return_counts=True,
    )
    members = [np.array([index]) for index in where]
    return _Groups(members, count / len(place), len(place), "utterance")


def _draw(groups: _Groups, n_resamples: int, seed: int) -> NDArray[np.int64]:
    """How often each group is drawn in each resample, shape (R, groups)."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(groups.n_drawn, groups.chance, size=n_resamples)


def _scores(
    statistic: Statistic,
    truth: NDArray[np.generic],
    predicted: NDArray[np.generic],
    groups: _Groups,
    drawn: NDArray[np.int64],
) -> Floats:
    of_confusion = _OF_CONFUSION.get(statistic)
    if of_confusion is None:
        return np.array(list(_looped(statistic, truth, predicted, groups, drawn)))
    n_classes = int(max(np.max(truth), np.max(predicted))) + 1
    counts = np.stack(
        [classes.confusion_matrix(truth[m], predicted[m], n_classes) for m in groups.members]
    )
    totals = drawn.astype(np.float64) @ counts.reshape(len(counts), -1)
    return of_confusion(totals.reshape(-1, n_classes, n_classes))


def _looped(
    statistic: Statistic,
    truth: NDArray[np.generic],
    predicted: NDArray[np.generic],
    groups: _Groups,
    drawn: NDArray[np.int64],
) -> Iterator[float]:
    for times in drawn:
        chosen = [np.tile(m, n) for m, n in zip(groups.members, times, strict=True) if n]
        index = np.concatenate(chosen)
        try:
            yield statistic(truth[index], predicted[index])
        except ValueError:
            yield float("nan")


def _swapped(
    statistic: Statistic,
    truth: NDArray[np.generic],
    one: NDArray[np.generic],
    other: NDArray[np.generic],
    swaps: tuple[NDArray[np.intp], NDArray[np.bool_]],
) -> Floats:
    """The difference after each row of swaps, shape (R,)."""
    units, swap = swaps
    of_confusion = _OF_CONFUSION.get(statistic)
    if of_confusion is None:
        columns = (row[units] for row in swap)
        gaps = (
            statistic(truth, np.where(s, other, one)) - statistic(truth, np.where(s, one, other))
            for s in columns
        )
        return np.fromiter(gaps, dtype=np.float64)
    n_classes = int(max(np.max(truth), np.max(one), np.max(other))) + 1
    ours, theirs = (_counts(truth, said, units, n_classes) for said in (one, other))
    shape = (-1, n_classes, n_classes)
    drawn = swap.astype(np.float64)
    first = (drawn @ theirs + (1 - drawn) @ ours).reshape(shape)
    second = (drawn @ ours + (1 - drawn) @ theirs).reshape(shape)
    return of_confusion(first) - of_confusion(second)


def _counts(
    truth: NDArray[np.generic],
    predicted: NDArray[np.generic],
    units: NDArray[np.intp],
    n_classes: int,
) -> Floats:
    """Confusion matrices of each unit, flat: shape (U, C * C)."""
    cells = truth.astype(np.intp) * n_classes + predicted.astype(np.intp)
    n_units, n_cells = int(units.max()) + 1, n_classes * n_classes
    counts = np.bincount(units * n_cells + cells, minlength=n_units * n_cells)
    return counts.reshape(n_units, n_cells).astype(np.float64)


def _swaps(
    speakers: Sequence[str], n_resamples: int, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """The unit of each row, shape (M,), and which units change sides, shape (R, U)."""
    names, place = np.unique(np.asarray(speakers), return_inverse=True)
    units = place if len(names) > 1 else np.arange(len(place))
    rng = np.random.default_rng(seed)
    return units, rng.random((n_resamples, int(units.max()) + 1)) < 0.5


def _interval(values: Floats, unit: Unit, level: float) -> Interval:
    if not 0 < level < 1:
        raise ValueError(f"got level {level}, expected a number between 0 and 1.")
    known = values[~np.isnan(values)]
    if not known.size:
        raise ValueError("no resample has a value of the statistic; expected at least one.")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), unit, level)


def _refuse_unequal(
    truth: NDArray[np.generic], predicted: NDArray[np.generic], speakers: Sequence[str]
) -> None:
    if not len(truth) == len(predicted) == len(speakers) or not len(truth):
        raise ValueError(
            f"got {len(truth)} true values, {len(predicted)} predictions and {len(speakers)} "
            "speakers, expected as many of each and at least one."
        )
