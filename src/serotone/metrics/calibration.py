"""Whether a probability means what it says, how to mend it, and when to say nothing.

Probabilities and logits have shape (M, C), truth is integers of shape (M,).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_LOWEST_TEMPERATURE = 0.05
_HIGHEST_TEMPERATURE = 20.0


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


class RiskCoverage(NamedTuple):
    """Errors among the most confident answers, for every number of answers given.

    Attributes:
        coverage: share of utterances answered, rising, shape (M,).
        risk: share of errors among those answered, shape (M,).
        threshold: lowest confidence among those answered, shape (M,).
    """

    coverage: Floats
    risk: Floats
    threshold: Floats

    @property
    def area(self) -> float:
        """Mean risk over all coverages (AURC): lower is better."""
        return float(self.risk.mean())


def reliability_bins(probabilities: ArrayLike, truth: ArrayLike, *, n_bins: int = 15) -> Bins:
    """Bins of equal width over the highest probability of each utterance.

    Raises:
        ValueError: when the shapes do not fit, there are no utterances or no bins.
    """
    values, labels = _checked(probabilities, truth)
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
    confidence = _checked(values, np.zeros(len(values), dtype=np.int64))[0].max(axis=1)
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
    values, labels = _checked(probabilities, truth)
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
    values, labels = _checked(probabilities, truth)
    return float(((values - np.eye(values.shape[1])[labels]) ** 2).sum(axis=1).mean())


def nll(probabilities: ArrayLike, truth: ArrayLike) -> float:
    """Mean negative log-likelihood of the truth, in nats.

    A probability of zero counts as the smallest positive float64.

    Raises:
        ValueError: when the shapes do not fit or there are no utterances.
    """
    values, labels = _checked(probabilities, truth)
    chosen = values[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(chosen, np.finfo(np.float64).tiny)).mean())


def fit_temperature(logits: ArrayLike, truth: ArrayLike) -> float:
    """The T for which ``softmax(logits / T)`` gives ``truth`` the highest likelihood.

    The negative log-likelihood is convex in 1 / T, so its slope there,
    ``mean(E_p[logit] - logit_truth)``, changes sign once: that place is found by bisection over
    log T between 0.05 and 20. Decisions do not change; only how sure they claim to be.

    Args:
        logits: of shape (M, C); minus infinity masks a class out.
        truth: integers of shape (M,).

    Returns:
        T; above 1 the model was too sure, below 1 not sure enough.

    Raises:
        ValueError: when the shapes do not fit or there are no utterances.

    Source:
        Guo, Pleiss, Sun & Weinberger 2017, On Calibration of Modern Neural Networks,
        arXiv:1706.04599.

    Example:
        >>> round(fit_temperature([[4.0, 0.0]] * 4, [0, 0, 0, 1]), 2)  # 4 / log(3)
        3.64
    """
    values, labels = _checked(logits, truth)
    values = values - values.max(axis=1, keepdims=True)
    chosen = values[np.arange(len(labels)), labels]
    if not np.isfinite(chosen).all():
        raise ValueError("got an infinite logit for a true class, expected only finite ones.")

    def must_rise(temperature: float) -> bool:
        weights = np.exp(values / temperature)
        # A masked class weighs 0; minus infinity times 0 would be NaN.
        weighted = np.where(weights > 0, values, 0.0) * weights
        expected = weighted.sum(axis=1) / weights.sum(axis=1)
        return bool((expected - chosen).mean() > 0)  # past the minimum in 1 / T

    return _temperature(must_rise)


def temperature_for_confidence(logits: ArrayLike, confidence: float) -> float:
    """The T for which the answers of ``softmax(logits / T)`` are so sure on average.

    For a model whose logits have changed in scale and that is to claim what it claimed before,
    where there are no labels. The mean of the largest probability falls as T rises; bisection over
    log T between 0.05 and 20, whose ends stand for what no T reaches.

    Args:
        logits: of shape (M, C).
        confidence: wanted mean of the largest probability.

    Raises:
        ValueError: when there are no utterances, or the confidence is no probability.

    Example:
        >>> round(temperature_for_confidence([[4.0, 0.0]], 0.75), 2)  # 4 / log(3)
        3.64
    """
    values = np.asarray(logits, dtype=np.float64)
    if values.ndim != 2 or not values.size:
        raise ValueError(
            f"got logits of shape {values.shape}, expected (M, C) and some utterances."
        )
    if not 0 < confidence < 1:
        raise ValueError(f"got confidence {confidence}, expected a number between 0 and 1.")
    values = values - values.max(axis=1, keepdims=True)
    return _temperature(
        lambda temperature: bool((1 / np.exp(values / temperature).sum(axis=1)).mean() > confidence)
    )


def risk_coverage(confidence: ArrayLike, correct: ArrayLike) -> RiskCoverage:
    """What saying nothing when unsure buys: errors left, for each share of answers given.

    Args:
        confidence: of shape (M,), higher meaning surer.
        correct: truth values of shape (M,).

    Returns:
        Curves of shape (M,). Utterances of equal confidence stand or fall together: they share
        the coverage and risk of the last of them.

    Raises:
        ValueError: when the shapes differ or there are no utterances.

    Source:
        El-Yaniv & Wiener 2010, On the Foundations of Noise-free Selective Classification, JMLR
        11; Geifman & El-Yaniv 2017, arXiv:1705.08500.
    """
    sure = np.asarray(confidence, dtype=np.float64)
    right = np.asarray(correct, dtype=bool)
    if sure.shape != right.shape or sure.ndim != 1 or not sure.size:
        raise ValueError(f"got shapes {sure.shape} and {right.shape}, expected the same (M,).")
    order = np.argsort(-sure, kind="stable")
    threshold = sure[order]
    errors = np.cumsum(~right[order])
    last = np.searchsorted(-threshold, -threshold, side="right")
    return RiskCoverage(last / sure.size, errors[last - 1] / last, threshold)


def conformal_threshold(
    probabilities: ArrayLike, truth: ArrayLike, *, coverage: float = 0.9
) -> float:
    """The probability a label needs to enter a set that holds the truth ``coverage`` of the time.

    Split conformal prediction with the score ``1 - p_truth`` (least ambiguous sets): the
    ``ceil((M + 1) * coverage)``-th smallest score, turned back into a probability. The promise
    holds on average over new utterances exchangeable with these; so fit on speakers that the
    model was not trained on, as the new ones will be.

    Returns:
        A probability; 0, so that sets hold every label, when M is too small for ``coverage``.

    Raises:
        ValueError: when the shapes do not fit or ``coverage`` is not between 0 and 1.

    Source:
        Sadinle, Lei & Wasserman 2019, doi:10.1080/01621459.2017.1395341.
    """
    values, labels = _checked(probabilities, truth)
    if not 0 < coverage < 1:
        raise ValueError(f"got coverage {coverage}, expected a number between 0 and 1.")
    scores = np.sort(1 - values[np.arange(len(labels)), labels])
    rank = math.ceil((len(scores) + 1) * coverage)
    return 0.0 if rank > len(scores) else float(1 - scores[rank - 1])


def conformal_sets(probabilities: ArrayLike, threshold: float) -> NDArray[np.bool_]:
    """Which labels belong to each utterance's set, shape (M, C).

    The most probable label always does: no set is empty, and coverage can only gain.
    """
    values = np.asarray(probabilities, dtype=np.float64)
    # The slack keeps the calibration utterance that set the threshold inside its own set.
    inside: NDArray[np.bool_] = values >= threshold - 1e-12
    inside[np.arange(len(values)), values.argmax(axis=1)] = True
    return inside


def _temperature(must_rise: Callable[[float], bool]) -> float:
    """The T where ``must_rise`` turns from true to false, by bisection over log T."""
    low, high = math.log(_LOWEST_TEMPERATURE), math.log(_HIGHEST_TEMPERATURE)
    for _ in range(60):
        middle = (low + high) / 2
        if must_rise(math.exp(middle)):
            low = middle
        else:
            high = middle
    return math.exp((low + high) / 2)


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


def _checked(rows: ArrayLike, truth: ArrayLike) -> tuple[Floats, Ints]:
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
