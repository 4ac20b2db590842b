"""Runs put together: folds and seeds of a recipe as one figure, two recipes as a difference."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from serotone.benchmark.result_store import Result
from serotone.evaluation.result import Answer, probabilities_of, truth_of
from serotone.metrics import calibration, classes
from serotone.metrics.interval import (
    Difference,
    bootstrap_over_speakers,
    paired_bootstrap_over_speakers,
)


@dataclass(frozen=True, slots=True)
class Measured:
    """A recipe on a split: all its folds and seeds together.

    Every utterance that was tested counts once a seed; the interval draws speakers, of all folds.

    Attributes:
        recipe, corpus, protocol: of all the runs.
        tested: the corpora of the test clips.
        trained_on: those that taught, empty where it is not known.
        split: its name without folds.
        labels: in the order of the first run.
        runs: results, sorted by fold and seed.
        n: utterances, each counted once.
        n_speakers: 0 where answers were not kept.
        uar, accuracy, macro_f1, ece: shares over all runs.
        ece_by_chance: what ``ece`` may be without a fault, NaN where answers were not kept.
        uar_ci: low and high over speakers, NaN where it cannot be told.
    """

    recipe: str
    corpus: str
    tested: str
    trained_on: str
    protocol: str
    split: str
    labels: tuple[str, ...]
    runs: tuple[Result, ...]
    n: int
    n_speakers: int
    uar: float
    uar_ci: tuple[float, float]
    accuracy: float
    macro_f1: float
    ece: float
    ece_by_chance: float

    @property
    def folds(self) -> tuple[int, ...]:
        """Numbers of the folds, none where the split has none."""
        return tuple(sorted({run.fold for run in self.runs if run.fold is not None}))

    @property
    def n_folds(self) -> int | None:
        """How many folds the split has, where it is known."""
        return next((run.n_folds for run in self.runs if run.n_folds), None)

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(sorted({run.seed for run in self.runs if run.seed is not None}))

    @property
    def n_classes(self) -> int:
        """Labels that occur in the truth; chance is one over it."""
        return sum(any(row) for row in confusion_of(self.runs).tolist())

    @property
    def largest_share(self) -> float:
        """Share of the commonest label: the accuracy of one answer for all."""
        rows = confusion_of(self.runs).sum(axis=1)
        return float(rows.max() / rows.sum())

    @property
    def seed_spread(self) -> float:
        """Standard deviation of the UAR over seeds, NaN with fewer than two."""
        by_seed = [[run for run in self.runs if run.seed == seed] for seed in self.seeds]
        if len(by_seed) < 2:
            return math.nan
        scores = [float(classes.uar_of_confusion(confusion_of(runs))) for runs in by_seed]
        return float(np.std(scores, ddof=1))

    @property
    def latency_cpu(self) -> str:
        """What latency was measured on, empty where it was not."""
        return next((run.latency_cpu for run in self.runs if run.latency_cpu), "")


@dataclass(frozen=True, slots=True)
class Paired:
    """One recipe less another, on the utterances that both were tested on.

    Attributes:
        first, second: names of the recipes.
        protocol: of the first.
        difference: in UAR.
        n: pairs of answers.
        n_speakers: in them.
        folds: that both ran on.
    """

    first: str
    second: str
    protocol: str
    difference: Difference
    n: int
    n_speakers: int
    folds: tuple[int, ...]


def together(results: Iterable[Result]) -> list[Measured]:
    """Results by recipe, corpus, split and protocol; most folds first, then the best UAR.

    What one fold gave says less than what all gave, however high it is. A seed counts once it has
    every fold that another seed has: easy folds shall not weigh more than hard ones.
    """
    groups: dict[tuple[str, ...], list[Result]] = {}
    for result in results:
        key = (
            result.recipe,
            result.corpus,
            result.split_name,
            result.protocol,
            result.part,
            *sorted(result.labels),
        )
        groups.setdefault(key, []).append(result)
    measured = [_measured(_of_whole_seeds(runs)) for runs in groups.values()]
    return sorted(measured, key=lambda m: (-len(m.folds), -m.uar, m.recipe))


def _of_whole_seeds(runs: Sequence[Result]) -> list[Result]:
    """Runs of the seeds with every fold that any seed has; all runs where no seed has them all."""
    folds: defaultdict[int | None, set[int | None]] = defaultdict(set)
    for run in runs:
        folds[run.seed].add(run.fold)
    every = set().union(*folds.values())
    whole = {seed for seed, of_seed in folds.items() if of_seed == every}
    return [run for run in runs if not whole or run.seed in whole]


def _measured(runs: Sequence[Result]) -> Measured:
    ordered = tuple(sorted(runs, key=lambda run: (run.fold or 0, run.seed or 0)))
    first = ordered[0]
    answers = [a for run in ordered for a in run.answers] if _complete(ordered) else []
    confusion = confusion_of(ordered)
    return Measured(
        recipe=first.recipe,
        corpus=first.corpus,
        tested=first.tested,
        trained_on=first.trained_on,
        protocol=first.protocol,
        split=first.split_name,
        labels=first.labels,
        runs=ordered,
        n=len({answer.id for answer in answers}) or _n_tested(ordered),
        n_speakers=len({answer.speaker for answer in answers}),
        uar=float(classes.uar_of_confusion(confusion)),
        uar_ci=_interval(ordered, answers),
        accuracy=float(classes.accuracy_of_confusion(confusion)),
        macro_f1=float(classes.macro_f1_of_confusion(confusion)),
        ece=_ece(ordered, answers),
        ece_by_chance=_ece_by_chance(ordered, answers),
    )


def _n_tested(runs: Sequence[Result]) -> int:
    return sum({run.split_hash: run.n for run in runs}.values())


def _complete(runs: Iterable[Result]) -> bool:
    return all(run.answers for run in runs)


def confusion_of(runs: Sequence[Result]) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Counts over all runs, in the label order of the first."""
    labels = runs[0].labels
    total = np.zeros((len(labels), len(labels)), dtype=np.int64)
    for run in runs:
        place = [run.labels.index(label) for label in labels]
        total += np.asarray(run.confusion, dtype=np.int64)[np.ix_(place, place)]
    return total


