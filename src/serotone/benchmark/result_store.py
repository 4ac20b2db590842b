"""Results on disk: one JSON a run, its answers beside it in little space."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from serotone.errors import ConfigError
from serotone.evaluation.report import lines_of
from serotone.evaluation.result import Answer

PREDICTIONS = "predictions"
"""Folder of answers, inside the folder of results."""

_OPTIONAL = (
    *("params", "train_s", "date", "commit", "architecture", "n_folds", "size_bytes"),
    *("latency_ms", "latency_cpu", "trained_on"),
)

_SCALE = 1000
"""Probabilities are kept as thousandths: figures stay the same, files stay small."""


@dataclass(frozen=True, slots=True)
class Curve:
    """How a training went, an epoch a value; NaN where none was noted.

    Attributes:
        train_loss: mean over the epoch's batches.
        dev_uar: at the epoch's end.
        kept: the epoch whose weights were kept, from 1.
    """

    train_loss: tuple[float, ...]
    dev_uar: tuple[float, ...]
    kept: int


@dataclass(frozen=True, slots=True)
class Result:
    """One run as its JSON tells it.

    Attributes:
        name: of the file, without its ending.
        recipe, corpus, split, split_hash, protocol, seed: what was measured on what.
        part: side of the split.
        n: utterances.
        labels: in the order of ``confusion``.
        uar, accuracy, macro_f1, ece: shares.
        uar_ci: low and high.
        confusion: counts, truth in rows.
        params: learned parameters; None where the model does not say, as all that follow.
        train_s: of the training.
        date, commit: of the run.
        trained_on: corpora that taught; those of the test are ``corpus``.
        architecture: what the recipe trains.
        n_folds: how many the split has.
        size_bytes: of ``model.onnx``.
        latency_ms, latency_cpu: see ``serotone.evaluation.latency``.
        curve: of the training.
        answers: empty where they were not kept.
    """

    name: str
    recipe: str
    corpus: str
    split: str
    split_hash: str
    part: str
    protocol: str
    seed: int | None
    n: int
    labels: tuple[str, ...]
    uar: float
    uar_ci: tuple[float, float]
    accuracy: float
    macro_f1: float
    ece: float
    confusion: tuple[tuple[int, ...], ...]
    params: int | None = None
    train_s: float | None = None
    date: str = ""
    commit: str | None = None
    trained_on: str = ""
    architecture: str | None = None
    n_folds: int | None = None
    size_bytes: int | None = None
    latency_ms: float | None = None
    latency_cpu: str | None = None
    curve: Curve | None = None
    answers: tuple[Answer, ...] = field(default=(), repr=False)

    @property
    def split_name(self) -> str:
        """The split without the fold: ``luna5`` of ``luna5:1``."""
        return self.split.partition(":")[0]

    @property
    def tested(self) -> str:
        """The corpora of the test clips: of ``ravdess+tess`` that may be ``ravdess`` alone."""
        names = sorted({answer.id.partition("/")[0] for answer in self.answers})
        return "+".join(names) or self.corpus

    @property
    def fold(self) -> int | None:
        """Number of the fold, None where the split has none."""
        number = self.split.partition(":")[2]
        return int(number) if number.isdecimal() else None


def write_result(folder: Path, name: str, values: Mapping[str, Any]) -> Path:
    """Write one result, whole or not at all.

    Raises:
        ConfigError: when the folder cannot be written to.
    """
    return _write(folder / f"{name}.json", lines_of(values) + "\n")


def write_answers(folder: Path, name: str, answers: Sequence[Answer]) -> Path:
    """Write answers compactly, one a line: id, speaker, truth, thousandths.

    Raises:
        ConfigError: when the folder cannot be written to.
    """
    labels = list(answers[0].probabilities)
    rows = (
        json.dumps(
            [
                answer.id,
                answer.speaker,
                answer.sex,
                answer.truth,
                _parts([answer.probabilities[label] for label in labels]),
            ],
            ensure_ascii=False,
            separators=(",", ":"),
        )
        for answer in answers
    )
    text = f'{{"labels": {json.dumps(labels)}, "scale": {_SCALE}, "rows": [\n'
    return _write(folder / PREDICTIONS / f"{name}.json", text + ",\n".join(rows) + "\n]}\n")


def _parts(shares: Sequence[float]) -> list[int]:
    """Thousandths; the largest share stays the largest."""
    parts = [round(_SCALE * share) for share in shares]
    best = shares.index(max(shares))
    if parts.index(max(parts)) != best:
        parts[best] = max(parts) + 1
    return parts


def read_answers(path: Path) -> tuple[Answer, ...]:
    """The answers that ``write_answers`` wrote; each sums to 1.

    Raises:
        ConfigError: when the file holds something else.
    """
    values = _json(path)
    try:
        return tuple(_answers(values))
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise ConfigError(f"{path}: no answers of a benchmark: {error!r}. Delete it.") from None


def read_results(folder: Path) -> list[Result]:
    """Every result of a folder, sorted by name; of one run measured twice, that with answers.

    A JSON object that names neither a recipe nor a split is something else, and left out.

    Raises:
        ConfigError: when a file is not a result.
    """
    found: dict[tuple[object, ...], Result] = {}
    for path in sorted(folder.glob("*.json")):
        if not _json(path).keys() & {"recipe", "split"}:
            continue
        result = read_result(path)
        key = (result.recipe, result.corpus, result.split, result.part, result.seed)
        if key not in found or (result.answers and not found[key].answers):
            found[key] = result
    return sorted(found.values(), key=lambda result: result.name)


def read_result(path: Path) -> Result:
    """One result with its answers, where they were kept.

    Raises:
        ConfigError: when the file is not a result.
    """
    values = _json(path)
    beside = path.parent / PREDICTIONS / path.name
    try:
        return _result(path.stem, values, read_answers(beside) if beside.is_file() else ())
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{path}: not a result: {error!r}. Move it elsewhere, or run the benchmark anew."
        ) from None


def _result(stem: str, values: Mapping[str, Any], answers: tuple[Answer, ...]) -> Result:
    optional: dict[str, Any] = {
        key: values[key] for key in _OPTIONAL if values.get(key) is not None
    }
    figures: dict[str, Any] = {
        key: _number(values[key]) for key in ("uar", "accuracy", "macro_f1", "ece")
    }
    curve = values.get("curve")
    return Result(
        name=stem,
        recipe=str(values["recipe"]),
        corpus=str(values["corpus"]),
        split=str(values["split"]),
        split_hash=str(values["split_hash"]),
        part=str(values.get("part", "test")),
        protocol=str(values["protocol"]),
        seed=values["seed"],
        n=int(values["n"]),
        labels=tuple(values["labels"]),
        uar_ci=(_number(values["uar_ci"][0]), _number(values["uar_ci"][1])),
        confusion=tuple(tuple(row) for row in values["confusion"]),
        curve=_curve(curve) if curve else None,
        answers=answers,
        **figures,
        **optional,
    )


def _curve(values: Mapping[str, Any]) -> Curve:
    losses, uars = (tuple(map(_number, values[key])) for key in ("train_loss", "dev_uar"))
    return Curve(train_loss=losses, dev_uar=uars, kept=int(values["kept"]))


def _answers(values: Mapping[str, Any]) -> Iterator[Answer]:
    labels = values["labels"]
    for name, speaker, sex, truth, parts in values["rows"]:
        total = sum(parts)
        shares = dict(zip(labels, (part / total for part in parts), strict=True))
        yield Answer(id=name, speaker=speaker, sex=sex, truth=truth, probabilities=shares)


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"'{path}' cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise ConfigError(f"{path}: not JSON: {error}. Delete it and run again.") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: got a {type(values).__name__}, expected a JSON object.")
    return values


def _write(path: Path, text: str) -> Path:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise ConfigError(
            f"'{path}' cannot be written: {error.strerror}. Give another folder."
        ) from None
    return path
