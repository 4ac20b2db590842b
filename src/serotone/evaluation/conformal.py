"""Sets of labels that hold the truth as often as they say: fitted on dev speakers, then checked."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from serotone.evaluation.dev_calibration import answers_of
from serotone.evaluation.predict_utterances import Hearing
from serotone.evaluation.result import Answer, SetScore, probabilities_of, truth_of
from serotone.metrics import classes, selective
from serotone.metrics.interval import bootstrap_over_speakers
from serotone.types import Utterance

COVERAGES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""What thresholds are fitted for."""


def fit(recognizer: Hearing, utterances: Sequence[Utterance]) -> dict[str, Any]:
    """Thresholds of a model, as its ``model.json`` keeps them under ``conformal``.

    The labels compete as they do in ``serotone predict``: all of the model's.

    Args:
        recognizer: the model.
        utterances: of speakers that did not teach it; those of unknown label are left out.

    Raises:
        CorpusError: when none of the utterances can be used.

    Source:
        Sadinle, Lei & Wasserman 2019, Least ambiguous set-valued classifiers with bounded error
        levels, doi:10.1080/01621459.2017.1395341.
    """
    heard, shares, truth = answers_of(recognizer, utterances)
    return {
        "method": "lac",
        "thresholds": {
            f"{coverage:g}": selective.conformal_threshold(shares, truth, coverage=coverage)
            for coverage in COVERAGES
        },
        "n": len(heard),
        "speakers": sorted({u.speaker for u in heard}),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }


def set_scores(
    answers: Sequence[Answer], labels: Sequence[str], thresholds: Mapping[float, float]
) -> dict[str, SetScore]:
    """How often sets hold the truth, and how large they are, by the coverage they promise."""
    shares, truth = probabilities_of(answers, labels), truth_of(answers, labels)
    speakers = [answer.speaker for answer in answers]
    scores = {}
    for coverage, threshold in sorted(thresholds.items()):
        inside = selective.conformal_sets(shares, threshold)
        held = inside[np.arange(len(truth)), truth].astype(np.int64)
        right = np.ones_like(held)
        scores[f"{coverage:g}"] = SetScore(
            held=float(held.mean()),
            held_ci=bootstrap_over_speakers(classes.accuracy, right, held, speakers),
            mean_size=float(inside.sum(axis=1).mean()),
            single=float((inside.sum(axis=1) == 1).mean()),
        )
    return scores
