"""Sentences with emotions: GoEmotions in Ekman's classes, and the lines of MELD.

GoEmotions: Demszky et al. 2020, doi:10.18653/v1/2020.acl-main.372 (CC BY 4.0); a sentence may carry
several labels. MELD: Poria et al. 2019, doi:10.18653/v1/P19-1050; one label a line.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from serotone.errors import CorpusError, LabelError
from serotone.labels import CANONICAL, resolve

LABELS: tuple[str, ...] = tuple(label for label in CANONICAL if label != "calm")
"""Ekman's six and neutral, in serotone's order."""

GOEMOTIONS_FILES = {"train": "train.tsv", "dev": "dev.tsv", "test": "test.tsv"}
MELD_FILES = {part: f"{part}_sent_emo.csv" for part in ("train", "dev", "test")}

_MASKED = re.compile(r"\[(NAME|RELIGION)\]")


@dataclass(frozen=True)
class Sentences:
    """Texts and what they say.

    Attributes:
        texts: M of them.
        targets: float32 of shape (M, C), 1 for each label that a text carries, by ``LABELS``.
    """

    texts: tuple[str, ...]
    targets: NDArray[np.float32]

    @property
    def single(self) -> Sentences:
        """Those with one label alone."""
        one = self.targets.sum(axis=1) == 1
        texts = tuple(text for text, kept in zip(self.texts, one, strict=True) if kept)
        return Sentences(texts, self.targets[one])

    @property
    def truth(self) -> NDArray[np.int64]:
        """The label of each text, the first where there are several, int64 of shape (M,)."""
        first: NDArray[np.int64] = self.targets.argmax(axis=1).astype(np.int64)
        return first


def join(*parts: Sentences) -> Sentences:
    """Several sets of sentences as one."""
    texts = tuple(text for part in parts for text in part.texts)
    return Sentences(texts, np.concatenate([part.targets for part in parts]))


def read_goemotions(folder: Path, part: str) -> Sentences:
    """A part of GoEmotions: lines of text, numbers of ``labels.txt``, id, with tabs between.

    Raises:
        CorpusError: when a file is missing or a line is not of this form.
    """
    names = _lines(folder / "labels.txt")
    path = folder / GOEMOTIONS_FILES[part]
    texts, labels = [], []
    for number, line in enumerate(_lines(path), start=1):
        fields = line.split("\t")
        try:
            text, codes = fields[0], [names[int(code)] for code in fields[1].split(",")]
        except (IndexError, ValueError):
            raise CorpusError(
                f"{path}:{number}: got '{line[:60]}', expected text, label numbers and id with "
                "tabs between. Fetch the file anew."
            ) from None
        texts.append(_MASKED.sub("name", text))
        labels.append(codes)
    return Sentences(tuple(texts), _targets(labels, path))


def read_meld(folder: Path, part: str) -> Sentences:
    """The lines of a part of MELD, from its table with the columns Utterance and Emotion.

    Raises:
        CorpusError: when the file is missing or lacks a column.
    """
    path = folder / MELD_FILES[part]
    rows = list(csv.DictReader(_lines(path)))
    try:
        labels = [[row["Emotion"]] for row in rows]
        texts = tuple(row["Utterance"] for row in rows)
    except KeyError as error:
        raise CorpusError(f"{path}: no column {error}, expected MELD's own table.") from None
    return Sentences(texts, _targets(labels, path))


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CorpusError(f"{path}: {error.strerror}, expected a table of sentences.") from None
    # By line feed alone: sentences hold other characters that Python takes for ends of lines.
    return text.rstrip("\n").split("\n")


def _targets(labels: Sequence[Sequence[str]], path: Path) -> NDArray[np.float32]:
    targets = np.zeros((len(labels), len(LABELS)), dtype=np.float32)
    for row, names in zip(targets, labels, strict=True):
        for name in names:
            try:
                row[LABELS.index(resolve(name, LABELS))] = 1
            except LabelError as error:
                raise CorpusError(f"{path}: {error}") from None
    return targets
