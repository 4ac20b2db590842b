"""Answers as rows for machines, each written as soon as it is there."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from typing import TextIO

from serotone.types import Failure, Prediction

Answer = Prediction | Failure


def write_json(answers: Iterable[Answer], file: TextIO) -> None:
    """One JSON array of the objects that ``Prediction.to_dict`` gives."""
    before = "["
    for answer in answers:
        file.write(f"{before}\n  {json.dumps(answer.to_dict())}")
        file.flush()
        before = ","
    file.write("[]\n" if before == "[" else "\n]\n")
    file.flush()


def write_jsonl(answers: Iterable[Answer], file: TextIO) -> None:
    """One JSON object a line."""
    for answer in answers:
        file.write(json.dumps(answer.to_dict()) + "\n")
        file.flush()


def write_csv(
    answers: Iterable[Answer], file: TextIO, labels: Sequence[str], *, sets: bool = False
) -> None:
    """A header, then a row an answer; the probability of ``happy`` is in column ``p_happy``.

    Warnings, and sets of labels where there are any, are words with spaces between.
    """
    plain = ("path", "start_s", "end_s", "label", "confidence", "intensity", "text", "error")
    writer = csv.writer(file, lineterminator="\n")
    lists = ("warnings", "set") if sets else ("warnings",)
    writer.writerow([*plain, *(f"p_{label}" for label in labels), *lists])
    for answer in answers:
        row = answer.to_dict()
        shares = row["probabilities"]
        shares = shares if isinstance(shares, dict) else {}
        writer.writerow(
            [
                *(row[key] for key in plain),
                *(shares.get(label) for label in labels),
                *(_words(row.get(key)) for key in lists),
            ]
        )
        file.flush()


def _words(values: object) -> str:
    return " ".join(map(str, values)) if isinstance(values, list) else ""
