from __future__ import annotations

import numpy as np
import pytest

from serotone.audio.vad import Span
from serotone.errors import ConfigError
from serotone.timeline.checkpoint import Stretch
from serotone.timeline.speakers import cluster, speaker_turns


def stretch(number: int, *rows: list[float]) -> Stretch:
    answers = tuple((np.ones(1), 0.5, np.array(row, np.float32)) for row in rows)
    windows = tuple((float(number), number + 1.0) for _ in rows)
    return Stretch(Span(number, number + 1), windows, answers)


def test_voices_are_numbered_as_they_are_first_heard() -> None:
    a, b = [1.0, 0.0, 0.1], [0.0, 1.0, 0.1]
    turns = [b, a, a, b, a]
    stretches = [stretch(i, row, [v + 0.01 for v in row]) for i, row in enumerate(turns)]
    names = speaker_turns(stretches, n_speakers=2)
    assert names == ["speaker-1", "speaker-2", "speaker-2", "speaker-1", "speaker-2"]


def test_groups_that_are_far_apart_are_found() -> None:
    draw = np.random.default_rng(1)
    truth = draw.integers(3, size=90)
    rows = np.eye(8)[truth] * 5 + draw.normal(0, 0.3, (90, 8))
    groups = cluster(rows, n_groups=3)
    pairs = set(zip(truth.tolist(), groups.tolist(), strict=True))
    assert len(pairs) == 3


def test_the_same_rows_give_the_same_groups() -> None:
    rows = np.random.default_rng(2).normal(size=(40, 5))
    assert (cluster(rows, n_groups=3) == cluster(rows, n_groups=3)).all()


def test_equal_rows_and_few_rows_are_no_trouble() -> None:
    assert len(cluster(np.ones((10, 4)), n_groups=2)) == 10
    assert cluster(np.ones((2, 4)), n_groups=3).tolist() == [0, 1]


def test_stretches_without_embeddings_are_an_error() -> None:
    with pytest.raises(ConfigError, match="needs embeddings"):
        speaker_turns([stretch(0, []), stretch(1, [])], n_speakers=2)
