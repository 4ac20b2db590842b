"""Databases in audformat, the format of audb and of several published corpora.

https://audeering.github.io/audformat/
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serotone.corpora.reader import CorpusInfo, Problem, Reading, finish
from serotone.errors import CorpusError, MissingExtraError, did_you_mean
from serotone.labels import normalise
from serotone.types import Utterance


@dataclass(frozen=True)
class Audformat:
    """Reader of an audformat database: a folder with ``db.yaml``.

    Attributes:
        info: its provenance.
        emotion, speaker, sex, age, language, transcription: names of its schemes. Those of the
            speaker may be labels of the scheme ``speaker``, as audformat recommends.
    """

    info: CorpusInfo
    emotion: str = "emotion"
    speaker: str = "speaker"
    sex: str = "gender"
    age: str = "age"
    language: str = "language"
    transcription: str = "transcription"

    def read(self, root: Path) -> Reading:
        database = _load(root)
        further = (self.speaker, self.sex, self.age, self.language, self.transcription)
        known = _schemes(database)
        if self.emotion not in known:
            raise CorpusError(
                f"{root}: no scheme '{self.emotion}' in the database. "
                f"{did_you_mean(self.emotion, known)}"
            )
        frame = database.get(self.emotion, [name for name in further if name in known])
        problems: list[Problem] = []
        found: list[Utterance] = []
        for index, row in frame.iterrows():
            file, start, end = index if isinstance(index, tuple) else (index, None, None)
            path = Path(file) if Path(file).is_absolute() else root / file
            if not path.is_file():
                problems.append(Problem(path, "missing", f"no file at '{path}'."))
                continue
            values = {name: value for name, value in row.items() if not _absent(value)}
            found.append(self._utterance(database.name, Path(file), path, (start, end), values))
        remedy = "Name the scheme of the speakers with the option speaker."
        return finish(self.info, root, found, problems, remedy=remedy)

    def _utterance(
        self,
        corpus: str,
        file: Path,
        path: Path,
        segment: tuple[Any, Any],
        values: Mapping[Any, Any],
    ) -> Utterance:
        start_s = 0.0 if _absent(segment[0]) else segment[0].total_seconds()
        end_s = math.nan if _absent(segment[1]) else segment[1].total_seconds()
        name = f"{corpus}/{file.with_suffix('').as_posix().lstrip('/')}"
        if start_s > 0 or not math.isnan(end_s):
            name = f"{name}@{start_s:g}"
        return Utterance(
            id=name,
            path=path,
            corpus=corpus,
            speaker=f"{corpus}-{values.get(self.speaker, name)}",
            label=normalise(str(values[self.emotion])) if self.emotion in values else None,
            sentence=str(values.get(self.transcription, "")),
            language=str(values.get(self.language, "")),
            sex=str(values.get(self.sex, "")),
            age=float(values.get(self.age, math.nan)),
            start_s=start_s,
            end_s=end_s,
            speaker_known=self.speaker in values,
        )


def _load(root: Path) -> Any:
    try:
        import audformat
    except ImportError:
        raise MissingExtraError("reading audformat databases", "corpora", "audformat") from None
    if not (root / "db.yaml").is_file():
        raise CorpusError(f"no db.yaml in '{root}'. Give the folder of an audformat database.")
    return audformat.Database.load(str(root))


def _schemes(database: Any) -> set[str]:
    """Names that ``Database.get`` knows: schemes, and what schemes say of their labels."""
    names = set(database.schemes)
    for scheme in database.schemes.values():
        labels = scheme.labels
        if isinstance(labels, dict):
            names.update(key for said in labels.values() if isinstance(said, dict) for key in said)
    return names


def _absent(value: Any) -> bool:
    """None, NaN, NaT and NA: all that is not equal to itself, or cannot say."""
    import pandas as pd

    return value is None or value is pd.NA or value != value


AUDFORMAT = Audformat(
    CorpusInfo(
        name="audformat",
        title="an audformat database",
        url="https://audeering.github.io/audformat/",
        notes="A folder with db.yaml, as audb gives it. Needs pip install 'serotone[corpora]'.",
    )
)
