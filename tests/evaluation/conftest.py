"""A small corpus of made-up names, and a split of it."""

from __future__ import annotations

import pytest

from serotone.types import Split, Utterance
from tests.evaluation.fakes import clip


@pytest.fixture
def corpus() -> list[Utterance]:
    """Four speakers, three labels, twelve right and eight wrong answers on 20 utterances."""
    rows = []
    for speaker in range(4):
        sex = "female" if speaker % 2 else "male"
        for truth, heard in [
            ("neutral", "neutral"),
            ("neutral", "calm"),
            ("happy", "happy"),
            ("happy", "sad"),
            ("sad", "sad" if speaker < 2 else "happy"),
        ]:
            rows.append(clip(speaker, truth, heard, n=len(rows), sex=sex))
    return rows


@pytest.fixture
def split(corpus: list[Utterance]) -> Split:
    def of(*numbers: int) -> tuple[Utterance, ...]:
        return tuple(u for u in corpus if u.speaker in {f"toy-{n}" for n in numbers})

    return Split("toy2:1", train=of(0), dev=of(1), test=of(2, 3))
