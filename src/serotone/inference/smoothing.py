"""Which emotion lasts: a hidden Markov model over the probabilities of windows.

The emotion is a chain in continuous time that leaves its state once in ``dwell_s`` on average and
then takes any emotion; so windows may be any time apart, and a long pause forgets. Viterbi finds
the likeliest path through a whole recording (Rabiner 1989, "A tutorial on hidden Markov models",
https://doi.org/10.1109/5.18626). Live there is no future to lean on, and a running mean does.
"""

from __future__ import annotations

from math import exp, log

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from serotone.config import Config

_LEAST = 1e-6


class SmoothConfig(Config):
    """How much an answer leans on its neighbours. Chosen on dev speakers: docs/timeline.md.

    Attributes:
        dwell_s: how long an emotion lasts on average, in seconds; 0 turns smoothing off.
        trust: power to which a window's probabilities are raised; below 1 as windows that overlap
            repeat each other.
    """

    dwell_s: float = Field(default=2.0, ge=0)
    trust: float = Field(default=0.5, gt=0)


def log_stay_move(gap_s: float, n_states: int, *, dwell_s: float) -> tuple[float, float]:
    """Log probabilities of the same state, and of one certain other, ``gap_s`` later."""
    kept = exp(-gap_s / dwell_s) if dwell_s else 0.0
    move = (1 - kept) / n_states
    return log(kept + move), log(max(move, 1e-300))


def viterbi(
    probabilities: NDArray[np.float64], times_s: NDArray[np.float64], config: SmoothConfig
) -> NDArray[np.int64]:
    """The likeliest path of states.

    Args:
        probabilities: of shape (T, C).
        times_s: of shape (T,), ascending, in seconds.
        config: how long a state lasts.

    Returns:
        One state per window, of shape (T,).

    Example:
        >>> rows = np.array([[0.9, 0.1], [0.4, 0.6], [0.9, 0.1]])
        >>> viterbi(rows, np.arange(3.0), SmoothConfig(dwell_s=10, trust=1)).tolist()
        [0, 0, 0]
        >>> viterbi(rows, np.arange(3.0), SmoothConfig(dwell_s=0)).tolist()
        [0, 1, 0]
    """
    n_steps, n_states = probabilities.shape
    if not n_steps:
        return np.empty(0, np.int64)
    evidence = config.trust * np.log(np.maximum(probabilities, _LEAST))
    came_from = np.zeros((n_steps, n_states), np.int64)
    states = np.arange(n_states)
    score = evidence[0]
    for step in range(1, n_steps):
        gap_s = float(times_s[step] - times_s[step - 1])
        stay, move = log_stay_move(gap_s, n_states, dwell_s=config.dwell_s)
        # All moves cost the same, so the best one starts at the best state.
        best = int(score.argmax())
        moved = score[best] + move
        came_from[step] = np.where(score + stay >= moved, states, best)
        score = np.maximum(score + stay, moved) + evidence[step]
    path = np.empty(n_steps, np.int64)
    path[-1] = score.argmax()
    for step in range(n_steps - 1, 0, -1):
        path[step - 1] = came_from[step, path[step]]
    return path


def blend(
    believed: NDArray[np.float64],
    probabilities: NDArray[np.float64],
    gap_s: float,
    *,
    dwell_s: float,
) -> NDArray[np.float64]:
    """What to believe live: the new probabilities (C,), and what still holds of the old ones.

    The old ones hold with the probability that the emotion has not been left in ``gap_s``. A mean
    of calibrated probabilities, so that the answer is no surer than what it was made of.

    Example:
        >>> old, new = np.array([1.0, 0.0]), np.array([0.0, 1.0])
        >>> blend(old, new, 1.0, dwell_s=1.0).round(2).tolist()
        [0.37, 0.63]
    """
    kept = exp(-gap_s / dwell_s) if dwell_s else 0.0
    return kept * believed + (1 - kept) * probabilities
