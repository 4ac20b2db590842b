"""An evaluation as files: figures for machines, answers to make them again, a page to read."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from serotone.errors import ConfigError
from serotone.evaluation.fairness import doubts
from serotone.evaluation.result import Answer, Evaluation
from serotone.metrics.interval import Interval

PROTOCOL_NOTES = {
    "honest": "",
    "text-independent": (
        "TEXT-INDEPENDENT: the model learned from these speakers saying other sentences. "
        "The figures say nothing of new speakers."
    ),
    "claimed": (
        "CLAIMED PROTOCOL: these sides share speakers or clips, as a published system made them. "
        "The figures say nothing of new speakers."
    ),
    "seen-speakers": (
        "SEEN SPEAKERS: the model learned from speakers it is measured on here. "
        "The figures say nothing of new speakers."
    ),
    "transductive": (
        "TRANSDUCTIVE: the model was given recordings without labels first, all of each speaker's "
        "or those it was adapted to. Expect less where a speaker's first recording is judged."
    ),
    "unverified": (
        "UNVERIFIED: the model does not say whom it learned from, or the corpus who speaks, "
        "so nobody can tell whether it has heard these speakers before."
    ),
}
"""What a report says on its face, by protocol; nothing where all is well."""


def write(
    evaluation: Evaluation, folder: Path, losses: Mapping[str, Any] | None = None
) -> list[Path]:
    """Write ``metrics.json``, ``predictions.jsonl`` and ``summary.md``; make the folder if need be.

    Args:
        evaluation: what to write.
        folder: where to.
        losses: a measurement of robustness, for ``robustness.json``.

    Returns:
        The files.

    Raises:
        ConfigError: when the folder cannot be written to.
    """
    texts = {
        "metrics.json": to_json(evaluation) + "\n",
        "predictions.jsonl": "".join(
            json.dumps(answer.to_dict(), ensure_ascii=False) + "\n" for answer in evaluation.answers
        ),
        "summary.md": to_markdown(evaluation, losses),
    }
    if losses is not None:
        texts["robustness.json"] = lines_of(losses) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"--out '{folder}': cannot be written: {error.strerror}. Give another folder."
        ) from None
    return [folder / name for name in texts]


def read_answers(path: Path) -> list[Answer]:
    """The answers of a ``predictions.jsonl``.

    Raises:
        ConfigError: when the file is missing or a line is not an answer.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigError(f"'{path}' cannot be read: {error.strerror}.") from None
    return [_answer(line, f"'{path}', line {number}") for number, line in enumerate(lines, 1)]


def to_json(evaluation: Evaluation, losses: Mapping[str, Any] | None = None) -> str:
    """The figures as JSON, laid out as ``lines_of`` does; robustness under its own key."""
    values = evaluation.to_dict()
    return lines_of(values if losses is None else values | {"robustness": losses["conditions"]})


def lines_of(values: Mapping[str, object]) -> str:
    """A mapping as JSON, one key a line, rows of numbers on one line each."""
    lines = []
    for key, value in values.items():
        nested = isinstance(value, dict) and any(isinstance(v, dict) for v in value.values())
        rows = isinstance(value, list) and any(isinstance(v, list) for v in value)
        if nested and isinstance(value, dict):
            inner = (f"    {_line(k)}: {_line(v)}" for k, v in value.items())
            text = "{\n" + ",\n".join(inner) + "\n  }"
        elif rows and isinstance(value, list):
            text = "[\n" + ",\n".join(f"    {_line(row)}" for row in value) + "\n  ]"
        else:
            text = _line(value)
        lines.append(f"  {_line(key)}: {text}")
    return "{\n" + ",\n".join(lines) + "\n}"


def to_markdown(evaluation: Evaluation, losses: Mapping[str, Any] | None = None) -> str:
    """A page of tables that reads well as plain text too."""
    source = evaluation.source
    note = PROTOCOL_NOTES[source.protocol]
    parts = [
        f"# {source.model} on {source.corpus}, {source.split} ({source.part})\n",
        f"> **{note}**\n" if note else "",
        table(("figure", "value"), headline(evaluation)),
        _sections(evaluation),
        "## By label\n",
        table(
            ("label", "n", "recall", "precision", "F1"),
            (
                (label, str(s.n), percent(s.recall), percent(s.precision), percent(s.f1))
                for label, s in evaluation.per_class.items()
            ),
        ),
        "## Confusion (truth in rows)\n",
        table(
            ("", *evaluation.labels),
            (
                (label, *map(str, row))
                for label, row in zip(evaluation.labels, evaluation.confusion.tolist(), strict=True)
            ),
        ),
        "## By speaker\n",
        table(
            ("speaker", "sex", "n", "UAR", "accuracy"),
            (
                (name, s.sex or "–", str(s.n), percent(s.uar), percent(s.accuracy))
                for name, s in evaluation.per_speaker.items()
            ),
        ),
    ]
    if losses is not None:
        parts += ["## Robustness\n", table(LOSSES_HEAD, losses_rows(losses))]
    return "\n".join(filter(None, parts))


GROUPS_HEAD = ("group", "speakers", "n", "UAR", "95 %")
SETS_HEAD = ("promised", "held", "95 %", "labels in a set", "single label")
ANSWERED_HEAD = ("answered", "wrong among them", "least confidence")


