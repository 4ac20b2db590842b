"""Emo-DB: ten German actors, ten sentences, seven emotions.

Burkhardt et al., A database of German emotional speech, Interspeech 2005.
https://doi.org/10.21437/Interspeech.2005-446
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from serotone.corpora.reader import CorpusInfo, Misnamed, Reading, Source, gather
from serotone.types import Utterance

_EMOTIONS = {
    "N": "neutral",
    "F": "happy",
    "T": "sad",
    "W": "angry",
    "A": "fearful",
    "E": "disgust",
    "L": "bored",
}
_SPEAKERS = {
    "03": ("male", 31.0),
    "08": ("female", 34.0),
    "09": ("female", 21.0),
    "10": ("male", 32.0),
    "11": ("male", 26.0),
    "12": ("male", 30.0),
    "13": ("female", 32.0),
    "14": ("female", 35.0),
    "15": ("male", 25.0),
    "16": ("female", 31.0),
}
_NAME = re.compile(rf"({'|'.join(_SPEAKERS)})([ab]\d\d)([{''.join(_EMOTIONS)}])[a-z]?")


@dataclass(frozen=True)
class EmoDB:
    """Reader of Emo-DB."""

    info: CorpusInfo

    def read(self, root: Path) -> Reading:
        return gather(self.info, root, self._describe)

    def _describe(self, path: Path) -> Utterance:
        match = _NAME.fullmatch(path.stem)
        if not match:
            raise Misnamed(f"got '{path.name}', expected speaker, text, emotion as 03a01Fa")
        speaker, sentence, emotion = match.groups()
        sex, age = _SPEAKERS[speaker]
        return Utterance(
            id=f"emodb/wav/{path.stem}",
            path=path,
            corpus="emodb",
            speaker=f"emodb-{speaker}",
            label=_EMOTIONS[emotion],
            sentence=sentence,
            language="de",
            sex=sex,
            age=age,
        )


EMODB = EmoDB(
    CorpusInfo(
        name="emodb",
        title="Emo-DB, Berlin database of emotional speech",
        languages=("de",),
        labels=tuple(_EMOTIONS.values()),
        n_clips=535,
        n_speakers=10,
        licence="free for research",
        doi="10.21437/Interspeech.2005-446",
        url="http://emodb.bilderbar.info/",
        sources=(Source("http://emodb.bilderbar.info/download/download.zip", "emodb.zip"),),
        notes="The owners state no checksum.",
    )
)
