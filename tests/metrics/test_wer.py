from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serotone.metrics.wer import word_errors

WORDS = st.lists(st.sampled_from("abc"), max_size=7)


@pytest.mark.parametrize(
    ("said", "heard", "errors"),
    [
        ("dogs are sitting by the door", "dogs are sitting by the door", 0),
        ("dogs are sitting by the door", "doctors say the united door", 5),
        ("kids are talking", "", 3),
        ("", "kids are", 2),
        ("a b", "b a", 2),
    ],
)
def test_known_errors(said: str, heard: str, errors: int) -> None:
    assert word_errors(said.split(), heard.split()) == errors


@given(WORDS, WORDS)
def test_the_recursive_definition(said: list[str], heard: list[str]) -> None:
    @cache
    def distance(i: int, j: int) -> int:
        if i == 0 or j == 0:
            return i + j
        same = distance(i - 1, j - 1) + (said[i - 1] != heard[j - 1])
        return min(same, distance(i - 1, j) + 1, distance(i, j - 1) + 1)

    assert word_errors(said, heard) == distance(len(said), len(heard))
