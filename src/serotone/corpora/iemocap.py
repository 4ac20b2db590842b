"""IEMOCAP: ten actors in five sessions of two, about 12 hours of acted and improvised dialogue.

Busso et al., IEMOCAP: interactive emotional dyadic motion capture database, Language Resources
and Evaluation 42, 2008. https://doi.org/10.1007/s10579-008-9076-6
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from serotone.corpora.reader import CorpusInfo, Reading, finish, missing
from serotone.errors import CorpusError
from serotone.labels import normalise
from serotone.suffixes import AUDIO
from serotone.types import Utterance

_HEAD = re.compile(r"\[[\d.]+ - [\d.]+\]\s+(Ses0([1-5])\w_\w+_([FM])\d+)\s+(\w+)\s+\[")
_VOTE = re.compile(r"C-E\w+:\s*([^()]*)\(")
_LINE = re.compile(r"(Ses0[1-5]\w_\w+_[FM]\d+) \[[\d.]+-[\d.]+\]:\s*(.*)")


@dataclass(frozen=True)
class Iemocap:
    """Reader of IEMOCAP.

    Attributes:
        info: its provenance; ``labels`` are the classes read, the others are left out and counted.
        merged: labels that count as another.
    """

    info: CorpusInfo
    merged: Mapping[str, str]

    def read(self, root: Path) -> Reading:
        tables = sorted(root.glob("Session[1-5]/dialog/EmoEvaluation/*.txt"))
        if not tables:
            raise CorpusError(
                f"no annotation below '{root}': expected Session1 to Session5 with "
                "dialog/EmoEvaluation/*.txt. Give the folder IEMOCAP_full_release."
            )
        found: list[Utterance] = []
        absent: list[str] = []
        left_out: Counter[str] = Counter()
        for table in (t for t in tables if not t.name.startswith(".")):
            session = table.parents[2]
            texts = _texts(session / "dialog" / "transcriptions" / table.name)
            for utterance in _utterances(table):
                label = self.merged.get(utterance.label or "", utterance.label or "")
                if label not in self.info.labels:
                    left_out[label] += 1
                    continue
                clip = _clip(session / "sentences" / "wav" / table.stem, utterance.path.name)
                if clip is None:
                    absent.append(utterance.id)
                    continue
                sentence = texts.get(utterance.path.name, "")
                found.append(replace(utterance, path=clip, label=label, sentence=sentence))
        reading = finish(self.info, root, found, missing(root, absent))
        return replace(reading, left_out=dict(left_out))


def _utterances(table: Path) -> list[Utterance]:
    """What a table says, ``path`` still the clip's bare name."""
    found: list[Utterance] = []
    for block in table.read_text(encoding="utf-8", errors="replace").split("\n\n"):
        head = _HEAD.search(block)
        if head is None:
            continue
        name, session, sex, code = head.groups()
        # Ses01F_impro01_M000: the letter of the turn, not of the dialogue, says who speaks.
        found.append(
            Utterance(
                id=f"iemocap/Session{session}/{name}",
                path=Path(name),
                corpus="iemocap",
                speaker=f"iemocap-Ses0{session}{sex}",
                label=normalise(code),
                votes=_votes(block),
                language="en",
                sex="female" if sex == "F" else "male",
            )
        )
    return found


def _votes(block: str) -> dict[str, float]:
    """Share per label; who named two emotions gives half a vote to each."""
    shares: defaultdict[str, float] = defaultdict(float)
    raters = [
        [normalise(name) for name in said.split(";") if name.strip()]
        for said in _VOTE.findall(block)
    ]
    raters = [named for named in raters if named]
    for named in raters:
        for label in named:
            shares[label] += 1 / len(named) / len(raters)
    return dict(shares)


def _clip(folder: Path, name: str) -> Path | None:
    for suffix in sorted(AUDIO):
        path = folder / f"{name}{suffix}"
        if path.is_file():
            return path
    return None


def _texts(path: Path) -> dict[str, str]:
    """What was said by clip, in lower case without marks, so that equal words compare equal."""
    if not path.is_file():
        return {}
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    matches = (_LINE.match(line) for line in lines)
    return {m[1]: " ".join(re.findall(r"[\w']+", m[2].lower())) for m in matches if m}


IEMOCAP = Iemocap(
    CorpusInfo(
        name="iemocap",
        title="IEMOCAP, four classes",
        languages=("en",),
        labels=("neutral", "happy", "sad", "angry"),
        n_clips=5531,
        n_speakers=10,
        licence="research, on signed release form",
        doi="10.1007/s10579-008-9076-6",
        url="https://sail.usc.edu/iemocap/",
        notes="Sign the release form at https://sail.usc.edu/iemocap/iemocap_release.htm; the "
        "owners send an address. Give the folder IEMOCAP_full_release. Excited counts as happy.",
    ),
    merged={"excited": "happy"},
)

IEMOCAP5 = replace(
    IEMOCAP,
    info=replace(
        IEMOCAP.info,
        name="iemocap5",
        title="IEMOCAP, five classes",
        labels=("neutral", "happy", "sad", "angry", "frustrated"),
        n_clips=7380,
    ),
)
