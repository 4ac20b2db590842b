from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serotone.words.ngrams import feature_ids, tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I can’t BELIEVE it!!", ["i", "can't", "believe", "it", "!", "!"]),
        ("well... ok :)", ["well", ".", ".", ".", "ok", ":", ")"]),
        ("ÜBER-cool 😀", ["über", "-", "cool", "😀"]),
        ("", []),
        (" \n\t ", []),
    ],
)
def test_tokens(text: str, expected: list[str]) -> None:
    assert [token.text for token in tokens(text)] == expected


@given(st.text())
def test_tokens_know_their_place(text: str) -> None:
    found = tokens(text)
    assert all(0 <= t.start < t.end <= len(text) for t in found)
    assert all(a.end <= b.start for a, b in itertools.pairwise(found))
    assert not any(c.isalnum() for i, c in enumerate(text) if not _inside(i, found))


def _inside(place: int, found: list) -> bool:
    return any(token.start <= place < token.end for token in found)


def test_features_of_a_known_text() -> None:
    # Fixed for good: other numbers would make every trained table worthless.
    assert feature_ids(["hi"], 1 << 17).tolist() == [28390, 23335, 75869, 67350]


def test_words_share_pieces_and_order_counts() -> None:
    n_buckets = 1 << 20
    joy, joyful = set(feature_ids(["joy"], n_buckets)), set(feature_ids(["joyful"], n_buckets))
    assert joy & joyful and joy != joyful
    ab, ba = (feature_ids(words, n_buckets) for words in (["not", "good"], ["good", "not"]))
    assert set(ab) != set(ba)


@given(st.lists(st.text(min_size=1, max_size=12), max_size=8), st.sampled_from([1, 7, 1 << 17]))
def test_features_stay_in_the_table(words: list[str], n_buckets: int) -> None:
    ids = feature_ids(words, n_buckets)
    assert ids.dtype == "int64" and ids.ndim == 1
    assert all(0 <= i < n_buckets for i in ids)
    assert len(ids) >= len(words)
