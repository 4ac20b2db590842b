"""Which rows an epoch shows, and in what order: the ways to balance unequal classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor

Balance = Literal["none", "speakers", "oversample", "batches"]


def epoch_length(labels: Tensor, balance: Balance) -> int:
    """Rows that an epoch shows."""
    if balance == "oversample":
        counts = labels.bincount()
        return int(counts.max()) * int((counts > 0).sum())
    return len(labels)


def epoch_order(
    labels: Tensor,
    speakers: Sequence[str],
    *,
    balance: Balance,
    generator: torch.Generator,
    corpora: Sequence[str] = (),
    shares: Mapping[str, float] | None = None,
) -> Tensor:
    """Rows of an epoch in the order they are shown.

    Args:
        labels: int64 (M,).
        speakers: of each row.
        balance: ``none`` shows each row once. ``speakers`` draws a row with a chance that falls
            with the square root of the number of rows its speaker has. ``oversample`` shows each
            row once, and rows of rarer classes again until all classes have as many.
            ``batches`` deals the classes out in turn, so that any batch has as many of each,
            give or take one; rows of rarer classes come again, some of frequent ones not at all.
        generator: that draws.
        corpora: of each row, where there are shares.
        shares: how much of the epoch each corpus has, in proportion; none leaves it to how many
            rows it has. Goes with ``none``, which then draws evenly within a corpus, and
            ``speakers``.

    Returns:
        int64 (``epoch_length``,).
    """
    if balance == "speakers" or shares:
        counts = Counter(speakers)
        power = -0.5 if balance == "speakers" else 0.0
        chances = torch.tensor([counts[s] ** power for s in speakers], dtype=torch.float64)
        if shares:
            chances *= _in_proportion(chances, corpora, shares)
        return torch.multinomial(chances, len(labels), replacement=True, generator=generator)
    if balance == "oversample":
        return _oversampled(labels, generator)
    if balance == "batches":
        return _dealt(labels, generator)
    return torch.randperm(len(labels), generator=generator)


def _in_proportion(chances: Tensor, corpora: Sequence[str], shares: Mapping[str, float]) -> Tensor:
    """(M,) factors that give each corpus its share of all chances."""
    factors = torch.zeros_like(chances)
    for corpus in set(corpora):
        rows = torch.tensor([c == corpus for c in corpora])
        factors[rows] = shares[corpus] / chances[rows].sum()
    return factors


def class_weights(labels: Tensor, n_classes: int) -> Tensor:
    """(C,) weights that make every class that occurs count the same, on average 1 a row."""
    counts = labels.bincount(minlength=n_classes).float()
    weights = len(labels) / ((counts > 0).sum() * counts.clamp(min=1))
    return torch.where(counts > 0, weights, torch.ones_like(weights))


def _rows_by_class(labels: Tensor) -> list[Tensor]:
    return [(labels == label).nonzero()[:, 0] for label in sorted(set(labels.tolist()))]


def _oversampled(labels: Tensor, generator: torch.Generator) -> Tensor:
    classes = _rows_by_class(labels)
    most = max(len(rows) for rows in classes)
    shown = []
    for rows in classes:
        again = torch.randint(len(rows), (most - len(rows),), generator=generator)
        shown += [rows, rows[again]]
    every = torch.cat(shown)
    return every[torch.randperm(len(every), generator=generator)]


def _dealt(labels: Tensor, generator: torch.Generator) -> Tensor:
    classes = _rows_by_class(labels)
    n_rounds = -(-len(labels) // len(classes))
    columns = [_endless(classes[i], n_rounds, generator) for i in range(len(classes))]
    turn = torch.randperm(len(classes), generator=generator)
    return torch.stack(columns, dim=1)[:, turn].flatten()[: len(labels)]


def _endless(rows: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """``n`` of the rows: all of them shuffled, then all of them again, and so on."""
    n_passes = -(-n // len(rows))
    passes = [rows[torch.randperm(len(rows), generator=generator)] for _ in range(n_passes)]
    return torch.cat(passes)[:n]