def groups_rows(evaluation: Evaluation) -> list[tuple[str, ...]]:
    """UAR by sex and by age, then the differences."""
    groups = {**evaluation.by_sex, **evaluation.by_age}
    rows: list[tuple[str, ...]] = [
        (name, str(g.n_speakers), str(g.n), percent(g.uar), interval(g.uar_ci))
        for name, g in groups.items()
    ]
    for name, gap in evaluation.gaps.items():
        ends = gap.interval
        known = "–" if math.isnan(ends.low) else _ends((ends.low, ends.high))
        rows.append((name, "", "", f"{100 * gap.value:+.1f} points", known))
    return rows


def sets_rows(evaluation: Evaluation) -> list[tuple[str, ...]]:
    """How often sets of labels hold the truth."""
    return [
        (
            percent(float(coverage)),
            percent(score.held),
            interval(score.held_ci),
            f"{score.mean_size:.2f}",
            percent(score.single),
        )
        for coverage, score in evaluation.sets.items()
    ]


def answered_rows(evaluation: Evaluation) -> list[tuple[str, ...]]:
    """The risk–coverage curve at ten places."""
    return [
        (f"{share:.0%}", percent(risk), f"{threshold:.2f}")
        for share, risk, threshold in evaluation.answered
    ]


def _sections(evaluation: Evaluation) -> str:
    parts = ["## Answering only when sure\n", table(ANSWERED_HEAD, answered_rows(evaluation))]
    if evaluation.sets:
        parts += ["## Sets of labels\n", table(SETS_HEAD, sets_rows(evaluation))]
    if groups := groups_rows(evaluation):
        told = doubts({**evaluation.by_sex, **evaluation.by_age}, evaluation.gaps)
        parts += ["## By sex and age\n", table(GROUPS_HEAD, groups)]
        parts += ["".join(f"- {text}\n" for text in told)]
    return "\n".join(filter(None, parts))


LOSSES_HEAD = ("condition", "UAR", "95 %", "points lost", "95 %", "ECE")


def losses_rows(losses: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The table of a measurement of robustness, in points of a hundred where it is shares."""
    rows: list[tuple[str, ...]] = []
    for values in losses["conditions"].values():
        lost, ends = values.get("difference"), values.get("difference_ci", (0, 0))
        rows.append(
            (
                values["title"],
                percent(values["uar"]),
                _ends(values["uar_ci"]),
                "" if lost is None else f"{-100 * lost + 0.0:.1f}",
                "" if lost is None else _ends((-ends[1], -ends[0])),
                f"{values['ece']:.3f}",
            )
        )
    return rows


def _ends(ends: Sequence[float]) -> str:
    low, high = (100 * end + 0.0 for end in ends)
    return f"[{low:.1f}, {high:.1f}]"


def by_chance(evaluation: Evaluation) -> str:
    """How far the calibration error tells of the model, for whoever reads it."""
    return f"up to {evaluation.ece_by_chance:.3f} by chance"


def headline(evaluation: Evaluation) -> list[tuple[str, str]]:
    """Name and value of the figures that stand first in every report."""
    source = evaluation.source
    rows = [
        ("utterances", f"{evaluation.n} from {_people(len(evaluation.per_speaker))}"),
        ("protocol", source.protocol),
        ("UAR", f"{percent(evaluation.uar)} {interval(evaluation.uar_ci)}"),
        ("accuracy", percent(evaluation.accuracy)),
        ("macro F1", percent(evaluation.macro_f1)),
        ("calibration error (ECE)", f"{evaluation.ece:.3f} ({by_chance(evaluation)})"),
        ("risk–coverage area (AURC)", f"{evaluation.aurc:.3f}"),
    ]
    for sex, group in evaluation.by_sex.items():
        who = f"UAR, {sex} ({_people(group.n_speakers)})"
        rows.append((who, f"{percent(group.uar)} {interval(group.uar_ci)}"))
    if evaluation.intensity:
        strength = evaluation.intensity
        rows.append(("intensity AUC", f"{percent(strength.auc)} {interval(strength.auc_ci)}"))
    if evaluation.n_set_aside:
        labels = ", ".join(f"{n} {label}" for label, n in source.set_aside.items())
        rows.append(("set aside, no such label in the model", labels))
    if evaluation.n_failed:
        rows.append(("failed files", str(evaluation.n_failed)))
    return rows


def percent(share: float) -> str:
    """A share as a percentage, a dash for NaN."""
    return "–" if math.isnan(share) else f"{100 * share:.1f} %"


def interval(range_: Interval) -> str:
    """An interval of shares as percentages, saying when it is not over speakers."""
    unit = "" if range_.unit == "speaker" else ", over utterances of one speaker"
    return f"[{100 * range_.low:.1f}, {100 * range_.high:.1f}]{unit}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _people(n_speakers: int) -> str:
    return f"{n_speakers} speaker{'s' * (n_speakers != 1)}"


def _answer(line: str, where: str) -> Answer:
    try:
        return Answer.from_dict(json.loads(line))
    except (ValueError, TypeError, AttributeError) as error:
        raise ConfigError(f"{where}: not an answer: {error}. Write it with evaluate.") from None


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
