"""When to say nothing, and when to name more than one label.

Probabilities have shape (M, C), truth is integers of shape (M,).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from serotone.metrics.calibration import Floats, checked


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
    values, labels = checked(probabilities, truth)
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
