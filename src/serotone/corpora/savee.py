"""SAVEE: four British men, 120 clips each, seven emotions.

Haq and Jackson, Multimodal Emotion Recognition, in Machine Audition, IGI Global 2010.
https://doi.org/10.4018/978-1-61520-919-4.ch017
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from serotone.corpora.reader import CorpusInfo, Misnamed, Reading, gather
from serotone.types import Utterance

_SPEAKERS = ("DC", "JE", "JK", "KL")
_EMOTIONS = {
    "n": ("neutral", 30),
    "h": ("happy", 15),
    "sa": ("sad", 15),
    "a": ("angry", 15),
    "f": ("fearful", 15),
    "d": ("disgust", 15),
    "su": ("surprised", 15),
}
_NAME = re.compile(r"(?:(DC|JE|JK|KL)_)?(sa|su|[adfhn])(\d\d)")


@dataclass(frozen=True)
class Savee:
    """Reader of SAVEE, as ``DC_a01`` in one folder or as ``DC/a01``."""

    info: CorpusInfo

    def read(self, root: Path) -> Reading:
        return gather(self.info, root, self._describe, expected=_expected)

    def _describe(self, path: Path) -> Utterance:
        match = _NAME.fullmatch(path.stem)
        speaker = (match[1] or path.parent.name) if match else ""
        if not match or speaker not in _SPEAKERS or int(match[3]) > _EMOTIONS[match[2]][1]:
            raise Misnamed(f"got '{path.name}', expected DC_a01 or DC/a01")
        return Utterance(
            id=f"savee/{speaker}/{match[2]}{match[3]}",
            path=path,
            corpus="savee",
            speaker=f"savee-{speaker}",
            label=_EMOTIONS[match[2]][0],
            # Numbers are no sentences: which ones different emotions share is not in the names.
            language="en",
            sex="male",
        )


def _expected(found: list[Utterance]) -> Iterable[str]:
    return (
        f"savee/{speaker}/{code}{number:02d}"
        for speaker in _SPEAKERS
        for code, (_, n_clips) in _EMOTIONS.items()
        for number in range(1, n_clips + 1)
    )


SAVEE = Savee(
    CorpusInfo(
        name="savee",
        title="SAVEE, Surrey audio-visual expressed emotion",
        languages=("en",),
        labels=tuple(label for label, _ in _EMOTIONS.values()),
        n_clips=480,
        n_speakers=4,
        licence="free for research, on registration",
        doi="10.4018/978-1-61520-919-4.ch017",
        url="http://kahlan.eps.surrey.ac.uk/savee/",
        notes="Register with the owners at http://kahlan.eps.surrey.ac.uk/savee/Register.html, "
        "then unpack AudioData and give its folder with --root.",
    )
)
