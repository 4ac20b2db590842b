"""Somebody's own split as a table: one row per clip, with the side it stands on."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from serotone.corpora.table import read_rows
from serotone.errors import CorpusError, did_you_mean
from serotone.labels import normalise
from serotone.types import PARTS, ClaimedSplit, Utterance

_PARTS = {
    **{name: name for name in PARTS},
    "training": "train",
    "val": "dev",
    "valid": "dev",
    "validation": "dev",
    "development": "dev",
    "testing": "test",
    "eval": "test",
    "evaluation": "test",
}


def read_parts(path: Path) -> ClaimedSplit:
    """Read columns ``path, label, speaker, part``, and ``sentence`` and ``corpus`` where there.

    Paths are relative to the table's own folder. A speaker may be left empty where unknown. Two
    rows with one path are two rows of one clip.

    Raises:
        CorpusError: when the file or a column is missing, a row has no path or an unknown part,
            or all rows stand on one side.
        MissingExtraError: for Parquet without pyarrow.
    """
    sides: defaultdict[str, list[Utterance]] = defaultdict(list)
    for number, row in enumerate(read_rows(path, "path", "label", "speaker", "part"), start=2):
        where = f"{path}, row {number}"
        part = _PARTS.get(row["part"].lower())
        if part is None:
            hint = did_you_mean(row["part"].lower(), _PARTS)
            raise CorpusError(f"{where}: got part '{row['part']}'. {hint}")
        if not row["path"]:
            raise CorpusError(f"{where}: got no path, expected that of a clip. Fill it in.")
        sides[part].append(
            Utterance(
                id=row["path"],
                path=path.parent / row["path"],
                corpus=row.get("corpus", ""),
                speaker=row["speaker"],
                label=normalise(row["label"]) if row["label"] else None,
                sentence=row.get("sentence", ""),
                speaker_known=bool(row["speaker"]),
            )
        )
    if len(sides) < 2:
        got = f"only '{next(iter(sides))}'" if sides else "no row"
        raise CorpusError(f"{path}: got {got} in column 'part', expected two sides or more.")
    return ClaimedSplit(path.name, *(tuple(sides[part]) for part in PARTS))
