"""The values an evaluation is made of: answers, scores, where they come from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray

from serotone.metrics import selective
from serotone.metrics.interval import Interval
from serotone.types import Failure


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said of one utterance, beside the truth.

    Attributes:
        id: the utterance's.
        speaker, sex: of the utterance; ``sex`` empty where unknown.
        truth: its label.
        probabilities: by label, over the labels that count here, summing to 1.
        intensity: what the model heard, NaN without an opinion.
        true_intensity: what the corpus says, NaN where it does not.
        age: of the speaker, in years, NaN where unknown.
    """

    id: str
    speaker: str
    sex: str
    truth: str
    probabilities: Mapping[str, float]
    intensity: float = math.nan
    true_intensity: float = math.nan
    age: float = math.nan

    def to_dict(self) -> dict[str, object]:
        """One line of ``predictions.jsonl``; NaN becomes null."""
        return {key: _json(value) for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Answer:
        """The answer that ``to_dict`` wrote."""
        numbers = ("intensity", "true_intensity", "age")
        known = {k: math.nan if v is None and k in numbers else v for k, v in values.items()}
        return cls(**known)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One label: ``n`` utterances of it; shares are NaN where nothing could be counted."""

    n: int
    recall: float
    precision: float
    f1: float


@dataclass(frozen=True, slots=True)
class SpeakerScore:
    """One speaker's utterances."""

    n: int
    uar: float
    accuracy: float
    sex: str


@dataclass(frozen=True, slots=True)
class GroupScore:
    """The utterances of all speakers who share something."""

    n: int
    n_speakers: int
    uar: float
    uar_ci: Interval
    accuracy: float


@dataclass(frozen=True, slots=True)
class Gap:
    """The UAR of one group less that of another; the interval is NaN with one speaker in it."""

    value: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class SetScore:
    """Sets of labels that promise to hold the truth.

    Attributes:
        held: share of sets that do; ``held_ci`` its interval over speakers.
        mean_size: labels in a set.
        single: share of sets with one label.
    """

    held: float
    held_ci: Interval
    mean_size: float
    single: float


@dataclass(frozen=True, slots=True)
class IntensityScore:
    """Whether strong emotions are heard as stronger than weak ones: 0.5 is chance."""

    n: int
    auc: float
    auc_ci: Interval


@dataclass(frozen=True, slots=True)
class Source:
    """What was measured on what: the part of an evaluation that no answer tells.

    Attributes:
        protocol: ``honest`` (no speaker or clip was learned from), ``text-independent`` (the
            same speakers, other sentences), ``claimed`` (sides as a published system made them,
            leaks included), ``seen-speakers`` (allowed by the caller), ``transductive`` (honest,
            but for a model that was given all recordings of each speaker at once), ``unverified``
            (the model does not say whom it learned from).
        split: for example ``luna5:1``, or ``none`` where the whole corpus was taken.
        split_hash: of the ids on each side.
        set_aside: utterances by label that the model has no name for; not counted in any figure.
        failures: files that gave no answer.
        thresholds: of the model's sets of labels, by coverage; empty where none were fitted.
    """

    model: str
    recipe: str
    corpus: str
    split: str
    split_hash: str
    part: str
    protocol: str
    seed: int | None = None
    params: int | None = None
    train_s: float | None = None
    commit: str | None = None
    date: str = ""
    set_aside: Mapping[str, int] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()
    thresholds: Mapping[float, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The figures of one model on one set of utterances. Shares are between 0 and 1.

    Attributes:
        source: what was measured on what.
        answers: what the figures are made of.
        labels: the labels that count, in the order of ``confusion``.
        uar: unweighted average recall; ``uar_ci`` its interval over speakers.
        accuracy, macro_f1: as in ``serotone.metrics.classes``.
        ece, ece_by_chance, brier, nll: as in ``serotone.metrics.calibration``.
        aurc: area under the risk-coverage curve, as in ``serotone.metrics.selective``.
        per_class, per_speaker, by_sex, by_age: by name.
        gaps: between groups of people, by what was taken from what.
        sets: by the coverage that they promise.
        confusion: counts of shape (C, C), truth in rows.
        intensity: None where the model or the corpus knows none.
    """

    source: Source
    answers: tuple[Answer, ...]
    labels: tuple[str, ...]
    uar: float
    uar_ci: Interval
    accuracy: float
    macro_f1: float
    ece: float
    ece_by_chance: float
    brier: float
    nll: float
    aurc: float
    per_class: Mapping[str, ClassScore]
    per_speaker: Mapping[str, SpeakerScore]
    by_sex: Mapping[str, GroupScore]
    confusion: NDArray[np.int64]
    intensity: IntensityScore | None
    by_age: Mapping[str, GroupScore] = field(default_factory=dict)
    gaps: Mapping[str, Gap] = field(default_factory=dict)
    sets: Mapping[str, SetScore] = field(default_factory=dict)

    @property
    def n(self) -> int:
        return len(self.answers)

    @property
    def n_failed(self) -> int:
        return len(self.source.failures)

    @property
    def n_set_aside(self) -> int:
        return sum(self.source.set_aside.values())

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """Of shape (n, C), in the order of ``labels``."""
        return probabilities_of(self.answers, self.labels)

    @property
    def truth(self) -> NDArray[np.int64]:
        """Places in ``labels``, shape (n,)."""
        return truth_of(self.answers, self.labels)

    @property
    def answered(self) -> list[tuple[float, float, float]]:
        """When the surest tenth, two tenths … all are answered: share, risk, least confidence."""
        shares = self.probabilities
        curve = selective.risk_coverage(shares.max(axis=1), shares.argmax(axis=1) == self.truth)
        places = [max(0, math.ceil(self.n * tenth / 10) - 1) for tenth in range(1, 11)]
        return [
            (tenth / 10, float(curve.risk[place]), float(curve.threshold[place]))
            for tenth, place in enumerate(places, 1)
        ]

    def to_dict(self) -> dict[str, object]:
        """``metrics.json`` of the command-line contract, and a result: NaN becomes null."""
        s = self.source
        figures = ("uar", "accuracy", "macro_f1", "ece", "ece_by_chance", "brier", "nll", "aurc")
        names = ("model", "recipe", "corpus", "split", "split_hash", "part", "protocol", "seed")
        result: dict[str, object] = {name: getattr(s, name) for name in names}
        result |= {"n": self.n, "n_failed": self.n_failed, "n_set_aside": self.n_set_aside}
        result["labels"] = list(self.labels)
        result |= {name: _rounded(getattr(self, name)) for name in figures}
        result["uar_ci"] = _json(self.uar_ci)
        result["uar_ci_unit"] = self.uar_ci.unit
        for name in ("per_class", "per_speaker", "by_sex", "by_age", "gaps", "sets"):
            result[name] = {key: _fields(score) for key, score in getattr(self, name).items()}
        result["risk_coverage"] = [
            {"coverage": share, "risk": _rounded(risk), "threshold": _rounded(threshold)}
            for share, risk, threshold in self.answered
        ]
        result["confusion"] = self.confusion.tolist()
        result["intensity"] = _fields(self.intensity) if self.intensity else None
        result["set_aside"] = dict(s.set_aside)
        result["failures"] = [{"path": f.source, "error": f.error} for f in s.failures]
        return result | {
            "params": s.params,
            "train_s": s.train_s,
            "date": s.date,
            "commit": s.commit,
        }


def probabilities_of(answers: Sequence[Answer], labels: Sequence[str]) -> NDArray[np.float64]:
    """Probabilities of shape (M, C), in the order of ``labels``."""
    return np.array([[row.probabilities[label] for label in labels] for row in answers])


def truth_of(answers: Sequence[Answer], labels: Sequence[str]) -> NDArray[np.int64]:
    """Places of the true labels in ``labels``, shape (M,)."""
    place = {label: index for index, label in enumerate(labels)}
    return np.array([place[row.truth] for row in answers], dtype=np.int64)


def _fields(score: object) -> dict[str, object]:
    return {name: _json(getattr(score, name)) for name in score.__dataclass_fields__}  # type: ignore[attr-defined]


def _json(value: object) -> object:
    if isinstance(value, Interval):
        return [_rounded(value.low), _rounded(value.high)]
    return _rounded(value) if isinstance(value, float) else value


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 6)
