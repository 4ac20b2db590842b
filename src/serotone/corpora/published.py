"""Folds that others published, by speaker: figures compare only where folds agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedFolds:
    """Speakers of each fold.

    Attributes:
        corpus: the corpus they were published for.
        test: speakers tested, per fold.
        dev: speakers to choose on, per fold; where empty, those that the next fold tests.
    """

    corpus: str
    test: tuple[frozenset[str], ...]
    dev: tuple[frozenset[str], ...] = ()

    def dev_of(self, fold: int) -> frozenset[str]:
        """Speakers to choose on in ``fold``, counted from 0."""
        return self.dev[fold] if self.dev else self.test[(fold + 1) % len(self.test)]


def _actors(corpus: str, folds: Sequence[Sequence[int]]) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(f"{corpus}-{actor:02d}" for actor in fold) for fold in folds)


PUBLISHED: Mapping[str, PublishedFolds] = {
    "luna5": PublishedFolds(
        "ravdess",
        test=_actors(
            "ravdess",
            [
                (2, 5, 14, 15, 16),
                (3, 6, 7, 13, 18),
                (10, 11, 12, 19, 20),
                (8, 17, 21, 23, 24),
                (1, 4, 9, 22),
            ],
        ),
        dev=_actors("ravdess", [(3, 6), (10, 11), (8, 17), (1, 14), (2, 5)]),
    ),
    "emobox6": PublishedFolds(
        "ravdess",
        test=_actors(
            "ravdess",
            [
                (1, 11, 20, 21),
                (4, 10, 12, 14),
                (8, 9, 19, 23),
                (3, 5, 7, 24),
                (2, 15, 16, 18),
                (6, 13, 17, 22),
            ],
        ),
    ),
    "emosuperb5": PublishedFolds(
        "crema-d",
        test=_actors(
            "crema-d",
            [
                range(1001, 1019),
                range(1019, 1037),
                range(1037, 1055),
                range(1055, 1073),
                range(1073, 1092),
            ],
        ),
    ),
    "tess-cross": PublishedFolds(
        "tess",
        test=(frozenset({"tess-OAF"}), frozenset({"tess-YAF"})),
        dev=(frozenset(), frozenset()),
    ),
    "iemocap-session": PublishedFolds(
        "iemocap",
        test=tuple(
            frozenset({f"iemocap-Ses{session:02d}F", f"iemocap-Ses{session:02d}M"})
            for session in range(1, 6)
        ),
    ),
}
"""``luna5``: Luna-Jiménez et al. 2021, https://doi.org/10.3390/s21227665 (dev actors as the best
published small model takes them). ``emobox6``: EmoBox, Ma et al. 2024,
https://doi.org/10.48550/arXiv.2406.07162. ``emosuperb5``: EMO-SUPERB, Wu et al. 2024,
https://doi.org/10.48550/arXiv.2402.13018."""
