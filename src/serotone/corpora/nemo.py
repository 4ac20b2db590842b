"""nEMO: nine Polish speakers, 90 sentences, six emotions.

Christop, nEMO: Dataset of Emotional Speech in Polish, LREC-COLING 2024.
https://aclanthology.org/2024.lrec-main.1059
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from serotone.corpora.csv_table import read_sheet
from serotone.corpora.reader import CorpusInfo, Misnamed, Problem, Reading, Source, gather
from serotone.labels import normalise
from serotone.types import Utterance

_COLUMNS = ("file_id", "emotion", "normalized_text", "speaker_id", "gender", "age")


@dataclass(frozen=True)
class Nemo:
    """Reader of nEMO: ``data.tsv`` says what the clips of ``samples/`` are."""

    info: CorpusInfo

    def read(self, root: Path) -> Reading:
        table = read_sheet(root / "data.tsv", _COLUMNS, delimiter="\t", quoted=False)
        rows: dict[str, dict[str, str]] = {}
        repeated: list[Problem] = []
        for row in table:
            stem = Path(row["file_id"]).stem
            if rows.setdefault(stem, row) is not row:
                message = f"data.tsv names '{row['file_id']}' twice; its first row was taken."
                repeated.append(Problem(root / "data.tsv", "duplicate", message))

        def describe(path: Path) -> Utterance:
            if path.stem not in rows:
                raise Misnamed(f"'{path.name}' is not in data.tsv")
            row = rows[path.stem]
            return Utterance(
                id=_id(path.stem),
                path=path,
                corpus="nemo",
                speaker=f"nemo-{row['speaker_id']}",
                label=normalise(row["emotion"]),
                sentence=row["normalized_text"],
                language="pl",
                sex=row["gender"],
                age=float(row["age"]),
            )

        reading = gather(self.info, root, describe, expected=lambda _: map(_id, rows))
        return Reading(reading.utterances, (*repeated, *reading.problems))


def _id(stem: str) -> str:
    return f"nemo/samples/{stem}"


NEMO = Nemo(
    CorpusInfo(
        name="nemo",
        title="nEMO, emotional speech in Polish",
        languages=("pl",),
        labels=("neutral", "happy", "sad", "angry", "fearful", "surprised"),
        n_clips=4481,
        n_speakers=9,
        licence="CC BY-NC-SA 4.0",
        doi="10.48550/arXiv.2404.06292",
        url="https://github.com/amu-cai/nEMO",
        sources=(
            Source(
                "https://github.com/amu-cai/nEMO/archive/refs/heads/main.zip", "nemo.zip", strip=1
            ),
        ),
        notes="The archive is packed by the server when asked for: it has no checksum.",
    )
)
