"""Who speaks: voices told apart by the emotion model's embeddings. An experiment.

The model was trained to hear emotions and to overlook voices, so its embeddings know little of
who speaks; docs/timeline.md has the measured purity. A recording with a channel per person needs
none of this.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from serotone.errors import ConfigError
from serotone.timeline.checkpoint import Stretch

N_ROUNDS = 50
N_STARTS = 8


def speaker_turns(stretches: Sequence[Stretch], *, n_speakers: int) -> list[str]:
    """A name for the voice of each stretch of speech, numbered as they are first heard.

    Args:
        stretches: with embeddings; each is taken to be one person's.
        n_speakers: how many people there are.

    Raises:
        ConfigError: when the stretches have no embeddings.
    """
    means = []
    for stretch in stretches:
        rows = np.array([embedding for _, _, embedding in stretch.answers])
        if rows.ndim != 2 or not rows.shape[1]:
            raise ConfigError(
                "telling speakers apart needs embeddings, got stretches without. "
                "Analyse with n_speakers above 0."
            )
        means.append(rows.mean(axis=0))
    groups = cluster(np.array(means, np.float64), n_groups=n_speakers)
    order = list(dict.fromkeys(groups.tolist()))
    return [f"speaker-{order.index(group) + 1}" for group in groups]


def cluster(rows: NDArray[np.float64], *, n_groups: int) -> NDArray[np.int64]:
    """Spherical k-means: groups of rows that point the same way, after removing the mean.

    The best of several starts, each drawn far from the others (k-means++, Arthur and
    Vassilvitskii 2007). The same rows give the same groups.

    Args:
        rows: of shape (N, E).
        n_groups: at least 1; no more than N come out.

    Returns:
        The group of each row, int64 (N,).
    """
    if len(rows) <= n_groups:
        return np.arange(len(rows))
    spread = rows - rows.mean(axis=0)
    spread = spread / np.maximum(rows.std(axis=0), 1e-9)
    units = _unit(spread)
    generator = np.random.default_rng(0)
    tries = (_one_start(units, n_groups, generator) for _ in range(N_STARTS))
    return max(tries, key=lambda found: found[1])[0]


def _one_start(
    units: NDArray[np.float64], n_groups: int, generator: np.random.Generator
) -> tuple[NDArray[np.int64], float]:
    centres = units[[generator.integers(len(units))]]
    while len(centres) < n_groups:
        far = np.maximum(1 - (units @ centres.T).max(axis=1), 0)
        share = far / far.sum() if far.sum() > 0 else None
        centres = np.vstack([centres, units[generator.choice(len(units), p=share)]])
    for _ in range(N_ROUNDS):
        groups = (units @ centres.T).argmax(axis=1)
        sums = np.array([units[groups == g].sum(axis=0) for g in range(n_groups)])
        # An empty group keeps its centre.
        renewed = np.where(np.any(sums, axis=1, keepdims=True), _unit(sums), centres)
        if np.allclose(renewed, centres):
            break
        centres = renewed
    closeness = units @ centres.T
    return closeness.argmax(axis=1), float(closeness.max(axis=1).sum())


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    scaled: NDArray[np.float64] = rows / np.maximum(
        np.linalg.norm(rows, axis=1, keepdims=True), 1e-12
    )
    return scaled
