"""Text to numbered features: words, pairs of words and pieces of words, hashed into a table.

Nothing is learned and no vocabulary is stored: a feature's number is its checksum modulo the size
of the table. Words never seen still share pieces with those that were.

Source: Joulin et al. 2017, Bag of Tricks for Efficient Text Classification,
doi:10.18653/v1/E17-2068; Bojanowski et al. 2017, Enriching Word Vectors with Subword Information,
doi:10.1162/tacl_a_00051.
"""

from __future__ import annotations

import itertools
import re
import zlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

PIECE_LENGTHS = (3, 4, 5)
"""Letters in a piece of a word, the marks of its beginning and end counted in."""

_TOKEN = re.compile(r"\w+(?:'\w+)*|[^\w\s]")
_APOSTROPHES = str.maketrans("’‘`", "'''")


class Token(NamedTuple):
    """A word or a sign, and where it stands.

    Attributes:
        text: lower case.
        start, end: letters of the original text.
    """

    text: str
    start: int
    end: int


def tokens(text: str) -> list[Token]:
    """Words with their apostrophes, and every other sign by itself.

    Example:
        >>> [token.text for token in tokens("Don’t go!")]
        ["don't", 'go', '!']
    """
    plain = text.translate(_APOSTROPHES)
    return [Token(m.group().lower(), m.start(), m.end()) for m in _TOKEN.finditer(plain)]


def feature_ids(words: Sequence[str], n_buckets: int) -> NDArray[np.int64]:
    """The features of a text, int64 of shape (F,), each from 0 to ``n_buckets`` - 1.

    Args:
        words: as ``tokens`` gives them.
        n_buckets: rows of the table.
    """
    ids = [feature for word in words for feature in _of_word(word)]
    ids.extend(_checksums("2", map(" ".join, itertools.pairwise(words))))
    return np.array(ids, dtype=np.int64) % n_buckets


@lru_cache(maxsize=1 << 16)
def _of_word(word: str) -> tuple[int, ...]:
    return tuple(_checksums("1", [word])) + tuple(_checksums("p", _pieces(f"<{word}>")))


def _pieces(word: str) -> Iterator[str]:
    for length in PIECE_LENGTHS:
        for start in range(len(word) - length + 1):
            yield word[start : start + length]


def _checksums(kind: str, features: Sequence[str] | Iterator[str]) -> Iterator[int]:
    # The kind keeps the word 'the' apart from the piece 'the' of another.
    return (zlib.crc32(f"{kind}{feature}".encode()) for feature in features)
