"""An evaluation with something to show in every part of a report."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from serotone.evaluation.result import Answer, Evaluation, Source
from serotone.evaluation.score import score
from serotone.types import Failure

LABELS = ("neutral", "happy", "<b>mine</b>")


@pytest.fixture
def make_evaluation() -> Callable[..., Evaluation]:
    def make(protocol: str = "honest", n_speakers: int = 6) -> Evaluation:
        rng = np.random.default_rng(0)
        answers = []
        for index in range(20 * n_speakers):
            chances = rng.dirichlet(np.ones(3)) + 0.6 * np.eye(3)[index % 3]
            answers.append(
                Answer(
                    id=f"toy/{index}",
                    speaker=f"toy-{index % n_speakers}",
                    sex="female" if index % n_speakers % 2 else "male",
                    truth=LABELS[index % 3],
                    probabilities=dict(zip(LABELS, chances / chances.sum(), strict=True)),
                )
            )
        source = Source(
            model="model & co",
            recipe="recipe",
            corpus="toy",
            split="luna5:1",
            split_hash="0123456789abcdef",
            part="test",
            protocol=protocol,
            set_aside={"bored": 12},
            failures=(Failure("a<script>.wav", "not sound"),),
        )
        return score(answers, LABELS, source)

    return make
