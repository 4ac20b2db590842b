"""A folder per class, as ``recordings/happy/*.wav``: anybody's own recordings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from serotone.corpora.reader import CorpusInfo, Misnamed, Reading, gather
from serotone.errors import ConfigError
from serotone.labels import normalise
from serotone.suffixes import AUDIO, FILM
from serotone.types import Utterance


@dataclass(frozen=True)
class Folder:
    """Reader of a folder with one folder per class.

    Attributes:
        info: its provenance.
        corpus: the name its utterances carry.
        speaker: a regular expression searched in each path below the folder, as
            ``happy/anna_03.wav``. Its first group is the speaker. Where it is empty each clip
            counts as its own speaker, and the reading says so.
        language: ISO 639-1 code.
    """

    info: CorpusInfo
    corpus: str = "folder"
    speaker: str = ""
    language: str = ""

    def read(self, root: Path) -> Reading:
        pattern = _pattern(self.speaker)

        def describe(path: Path) -> Utterance:
            inside = path.relative_to(root)
            if len(inside.parts) < 2:
                raise Misnamed(f"'{path.name}' is in no folder of a class, as happy/{path.name}")
            name = inside.with_suffix("").as_posix()
            return Utterance(
                id=f"{self.corpus}/{name}",
                path=path,
                corpus=self.corpus,
                speaker=f"{self.corpus}-{_speaker(pattern, inside.as_posix()) or name}",
                label=normalise(inside.parts[0]),
                language=self.language,
                speaker_known=pattern is not None,
            )

        remedy = "Give the option speaker: a pattern that finds them in the paths."
        return gather(self.info, root, describe, suffixes=AUDIO | FILM, remedy=remedy)


def _pattern(speaker: str) -> re.Pattern[str] | None:
    if not speaker:
        return None
    try:
        pattern = re.compile(speaker)
    except re.error as error:
        raise ConfigError(f"option speaker: '{speaker}' is no pattern: {error}.") from None
    if pattern.groups < 1:
        raise ConfigError(
            f"option speaker: got '{speaker}', expected a group in brackets, as '({speaker})'."
        )
    return pattern


def _speaker(pattern: re.Pattern[str] | None, inside: str) -> str:
    if pattern is None:
        return ""
    match = pattern.search(inside)
    if match is None or not match[1]:
        raise Misnamed(f"'{inside}' names no speaker: '{pattern.pattern}' finds nothing in it")
    return match[1]


FOLDER = Folder(
    CorpusInfo(
        name="folder",
        title="a folder per class",
        notes="Your own recordings: one folder per class, any class names.",
    )
)
