"""A table of clips, CSV or Parquet: anybody's own annotation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from serotone.corpora.csv_table import read_sheet
from serotone.corpora.reader import CorpusInfo, Problem, Reading, finish
from serotone.errors import CorpusError, MissingExtraError, did_you_mean
from serotone.labels import normalise
from serotone.types import Utterance


@dataclass(frozen=True)
class Table:
    """Reader of a table with one row per clip.

    Paths are relative to the table's own folder. Every column but that of the path may be absent.

    Attributes:
        info: its provenance.
        name: the corpus that rows without one belong to.
        path, label, speaker, corpus, intensity, sentence, language, sex, age, start_s, end_s:
            the names of the columns.
    """

    info: CorpusInfo
    name: str = "table"
    path: str = "path"
    label: str = "label"
    speaker: str = "speaker"
    corpus: str = "corpus"
    intensity: str = "intensity"
    sentence: str = "sentence"
    language: str = "language"
    sex: str = "sex"
    age: str = "age"
    start_s: str = "start_s"
    end_s: str = "end_s"

    def read(self, root: Path) -> Reading:
        rows = read_rows(root, self.path)
        problems: list[Problem] = []
        found: list[Utterance] = []
        for number, row in enumerate(rows, start=2):
            clip = root.parent / row[self.path]
            if not row[self.path] or not clip.is_file():
                message = f"{root.name}, row {number}: no file at '{clip}'."
                problems.append(Problem(clip, "missing", message))
                continue
            found.append(self._utterance(row, clip, f"{root}, row {number}"))
        remedy = f"Fill the column '{self.speaker}', or name another with the option speaker."
        return finish(self.info, root, found, problems, remedy=remedy)

    def _utterance(self, row: Mapping[str, str], clip: Path, where: str) -> Utterance:
        corpus = row.get(self.corpus) or self.name
        start_s = _number(row, self.start_s, where, empty=0.0)
        end_s = _number(row, self.end_s, where)
        place = PurePosixPath(row[self.path].replace("\\", "/")).with_suffix("").as_posix()
        name = place if place.startswith(f"{corpus}/") else f"{corpus}/{place.lstrip('/')}"
        if start_s > 0 or not math.isnan(end_s):
            name = f"{name}@{start_s:g}"
        return Utterance(
            id=name,
            path=clip,
            corpus=corpus,
            speaker=qualified(corpus, row.get(self.speaker) or name),
            label=normalise(row[self.label]) if row.get(self.label) else None,
            intensity=_number(row, self.intensity, where),
            sentence=row.get(self.sentence, ""),
            language=row.get(self.language, ""),
            sex=row.get(self.sex, "").lower(),
            age=_number(row, self.age, where),
            start_s=start_s,
            end_s=end_s,
            speaker_known=bool(row.get(self.speaker)),
        )


def qualified(corpus: str, speaker: str) -> str:
    """A speaker's name that is unique across corpora."""
    return speaker if speaker.startswith(f"{corpus}-") else f"{corpus}-{speaker}"


def read_rows(path: Path, *columns: str) -> list[dict[str, str]]:
    """Rows of a CSV, TSV or Parquet file as text; absent values are empty.

    Raises:
        CorpusError: when the file or a column is missing, or the file is no table.
        MissingExtraError: for Parquet without pyarrow.
    """
    if path.suffix.lower() in (".parquet", ".pq"):
        return _parquet_rows(path, columns)
    return read_sheet(path, columns, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")


def _parquet_rows(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise MissingExtraError("reading Parquet", "corpora", "pyarrow") from None
    if not path.is_file():
        raise CorpusError(f"no table at '{path}'. Give the path of a CSV or Parquet file.")
    try:
        table = pyarrow.parquet.read_table(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise CorpusError(f"{path}: not a Parquet file ({error}). Write it again.") from None
    for column in columns:
        if column not in table.column_names:
            hint = did_you_mean(column, table.column_names)
            raise CorpusError(f"{path}: no column '{column}'. {hint}")
    return [
        {name: "" if value is None else str(value).strip() for name, value in row.items()}
        for row in table.to_pylist()
    ]


def _number(row: Mapping[str, str], column: str, where: str, *, empty: float = math.nan) -> float:
    text = row.get(column, "")
    if not text:
        return empty
    try:
        return float(text)
    except ValueError:
        raise CorpusError(
            f"{where}, column '{column}': got '{text}', expected a number. Mend that row."
        ) from None


TABLE = Table(
    CorpusInfo(
        name="table",
        title="a table of clips, CSV or Parquet",
        notes="Your own annotation: columns path, label, speaker, and any of corpus, intensity, "
        "sentence, language, sex, age, start_s, end_s. --root is the table.",
    )
)
