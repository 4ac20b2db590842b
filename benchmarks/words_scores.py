"""Scores of texts that may carry several labels at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def f1_of_sets(truth: NDArray[np.float32], chosen: NDArray[np.bool_]) -> Floats:
    """F1 of each label, shape (C,), over sets of labels, both of shape (M, C)."""
    both = (truth * chosen).sum(axis=0)
    return 2 * both / np.maximum(truth.sum(axis=0) + chosen.sum(axis=0), 1)


def best_thresholds(truth: NDArray[np.float32], shares: Floats) -> Floats:
    """For each label the share above which calling it gives the best F1, shape (C,)."""
    best = np.zeros(shares.shape[1])
    for label in range(shares.shape[1]):
        order = np.argsort(-shares[:, label], kind="stable")
        hits = np.cumsum(truth[order, label])
        f1 = 2 * hits / (np.arange(1, len(order) + 1) + truth[:, label].sum())
        place = int(f1.argmax())
        # Half way to the next share, so that rounding on another machine changes nothing.
        following = shares[order[min(place + 1, len(order) - 1)], label]
        best[label] = (shares[order[place], label] + following) / 2
    return best
