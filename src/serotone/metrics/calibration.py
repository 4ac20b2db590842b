"""Whether a probability means what it says.

Probabilities and logits have shape (M, C), truth is integers of shape (M,).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Bins(NamedTuple):
    """A reliability diagram: what was claimed and what came true, bin by bin.

    Attributes:
        lower, upper: edges of the confidences in each bin, shape (n_bins,).
        n: utterances in each bin, shape (n_bins,).
        confidence: mean confidence in each bin, NaN where it is empty.
        accuracy: share of right answers in each bin, NaN where it is empty.
    """

    lower: Floats
    upper: Floats
    n: Ints
    confidence: Floats
    accuracy: Floats

    @property
    def gap(self) -> float:
        """Mean of ``|accuracy - confidence|`` over utterances."""
        used = self.n > 0
        gaps = np.abs(self.accuracy[used] - self.confidence[used])
        return float(np.average(gaps, weights=self.n[used]))


def reliability_bins(probabilities: ArrayLike, truth: ArrayLike, *, n_bins: int = 15) -> Bins:
    """Bins of equal width over the highest probability of each utterance.

    Raises:
        ValueError: when the shapes do not fit, there are no utterances or no bins.
    """
    values, labels = checked(probabilities, truth)
    confidence, correct = _decisions(values, labels)
    edges, place = _equal_bins(confidence, n_bins)
    return _binned(place, confidence, correct, edges[:-1], edges[1:])


def ece(probabilities: ArrayLike, truth: ArrayLike, n_bins: int = 15) -> float:
    """Expected calibration error: ``sum_b n_b / M * |accuracy_b - confidence_b|``.

    Over bins of equal width of the highest probability; 0 is perfect, 1 the worst. It shrinks
    neither to 0 for a perfect model on few utterances nor compares across different ``n_bins``.

    Args:
        probabilities: of shape (M, C), rows summing to 1.
        truth: integers of shape (M,).
        n_bins: how many bins.

    Raises:
        ValueError: when the shapes do not fit or there are no utterances.

    Source:
        Naeini, Cooper & Hauskrecht 2015, doi:10.1609/aaai.v29i1.9602; Guo et al. 2017,
        arXiv:1706.04599.

    Example:
        >>> round(ece([[0.9, 0.1], [0.9, 0.1]], [0, 1]), 3)
        0.4
    """
    return reliability_bins(probabilities, truth, n_bins=n_bins).gap


def ece_by_chance(
    probabilities: ArrayLike,
    n_bins: int = 15,
    *,
    level: float = 0.95,
    n_draws: int = 1000,
    seed: int = 0,
) -> float:
    """The ``ece`` that a perfectly calibrated model stays below, ``level`` of the time.

    Were every confidence exactly the chance of being right, few utterances would still miss it:
    truth is drawn anew from the confidences, ``n_draws`` times. An ``ece`` below this figure shows
    no fault of the model; only one above it does.

    Args:
        probabilities: of shape (M, C), rows summing to 1.
        n_bins: how many bins.
        level: between 0 and 1.
        n_draws: at least one.
        seed: of the draws.

    Raises:
        ValueError: when there are no utterances, bins or draws, or ``level`` is no share.

    Source:
        Bröcker & Smith 2007, Increasing the Reliability of Reliability Diagrams,
        doi:10.1175/WAF993.1.

    Example:
        >>> round(ece_by_chance([[0.9, 0.1], [0.8, 0.2]]), 3)
        0.55
    """
    if n_draws < 1 or not 0.0 <= level <= 1.0:
        raise ValueError(
            f"level {level}, {n_draws} draws: expected a share, and at least one draw."
        )
    values = np.asarray(probabilities, dtype=np.float64)
    confidence = checked(values, np.zeros(len(values), dtype=np.int64))[0].max(axis=1)
    generator = np.random.default_rng(seed)
    _, place = _equal_bins(confidence, n_bins)
    errors = [
        np.abs(np.bincount(place, (generator.random(len(place)) < confidence) - confidence)).sum()
        for _ in range(n_draws)
    ]
    return float(np.quantile(errors, level) / len(place))


def adaptive_ece(probabilities: ArrayLike, truth: ArrayLike, n_bins: int = 15) -> float:
    """Expected calibration error over bins that hold equally many utterances.

    Steadier than ``ece`` where most confidences crowd into a few bins.

    Raises:
        ValueError: when the shapes do not fit or there are no utterances.

    Source:
        Nixon et al. 2019, Measuring Calibration in Deep Learning, arXiv:1904.01685.
    """
    values, labels = checked(probabilities, truth)
    confidence, correct = _decisions(values, labels)
    order = np.argsort(confidence, kind="stable")
    n_used = min(_at_least_one(n_bins), len(order))
    place = np.arange(len(order)) * n_used // len(order)
    groups = np.split(confidence[order], np.flatnonzero(np.diff(place)) + 1)
    lower = np.array([group[0] for group in groups])
    upper = np.array([group[-1] for group in groups])
    return _binned(place, confidence[order], correct[order], lower, upper).gap


def brier(probabilities: ArrayLike, truth: ArrayLike) -> float:
    """Mean squared distance to the truth: ``mean_m sum_c (p_mc - [c = truth_m])**2``, 0 to 2.

    Raises:
        ValueError: when the shapes do not fit or there are no utterances.

    Source:
        Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.
    """
    values, labels = checked(probabilities, truth)
    return float(((values - np.eye(values.shape[1])[labels]) ** 2).sum(axis=1).mean())


def nll(probabilities: ArrayLike, truth: ArrayLike) -> float:
    """Mean negative log-likelihood of the truth, in nats.

    A probability of zero counts as the smallest positive float64.

    Raises:
        ValueError: when the shapes do not fit or there are no utterances.
    """
    values, labels = checked(probabilities, truth)
    chosen = values[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(chosen, np.finfo(np.float64).tiny)).mean())


def checked(rows: ArrayLike, truth: ArrayLike) -> tuple[Floats, Ints]:
    """Probabilities or logits and their truth as arrays that fit each other.

    Returns:
        Rows of shape (M, C), truth of shape (M,), M at least 1.

    Raises:
        ValueError: when the shapes do not fit, there are no utterances or no such class.
    """
    values = np.asarray(rows, dtype=np.float64)
    labels = np.asarray(truth)
    if values.ndim != 2 or labels.shape != values.shape[:1] or not labels.size:
        raise ValueError(
            f"got rows of shape {values.shape} and truth of shape {labels.shape}, "
            "expected (M, C) and (M,) with M at least 1."
        )
    if labels.min() < 0 or labels.max() >= values.shape[1]:
        raise ValueError(
            f"got classes {labels.min()} to {labels.max()}, expected 0 to {values.shape[1] - 1}."
        )
    return values, labels.astype(np.int64)


def _decisions(values: Floats, labels: Ints) -> tuple[Floats, NDArray[np.bool_]]:
    return values.max(axis=1), values.argmax(axis=1) == labels


def _binned(
    place: Ints, confidence: Floats, correct: NDArray[np.bool_], lower: Floats, upper: Floats
) -> Bins:
    n_bins = len(lower)
    count = np.bincount(place, minlength=n_bins)
    with np.errstate(invalid="ignore"):
        claimed = np.bincount(place, weights=confidence, minlength=n_bins) / count
        came_true = np.bincount(place, weights=correct, minlength=n_bins) / count
    return Bins(lower, upper, count, claimed, came_true)


def _at_least_one(n_bins: int) -> int:
    if n_bins < 1:
        raise ValueError(f"got {n_bins} bins, expected at least 1.")
    return n_bins


def _equal_bins(confidence: Floats, n_bins: int) -> tuple[Floats, Ints]:
    """Edges of bins of equal width, and the bin of each confidence."""
    edges = np.linspace(0.0, 1.0, _at_least_one(n_bins) + 1)
    # A confidence on an edge belongs below it, as in the paper's (lower, upper].
    return edges, np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, n_bins - 1)
