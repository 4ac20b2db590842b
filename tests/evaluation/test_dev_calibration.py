"""How sure a model may be, by people who did not teach it."""

from __future__ import annotations

import numpy as np
import pytest

from serotone.errors import CorpusError
from serotone.evaluation.dev_calibration import temperature_by
from tests.evaluation.fakes import LABELS, FakeRecognizer, clip


def clips(n_right: int, n: int) -> list:
    """Each label is said as often; of ``n`` clips of each, ``n_right`` are heard rightly."""
    others = dict(zip(LABELS, [*LABELS[1:], LABELS[0]], strict=True))
    return [
        clip(1, label, label if i < n_right else others[label], n=i)
        for label in LABELS
        for i in range(n)
    ]


def tempered(share: float, n_labels: int, temperature: float) -> float:
    """What a model that says ``share``, and as much of each other label, says then."""
    said = np.array([share] + [(1 - share) / (n_labels - 1)] * (n_labels - 1))
    raised = said ** (1 / temperature)
    return float(raised[0] / raised.sum())


@pytest.mark.parametrize("n_right", [9, 7, 5])
def test_confidence_becomes_the_share_of_right_answers(n_right: int) -> None:
    temperature = temperature_by(FakeRecognizer(), clips(n_right, 10))
    assert tempered(0.7, 4, temperature) == pytest.approx(n_right / 10, abs=0.01)


def test_a_label_that_the_corpus_does_not_have_counts_for_nothing() -> None:
    known = clips(7, 10)
    with_more = FakeRecognizer(labels=(*LABELS, "bored", "disgust"))
    rest = 0.3 / 5  # what each label that was not chosen gets
    temperature = temperature_by(with_more, known)
    assert tempered(0.7 / (0.7 + 3 * rest), 4, temperature) == pytest.approx(0.7, abs=0.01)


def test_nothing_that_can_be_heard_is_one_line() -> None:
    with pytest.raises(CorpusError, match=r"none of 1 utterance\(s\) has a label"):
        temperature_by(FakeRecognizer(), [clip(1, None, "sad")])
