"""Scores of hard decisions, and the area under the curve for scores.

Truth and predictions are integers of shape (M,) from 0 to C - 1. Shares are between 0 and 1.
The ``*_of_confusion`` functions take any number of confusion matrices at once, shape (..., C, C),
which is what makes resampling fast.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def confusion_matrix(truth: ArrayLike, predicted: ArrayLike, n_classes: int) -> Ints:
    """How often each true class (row) was called each class (column).

    Args:
        truth, predicted: integers of shape (M,).
        n_classes: C.

    Returns:
        int64 counts of shape (C, C), summing to M.

    Raises:
        ValueError: when the shapes differ or a class is outside 0 … C - 1.

    Example:
        >>> confusion_matrix([0, 0, 1], [0, 1, 1], 2).tolist()
        [[1, 1], [0, 1]]
    """
    rows, columns = _pair(truth, predicted)
    for values in (rows, columns):
        if values.size and not 0 <= values.min() <= values.max() < n_classes:
            raise ValueError(
                f"got classes {values.min()} to {values.max()}, expected 0 to {n_classes - 1}."
            )
    counts = np.bincount(rows * n_classes + columns, minlength=n_classes * n_classes)
    return counts.reshape(n_classes, n_classes).astype(np.int64)


def recall_per_class(truth: ArrayLike, predicted: ArrayLike, n_classes: int) -> Floats:
    """Share of each true class that was found, shape (C,); NaN for a class without utterances."""
    return recall_of_confusion(confusion_matrix(truth, predicted, n_classes))


def precision_per_class(truth: ArrayLike, predicted: ArrayLike, n_classes: int) -> Floats:
    """Share of each predicted class that was right, shape (C,); NaN for one never predicted."""
    return precision_of_confusion(confusion_matrix(truth, predicted, n_classes))


def f1_per_class(truth: ArrayLike, predicted: ArrayLike, n_classes: int) -> Floats:
    """Harmonic mean of precision and recall, ``2 TP / (2 TP + FP + FN)``, shape (C,).

    NaN for a class that neither occurs nor was predicted.
    """
    return f1_of_confusion(confusion_matrix(truth, predicted, n_classes))


def uar(truth: ArrayLike, predicted: ArrayLike) -> float:
    """Unweighted average recall: the mean of the recalls of the classes present in ``truth``.

    Chance is one over the number of those classes, however unequal they are.

    Raises:
        ValueError: when there are no utterances or the shapes differ.

    Source:
        Schuller, Steidl & Batliner 2009, The INTERSPEECH 2009 Emotion Challenge,
        doi:10.21437/Interspeech.2009-103.

    Example:
        >>> uar([0, 0, 0, 1], [0, 0, 0, 0])
        0.5
    """
    return float(uar_of_confusion(_confusion_of_any(truth, predicted)))


def accuracy(truth: ArrayLike, predicted: ArrayLike) -> float:
    """Share of utterances that were called right.

    Raises:
        ValueError: when there are no utterances or the shapes differ.
    """
    return float(accuracy_of_confusion(_confusion_of_any(truth, predicted)))


def macro_f1(truth: ArrayLike, predicted: ArrayLike) -> float:
    """Mean F1 over the classes that occur in ``truth`` or in ``predicted``.

    Raises:
        ValueError: when there are no utterances or the shapes differ.
    """
    return float(macro_f1_of_confusion(_confusion_of_any(truth, predicted)))


def auc(scores: ArrayLike, positives: ArrayLike) -> float:
    """Probability that a positive scores above a negative, ties counting half.

    ``U / (n_positive * n_negative)`` with U of Mann and Whitney: the area under the
    receiver operating characteristic.

    Args:
        scores: of shape (M,), higher meaning more positive.
        positives: truth values of shape (M,).

    Raises:
        ValueError: when the shapes differ or one of the two kinds is missing.

    Source:
        Mann & Whitney 1947, doi:10.1214/aoms/1177730491; Hanley & McNeil 1982,
        doi:10.1148/radiology.143.1.7063747.

    Example:
        >>> auc([0.1, 0.4, 0.35, 0.8], [False, False, True, True])
        0.75
    """
    values = np.asarray(scores, dtype=np.float64)
    positive = np.asarray(positives, dtype=bool)
    if values.shape != positive.shape or values.ndim != 1:
        raise ValueError(f"got shapes {values.shape} and {positive.shape}, expected the same (M,).")
    n_positive = int(positive.sum())
    n_negative = positive.size - n_positive
    if n_positive == 0 or n_negative == 0:
        raise ValueError(
            f"got {n_positive} positives and {n_negative} negatives, expected some of both."
        )
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    last_rank = np.cumsum(count)
    mean_rank = last_rank - (count - 1) / 2
    u = mean_rank[place][positive].sum() - n_positive * (n_positive + 1) / 2
    return float(u / (n_positive * n_negative))


def recall_of_confusion(confusion: NDArray[np.generic]) -> Floats:
    """Recalls of shape (..., C) of confusion matrices of shape (..., C, C)."""
    return _ratio(_hits(confusion), confusion.sum(axis=-1))


def precision_of_confusion(confusion: NDArray[np.generic]) -> Floats:
    """Precisions of shape (..., C) of confusion matrices of shape (..., C, C)."""
    return _ratio(_hits(confusion), confusion.sum(axis=-2))


def f1_of_confusion(confusion: NDArray[np.generic]) -> Floats:
    """F1 of shape (..., C) of confusion matrices of shape (..., C, C)."""
    return _ratio(2 * _hits(confusion), confusion.sum(axis=-1) + confusion.sum(axis=-2))


def uar_of_confusion(confusion: NDArray[np.generic]) -> Floats:
    """Unweighted average recall of shape (...) of confusion matrices of shape (..., C, C)."""
    return _mean_of_known(recall_of_confusion(confusion))


def accuracy_of_confusion(confusion: NDArray[np.generic]) -> Floats:
    """Accuracy of shape (...) of confusion matrices of shape (..., C, C)."""
    return _ratio(_hits(confusion).sum(axis=-1), confusion.sum(axis=(-2, -1)))


def macro_f1_of_confusion(confusion: NDArray[np.generic]) -> Floats:
    """Mean F1 of shape (...) of confusion matrices of shape (..., C, C)."""
    return _mean_of_known(f1_of_confusion(confusion))


def _hits(confusion: NDArray[np.generic]) -> Floats:
    return np.asarray(np.diagonal(confusion, axis1=-2, axis2=-1), dtype=np.float64)


def _ratio(part: ArrayLike, whole: ArrayLike) -> Floats:
    above = np.asarray(part, dtype=np.float64)
    below = np.asarray(whole, dtype=np.float64)
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)


def _mean_of_known(values: Floats) -> Floats:
    known = ~np.isnan(values)
    return _ratio(np.where(known, values, 0.0).sum(axis=-1), known.sum(axis=-1))


def _pair(truth: ArrayLike, predicted: ArrayLike) -> tuple[Ints, Ints]:
    rows, columns = np.asarray(truth), np.asarray(predicted)
    if rows.shape != columns.shape or rows.ndim != 1:
        raise ValueError(
            f"got truth of shape {rows.shape} and predictions of shape {columns.shape}, "
            "expected the same (M,)."
        )
    for values in (rows, columns):
        if values.size and not np.issubdtype(values.dtype, np.integer):
            raise ValueError(f"got classes of type {values.dtype}, expected integers.")
    return rows.astype(np.int64), columns.astype(np.int64)


def _confusion_of_any(truth: ArrayLike, predicted: ArrayLike) -> Ints:
    rows, columns = _pair(truth, predicted)
    if rows.size == 0:
        raise ValueError("got no utterances, expected at least one.")
    return confusion_matrix(rows, columns, int(max(rows.max(), columns.max())) + 1)