def _interval(runs: Sequence[Result], answers: Sequence[Answer]) -> tuple[float, float]:
    if len(runs) == 1:
        return runs[0].uar_ci
    if not answers:
        return (math.nan, math.nan)
    labels = runs[0].labels
    found = bootstrap_over_speakers(
        classes.uar,
        truth_of(answers, labels),
        probabilities_of(answers, labels).argmax(axis=1),
        [answer.speaker for answer in answers],
    )
    return (found.low, found.high)


def _ece(runs: Sequence[Result], answers: Sequence[Answer]) -> float:
    if len(runs) == 1:
        return runs[0].ece
    if not answers:
        return math.nan
    labels = runs[0].labels
    return calibration.ece(probabilities_of(answers, labels), truth_of(answers, labels))


def _ece_by_chance(runs: Sequence[Result], answers: Sequence[Answer]) -> float:
    if not answers:
        return math.nan
    return calibration.ece_by_chance(probabilities_of(answers, runs[0].labels))


def paired(first: Measured, second: Measured) -> Paired | None:
    """The difference of two recipes where both were tested on the same utterances.

    Runs are paired by their test clips and seed; what they learned from may differ. None where
    there is no such pair with answers kept, or the two choose among different labels.
    """
    if set(first.labels) != set(second.labels):
        return None
    others = {_tested(run): run for run in second.runs if run.answers}
    pairs = [
        (run, others[_tested(run)]) for run in first.runs if run.answers and _tested(run) in others
    ]
    rows = [row for one, other in pairs for row in _rows(one.answers, other.answers)]
    if not rows:
        return None
    labels = first.labels
    ours, theirs = [row[0] for row in rows], [row[1] for row in rows]
    speakers = [answer.speaker for answer in ours]
    difference = paired_bootstrap_over_speakers(
        classes.uar,
        truth_of(ours, labels),
        probabilities_of(ours, labels).argmax(axis=1),
        probabilities_of(theirs, labels).argmax(axis=1),
        speakers,
    )
    return Paired(
        first=first.recipe,
        second=second.recipe,
        protocol=first.protocol,
        difference=difference,
        n=len(rows),
        n_speakers=len(set(speakers)),
        folds=tuple(sorted({one.fold for one, _ in pairs if one.fold is not None})),
    )


def _tested(run: Result) -> tuple[frozenset[str], int | None]:
    return frozenset(answer.id for answer in run.answers), run.seed


def _rows(ours: Sequence[Answer], theirs: Sequence[Answer]) -> list[tuple[Answer, Answer]]:
    by_id = {answer.id: answer for answer in theirs}
    return [(answer, by_id[answer.id]) for answer in ours if answer.id in by_id]


def option_of(recipe: str) -> tuple[str, str]:
    """Base and option of a recipe's name; the option is empty where it has none.

    Example:
        >>> option_of("cnn2d-honest+mixup"), option_of("cnn2d-honest")
        (('cnn2d-honest', 'mixup'), ('cnn2d-honest', ''))
    """
    base, _, option = recipe.partition("+")
    return base, option


def options(measured: Iterable[Measured]) -> list[tuple[Measured, list[Paired]]]:
    """Every recipe that has options, and what each changes, the largest gain first.

    An option may be transductive where its base is not: its pair says so.
    """
    known = list(measured)
    found = []
    for base in known:
        changed = [
            m
            for m in known
            if option_of(m.recipe)[1]
            and (option_of(m.recipe)[0], m.corpus, m.split)
            == (base.recipe, base.corpus, base.split)
            and m.protocol in (base.protocol, "transductive")
        ]
        if pairs := _pairs(changed, base):
            found.append((base, pairs))
    return found


def best_against_others(
    measured: Iterable[Measured],
) -> list[tuple[Measured, list[Paired]]]:
    """For each tested corpus and split, the best of those with the most folds, and the others.

    Recipes that are another with an option are left out.
    """
    groups: dict[tuple[str, ...], list[Measured]] = {}
    for m in measured:
        if not option_of(m.recipe)[1]:
            groups.setdefault((m.tested, m.split, *sorted(m.labels)), []).append(m)
    found = []
    for rows in groups.values():
        best = max(rows, key=lambda m: (len(m.folds), m.uar))
        if pairs := _pairs([m for m in rows if m is not best], best):
            found.append((best, pairs))
    return found


def _pairs(measured: Iterable[Measured], other: Measured) -> list[Paired]:
    pairs = (paired(m, other) for m in measured)
    return sorted((p for p in pairs if p is not None), key=lambda p: -p.difference.value)
