"""TESS: two women, one carrier sentence with 200 words, seven emotions.

Pichora-Fuller and Dupuis, Toronto emotional speech set, 2020.
https://doi.org/10.5683/SP2/E8H2MF
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from serotone.corpora.reader import CorpusInfo, Misnamed, Reading, Source, gather
from serotone.labels import normalise
from serotone.types import Utterance

_CODES = ("angry", "disgust", "fear", "happy", "neutral", "ps", "sad")
_AGES = {"OAF": 64.0, "YAF": 26.0}
# One clip of the owners' own release is called OA_bite_neutral.
_NAME = re.compile(rf"(OAF?|YAF?)_(\w+)_({'|'.join(_CODES)})", re.IGNORECASE)


@dataclass(frozen=True)
class Tess:
    """Reader of TESS, in one folder or in one per speaker and emotion."""

    info: CorpusInfo

    def read(self, root: Path) -> Reading:
        return gather(self.info, root, self._describe, expected=_expected)

    def _describe(self, path: Path) -> Utterance:
        match = _NAME.fullmatch(path.stem)
        if not match:
            raise Misnamed(f"got '{path.name}', expected SPEAKER_word_emotion as OAF_back_angry")
        who, word, emotion = match[1][0].upper() + "AF", match[2].lower(), match[3].lower()
        return Utterance(
            id=_id(who, word, emotion),
            path=path,
            corpus="tess",
            speaker=f"tess-{who}",
            label=normalise(emotion),
            sentence=word,
            language="en",
            sex="female",
            age=_AGES[who],
        )


def _id(who: str, word: str, emotion: str) -> str:
    return f"tess/{who}_{word}_{emotion}"


def _expected(found: list[Utterance]) -> Iterable[str]:
    words = {u.sentence for u in found}
    return (_id(who, word, code) for who in _AGES for word in words for code in _CODES)


TESS = Tess(
    CorpusInfo(
        name="tess",
        title="TESS, Toronto emotional speech set",
        languages=("en",),
        labels=tuple(normalise(code) for code in _CODES),
        n_clips=2800,
        n_speakers=2,
        licence="CC BY-NC-ND 4.0",
        doi="10.5683/SP2/E8H2MF",
        url="https://doi.org/10.5683/SP2/E8H2MF",
        sources=(
            Source(
                "https://borealisdata.ca/api/access/dataset/:persistentId/"
                "?persistentId=doi:10.5683/SP2/E8H2MF",
                "tess.zip",
            ),
        ),
        notes="The archive is packed by the server when asked for: it has no checksum. "
        "Two speakers only: figures say little of others.",
    )
)
