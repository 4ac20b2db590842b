"""MELD: 13,708 utterances of a television series, seven emotions, in three official parts.

Poria et al., MELD: A Multimodal Multi-Party Dataset for Emotion Recognition in Conversations,
ACL 2019. https://doi.org/10.18653/v1/P19-1050
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from serotone.corpora.csv_table import read_sheet
from serotone.corpora.reader import (
    CorpusInfo,
    Problem,
    Reading,
    Source,
    audio_files,
    finish,
    missing,
)
from serotone.errors import CorpusError
from serotone.labels import normalise
from serotone.suffixes import AUDIO, FILM
from serotone.types import PARTS, Utterance

_COLUMNS = ("Utterance", "Speaker", "Emotion", "Dialogue_ID", "Utterance_ID")
_NAME = re.compile(r"dia\d+_utt\d+")
_SITE = "https://raw.githubusercontent.com/declare-lab/MELD/master/data/MELD"


@dataclass(frozen=True)
class Meld:
    """Reader of MELD: ``train_sent_emo.csv`` and so on, clips in folders named after the part."""

    info: CorpusInfo

    def read(self, root: Path) -> Reading:
        clips, strange = _clips(root)
        found: list[Utterance] = []
        absent: list[str] = []
        n_tables = 0
        for part in PARTS:
            for table in sorted(root.rglob(f"{part}_sent_emo.csv"))[:1]:
                n_tables += 1
                for row in read_sheet(table, _COLUMNS):
                    utterance = _utterance(part, row)
                    if utterance.id in clips:
                        found += [replace(utterance, path=path) for path in clips.pop(utterance.id)]
                    else:
                        absent.append(utterance.id)
        if not n_tables:
            raise CorpusError(f"no train_sent_emo.csv below '{root}'. Give MELD's own folder.")
        extra = [
            Problem(path, "misnamed", f"'{name}' is in no table of MELD's.")
            for name, paths in sorted(clips.items())
            for path in paths
        ]
        return finish(self.info, root, found, [*strange, *extra, *missing(root, absent)])


def _clips(root: Path) -> tuple[dict[str, list[Path]], list[Problem]]:
    """Clips by id, and the files whose name or place says nothing."""
    clips: dict[str, list[Path]] = {}
    strange: list[Problem] = []
    for path in audio_files(root, AUDIO | FILM):
        folders = str(path.parent.relative_to(root))
        part = next((p for p in PARTS if re.search(rf"(?<![a-z]){p}(?![a-z])", folders)), "")
        if part and _NAME.fullmatch(path.stem):
            clips.setdefault(f"meld/{part}/{path.stem}", []).append(path)
        else:
            message = f"got '{path.name}', expected dia0_utt0 below a folder of train, dev or test"
            strange.append(Problem(path, "misnamed", message))
    return clips, strange


def _utterance(part: str, row: dict[str, str]) -> Utterance:
    name = f"dia{row['Dialogue_ID']}_utt{row['Utterance_ID']}"
    return Utterance(
        id=f"meld/{part}/{name}",
        path=Path(name),
        corpus="meld",
        speaker=f"meld-{row['Speaker']}",
        label=normalise(row["Emotion"]),
        sentence=" ".join(re.findall(r"[\w']+", row["Utterance"].lower())),
        language="en",
    )


MELD = Meld(
    CorpusInfo(
        name="meld",
        title="MELD",
        languages=("en",),
        labels=("neutral", "happy", "sad", "angry", "fearful", "disgust", "surprised"),
        n_clips=13708,
        licence="GPL-3.0 for the annotation; the recordings are their broadcaster's, for research",
        doi="10.18653/v1/P19-1050",
        url="https://affective-meld.github.io",
        sources=(
            Source("http://web.eecs.umich.edu/~mihalcea/downloads/MELD.Raw.tar.gz", "meld.tar.gz"),
            *(
                Source(f"{_SITE}/{part}_sent_emo.csv", f"{part}_sent_emo.csv", unpack=False)
                for part in PARTS
            ),
        ),
        notes="Known gaps of the owners' archive: dev dia110_utt7 is not there, train dia125_utt3 "
        "is damaged, and some clips are in no table. The official parts share speakers. "
        "The owners state no checksums.",
    )
)
