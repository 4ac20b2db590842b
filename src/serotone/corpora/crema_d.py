"""CREMA-D: 91 actors, twelve sentences, six emotions, and what listeners heard in each clip.

Cao et al., CREMA-D: Crowd-sourced Emotional Multimodal Actors Dataset, IEEE Transactions on
Affective Computing 5(4), 2014. https://doi.org/10.1109/TAFFC.2014.2336244
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from serotone.corpora.csv_table import read_sheet
from serotone.corpora.reader import CorpusInfo, Misnamed, Problem, Reading, Source, gather
from serotone.types import Utterance

_LETTERS = {
    "N": "neutral",
    "H": "happy",
    "S": "sad",
    "A": "angry",
    "F": "fearful",
    "D": "disgust",
}
_EMOTIONS = {
    "NEU": "neutral",
    "HAP": "happy",
    "SAD": "sad",
    "ANG": "angry",
    "FEA": "fearful",
    "DIS": "disgust",
}
_NAME = re.compile(rf"(1\d\d\d)_([A-Z]{{3}})_({'|'.join(_EMOTIONS)})_(LO|MD|HI|XX)")
_VOTES = "tabulatedVotes.csv"
_ACTORS = "VideoDemographics.csv"
_SOUND_ALONE = "1"
_SITE = "https://raw.githubusercontent.com/CheyneyComputerScience/CREMA-D/master"
_CLIPS = "https://media.githubusercontent.com/media/CheyneyComputerScience/CREMA-D/master/AudioWAV"


@dataclass(frozen=True)
class Heard:
    """What those who only heard a clip said of it.

    Attributes:
        votes: share of listeners per label.
        level: mean of how strong they found the emotion, 0 to 1.
    """

    votes: Mapping[str, float]
    level: float


@dataclass(frozen=True)
class CremaD:
    """Reader of CREMA-D: clips, votes on the voice alone, age and sex of the actors."""

    info: CorpusInfo

    def read(self, root: Path) -> Reading:
        problems: list[Problem] = []
        heard = _heard(_table(root, _VOTES, problems))
        actors = _actors(_table(root, _ACTORS, problems))
        unheard = Heard({}, math.nan)

        def describe(path: Path) -> Utterance:
            match = _NAME.fullmatch(path.stem)
            if not match or (heard and path.stem not in heard):
                raise Misnamed(f"got '{path.name}', expected a clip as 1001_DFA_ANG_XX")
            actor, sentence, emotion, _ = match.groups()
            sex, age = actors.get(actor, ("", math.nan))
            perceived = heard.get(path.stem, unheard)
            return Utterance(
                id=_id(path.stem),
                path=path,
                corpus="crema-d",
                speaker=f"crema-d-{actor}",
                label=_EMOTIONS[emotion],
                intensity=perceived.level,
                votes=perceived.votes,
                sentence=sentence,
                language="en",
                sex=sex,
                age=age,
            )

        reading = gather(self.info, root, describe, expected=lambda _: map(_id, heard))
        return Reading(reading.utterances, (*problems, *reading.problems))


def _id(stem: str) -> str:
    return f"crema-d/AudioWAV/{stem}"


def _table(root: Path, name: str, problems: list[Problem]) -> Path | None:
    """The table beside the clips, above them, or in a folder of tables of its own."""
    places = (root, root.parent)
    folders = [p / sub for p in places for sub in ("", "processedResults", "crema-d-tables")]
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    what = "votes and intensity" if name == _VOTES else "age and sex"
    problems.append(Problem(root / name, "missing", f"no table {name}: {what} stay unknown."))
    return None


def _heard(path: Path | None) -> dict[str, Heard]:
    """By clip. The first digit of a row's number says what was shown: 1 sound, 2 face, 3 both."""
    if path is None:
        return {}
    rows = read_sheet(path, ("", "fileName", "meanEmoResp", *_LETTERS))
    return {row["fileName"]: _heard_row(row) for row in rows if row[""].startswith(_SOUND_ALONE)}


def _heard_row(row: Mapping[str, str]) -> Heard:
    counts = {label: int(row[letter]) for letter, label in _LETTERS.items()}
    n_votes = sum(counts.values())
    votes = {label: n / n_votes for label, n in counts.items() if n}
    return Heard(votes, float(row["meanEmoResp"]) / 100)


def _actors(path: Path | None) -> dict[str, tuple[str, float]]:
    """Sex and age by actor."""
    if path is None:
        return {}
    rows = read_sheet(path, ("ActorID", "Age", "Sex"))
    return {row["ActorID"]: (row["Sex"].lower(), float(row["Age"])) for row in rows}


CREMA_D = CremaD(
    CorpusInfo(
        name="crema-d",
        title="CREMA-D",
        languages=("en",),
        labels=tuple(_EMOTIONS.values()),
        n_clips=7442,
        n_speakers=91,
        licence="ODbL 1.0",
        doi="10.1109/TAFFC.2014.2336244",
        url="https://github.com/CheyneyComputerScience/CREMA-D",
        sources=(
            Source(f"{_SITE}/{_ACTORS}", _ACTORS, unpack=False),
            Source(f"{_SITE}/processedResults/{_VOTES}", _VOTES, unpack=False),
            Source(
                f"{_SITE}/SentenceFilenames.csv",
                "SentenceFilenames.csv",
                unpack=False,
                each=f"{_CLIPS}/{{}}.wav",
                each_column="Filename",
                each_name="AudioWAV/{}.wav",
            ),
        ),
        notes="The label is what the actor meant; votes and intensity are of those who only heard "
        "the clip. Clips come one by one from the owners' repository, which states no checksums. "
        "1076_MTI_SAD_XX is published without sound.",
    )
)
