"""ASED: 65 Amharic speakers, 27 sentences, five emotions.

Retta et al., A New Amharic Speech Emotion Dataset and Classification Benchmark, ACM TALLIP 2023.
https://doi.org/10.1145/3529759
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

from serotone.corpora.reader import CorpusInfo, Misnamed, Reading, Source, gather
from serotone.types import Utterance

_FOLDERS = {
    "n1": ("01Neutral", "neutral"),
    "f2": ("02Fearful", "fearful"),
    "h3": ("03Happy", "happy"),
    "s4": ("04Sad", "sad"),
    "a5": ("05Angry", "angry"),
}
_SEXES = {"01": "female", "02": "male"}
_COMMON = ("01", "02")
_SAME_VOICE = {"25": "23", "45": "39", "52": "39"}
"""Numbers under which one recording stands twice, as ``serotone corpus audit`` finds: whoever
spoke it, they must not stand on two sides of a split, so they count as one speaker."""
_NAME = re.compile(r"([nfhsa][1-5])-(0[1-7])-(0[12])-(0[12])-(\d\d)")


@dataclass(frozen=True)
class Ased:
    """Reader of ASED: one folder per emotion."""

    info: CorpusInfo

    def read(self, root: Path) -> Reading:
        reading = gather(self.info, root, self._describe)
        return replace(reading, utterances=_one_sex_each(reading.utterances))

    def _describe(self, path: Path) -> Utterance:
        # One name of the owners' begins with a capital letter.
        match = _NAME.fullmatch(path.stem.lower())
        if not match or match[1] not in _FOLDERS:
            raise Misnamed(f"got '{path.name}', expected xn-yy-aa-gg-bb as n1-01-01-01-01")
        emotion, sentence, _, sex, speaker = match.groups()
        folder, label = _FOLDERS[emotion]
        if path.parent.name in {f for f, _ in _FOLDERS.values()} - {folder}:
            raise Misnamed(f"'{path.name}' says {label}, its folder says {path.parent.name}")
        return Utterance(
            id=f"ased/{folder}/{path.stem.lower()}",
            path=path,
            corpus="ased",
            speaker=f"ased-{_SAME_VOICE.get(speaker, speaker)}",
            label=label,
            # Two sentences were said in all emotions, five more in one emotion each.
            sentence=f"{'common' if sentence in _COMMON else label}-{sentence}",
            language="am",
            sex=_SEXES[sex],
        )


def _one_sex_each(utterances: tuple[Utterance, ...]) -> tuple[Utterance, ...]:
    """What most names of a speaker say: five of the owners' names contradict the others."""
    said: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for utterance in utterances:
        said[utterance.speaker][utterance.sex] += 1
    return tuple(replace(u, sex=said[u.speaker].most_common(1)[0][0]) for u in utterances)


ASED = Ased(
    CorpusInfo(
        name="ased",
        title="ASED, Amharic speech emotion dataset",
        languages=("am",),
        labels=tuple(label for _, label in _FOLDERS.values()),
        n_clips=2474,
        n_speakers=65,
        licence="stated freely available by its authors; no licence file",
        doi="10.1145/3529759",
        url="https://github.com/wgwangang/ASED_V1",
        sources=(
            Source(
                "https://github.com/wgwangang/ASED_V1/archive/HEAD.zip",
                "ased.zip",
                strip=1,
            ),
        ),
        notes="The archive is packed by the server when asked for: it has no checksum. Numbers 23 "
        "and 25, and 39, 45 and 52, share recordings and count as one speaker each: 62 of 65.",
    )
)
