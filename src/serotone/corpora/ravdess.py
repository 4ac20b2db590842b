"""RAVDESS, the speech: 24 actors, two sentences, eight emotions in two strengths.

Livingstone and Russo, The Ryerson Audio-Visual Database of Emotional Speech and Song, PLoS ONE
13(5), 2018. https://doi.org/10.1371/journal.pone.0196391
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from serotone.corpora.reader import CorpusInfo, Misnamed, Reading, Source, gather
from serotone.types import Utterance

ACTORS = range(1, 25)
EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
NOTES = "Intensity is 0 for normal and 1 for strong; neutral has one strength only: unknown."

_NAME = re.compile(r"03-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)")
_SENTENCES = {"01": "kids", "02": "dogs"}
_INTENSITIES = {"01": 0.0, "02": 1.0}


@dataclass(frozen=True)
class Ravdess:
    """One vocal channel of RAVDESS.

    Attributes:
        info: its provenance.
        corpus: the name its utterances carry; cut copies of a clip keep the clip's id.
        channel: ``01`` speech, ``02`` song.
        absent_actors: those that the channel was never recorded of.
    """

    info: CorpusInfo
    corpus: str = "ravdess"
    channel: str = "01"
    absent_actors: tuple[int, ...] = ()

    def read(self, root: Path) -> Reading:
        return gather(self.info, root, self._describe, expected=self._expected)

    def _describe(self, path: Path) -> Utterance | None:
        match = _NAME.fullmatch(path.stem)
        if not match:
            raise Misnamed(f"got '{path.name}', expected 03-CC-EE-II-SS-RR-AA with two digits each")
        channel, emotion, intensity, sentence, _, actor = match.groups()
        if channel in ("01", "02") and channel != self.channel:
            return None
        if path.stem not in self._names(int(actor)):
            raise Misnamed(f"'{path.name}' names a code that this part of RAVDESS does not have")
        label = EMOTIONS[int(emotion) - 1]
        return Utterance(
            id=self._id(path.stem),
            path=path,
            corpus=self.corpus,
            # The same people sing and speak: a split must see that they are the same.
            speaker=f"ravdess-{actor}",
            label=label,
            intensity=math.nan if label == "neutral" else _INTENSITIES[intensity],
            sentence=_SENTENCES[sentence],
            language="en",
            sex="male" if int(actor) % 2 else "female",
        )

    def _id(self, stem: str) -> str:
        return f"{self.corpus}/Actor_{stem[-2:]}/{stem}"

    def _expected(self, found: list[Utterance]) -> Iterable[str]:
        return (self._id(stem) for actor in ACTORS for stem in self._names(actor))

    def _names(self, actor: int) -> frozenset[str]:
        if actor not in ACTORS or actor in self.absent_actors:
            return frozenset()
        labels = EMOTIONS if self.channel == "01" else EMOTIONS[:6]
        return frozenset(
            f"03-{self.channel}-{emotion:02d}-{intensity}-{sentence}-{repetition}-{actor:02d}"
            for emotion in range(1, len(labels) + 1)
            for intensity in (_INTENSITIES if emotion > 1 else ("01",))
            for sentence in _SENTENCES
            for repetition in ("01", "02")
        )


RAVDESS = Ravdess(
    CorpusInfo(
        name="ravdess",
        title="RAVDESS speech",
        languages=("en",),
        labels=EMOTIONS,
        n_clips=1440,
        n_speakers=24,
        licence="CC BY-NC-SA 4.0",
        doi="10.1371/journal.pone.0196391",
        url="https://zenodo.org/records/1188976",
        sources=(
            Source(
                "https://zenodo.org/records/1188976/files/Audio_Speech_Actors_01-24.zip?download=1",
                "Audio_Speech_Actors_01-24.zip",
                size_bytes=208_468_073,
                checksum="md5:bc696df654c87fed845eb13823edef8a",
            ),
        ),
        notes=NOTES,
    )
)
