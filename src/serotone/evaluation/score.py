"""Answers to figures: everything an evaluation says can be made again from its answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from serotone.errors import CorpusError
from serotone.evaluation.conformal import set_scores
from serotone.evaluation.fairness import AGES, age_group, gaps_between
from serotone.evaluation.result import (
    Answer,
    ClassScore,
    Evaluation,
    GroupScore,
    IntensityScore,
    Source,
    SpeakerScore,
    probabilities_of,
    truth_of,
)
from serotone.metrics import calibration, classes, selective
from serotone.metrics.interval import bootstrap_over_speakers


def score(answers: Iterable[Answer], labels: Sequence[str], source: Source) -> Evaluation:
    """The figures of some answers.

    Args:
        answers: at least one; each with a probability for every label.
        labels: the labels that count; others may not occur.
        source: what was measured on what.

    Raises:
        CorpusError: when there are no answers.
    """
    rows = tuple(answers)
    if not rows:
        raise CorpusError(
            f"corpus '{source.corpus}', part '{source.part}': no utterance could be scored "
            f"({len(source.failures)} failed, {sum(source.set_aside.values())} of unknown label); "
            "expected at least one. Check --root, --split and --part."
        )
    probabilities, truth = probabilities_of(rows, labels), truth_of(rows, labels)
    predicted = probabilities.argmax(axis=1)
    correct = predicted == truth
    sexes, ages = _groups(rows, lambda row: row.sex), _groups(rows, age_group)
    ordered = {name: ages[name] for name, _ in AGES if name in ages}
    return Evaluation(
        source=source,
        answers=rows,
        labels=tuple(labels),
        uar=classes.uar(truth, predicted),
        uar_ci=bootstrap_over_speakers(classes.uar, truth, predicted, [r.speaker for r in rows]),
        accuracy=classes.accuracy(truth, predicted),
        macro_f1=classes.macro_f1(truth, predicted),
        ece=calibration.ece(probabilities, truth),
        ece_by_chance=calibration.ece_by_chance(probabilities),
        brier=calibration.brier(probabilities, truth),
        nll=calibration.nll(probabilities, truth),
        aurc=selective.risk_coverage(probabilities.max(axis=1), correct).area,
        per_class=_per_class(truth, predicted, labels),
        per_speaker=_per_speaker(rows, truth, predicted),
        by_sex=by_group(rows, labels, lambda row: row.sex),
        confusion=classes.confusion_matrix(truth, predicted, len(labels)),
        intensity=_intensity(rows),
        by_age=by_group(rows, labels, age_group),
        gaps=gaps_between(sexes, labels) | gaps_between(ordered, labels),
        sets=set_scores(rows, labels, source.thresholds),
    )


def _groups(
    answers: Sequence[Answer], group: Callable[[Answer], str]
) -> dict[str, list[Answer]]:  # fmt: skip
    names = sorted({group(row) for row in answers} - {""})
    return {name: [row for row in answers if group(row) == name] for name in names}


def by_group(
    answers: Sequence[Answer], labels: Sequence[str], group: Callable[[Answer], str]
) -> dict[str, GroupScore]:
    """UAR of each group of answers with its interval over speakers; the group "" is left out."""
    scores = {}
    for name in sorted({group(row) for row in answers} - {""}):
        rows = [row for row in answers if group(row) == name]
        truth = truth_of(rows, labels)
        predicted = probabilities_of(rows, labels).argmax(axis=1)
        speakers = [row.speaker for row in rows]
        scores[name] = GroupScore(
            n=len(rows),
            n_speakers=len(set(speakers)),
            uar=classes.uar(truth, predicted),
            uar_ci=bootstrap_over_speakers(classes.uar, truth, predicted, speakers),
            accuracy=classes.accuracy(truth, predicted),
        )
    return scores


def _per_class(
    truth: NDArray[np.int64], predicted: NDArray[np.intp], labels: Sequence[str]
) -> dict[str, ClassScore]:
    confusion = classes.confusion_matrix(truth, predicted, len(labels))
    columns = zip(
        confusion.sum(axis=1).tolist(),
        classes.recall_of_confusion(confusion).tolist(),
        classes.precision_of_confusion(confusion).tolist(),
        classes.f1_of_confusion(confusion).tolist(),
        strict=True,
    )
    return {label: ClassScore(*column) for label, column in zip(labels, columns, strict=True)}


def _per_speaker(
    rows: Sequence[Answer], truth: NDArray[np.int64], predicted: NDArray[np.intp]
) -> dict[str, SpeakerScore]:
    names = np.array([row.speaker for row in rows])
    scores = {}
    for name in sorted(set(names.tolist())):
        mine = np.flatnonzero(names == name)
        scores[name] = SpeakerScore(
            n=len(mine),
            uar=classes.uar(truth[mine], predicted[mine]),
            accuracy=classes.accuracy(truth[mine], predicted[mine]),
            sex=rows[mine[0]].sex,
        )
    return scores


def _intensity(rows: Sequence[Answer]) -> IntensityScore | None:
    """Between the ends of the scale only: what lies between is neither weak nor strong."""
    used = [r for r in rows if r.true_intensity in (0.0, 1.0) and not math.isnan(r.intensity)]
    strong = np.array([row.true_intensity == 1.0 for row in used], dtype=bool)
    if not used or strong.all() or not strong.any():
        return None
    heard = np.array([row.intensity for row in used])
    interval = bootstrap_over_speakers(
        lambda truth, value: classes.auc(value, truth), strong, heard, [r.speaker for r in used]
    )
    return IntensityScore(len(used), classes.auc(heard, strong), interval)
