"""The one number that makes a model as sure as it may be.

Logits have shape (M, C), truth is integers of shape (M,).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from serotone.metrics.calibration import checked

_LOWEST = 0.05
_HIGHEST = 20.0


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
    values, labels = checked(logits, truth)
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

    return _turning_point(must_rise)


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
    return _turning_point(
        lambda temperature: bool((1 / np.exp(values / temperature).sum(axis=1)).mean() > confidence)
    )


def _turning_point(must_rise: Callable[[float], bool]) -> float:
    """The T where ``must_rise`` turns from true to false, by bisection over log T."""
    low, high = math.log(_LOWEST), math.log(_HIGHEST)
    for _ in range(60):
        middle = (low + high) / 2
        if must_rise(math.exp(middle)):
            low = middle
        else:
            high = middle
    return math.exp((low + high) / 2)
