"""What a corpus's figures mean for somebody who wants to train on it, in sentences."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from serotone.corpora import CorpusInfo, Problem, Reading
from serotone.explore.clips import labels_of
from serotone.explore.measure import Clip
from serotone.types import Failure

UNEVEN = 1.3
FEW_VOICES = 6
EXPLAINED = 0.15
MUCH_SILENCE = 0.4
WIDE_DB = 20.0
FEW_CLIPS = 30


@dataclass(frozen=True)
class Explored:
    """A corpus that was read and measured.

    Attributes:
        info: what its owners publish of it.
        root: its folder.
        reading: its annotation.
        clips: every utterance whose sound could be measured.
        failures: the others, and why.
    """

    info: CorpusInfo
    root: Path
    reading: Reading
    clips: Sequence[Clip]
    failures: Sequence[Failure]

    @property
    def title(self) -> str:
        """As its owners call it; a corpus of the user's own by its folder."""
        return self.info.title if self.info.n_clips else self.root.name or self.info.title

    @property
    def speakers_known(self) -> bool:
        """Whether the corpus says who speaks; otherwise every clip counts as its own speaker."""
        return not any(problem.kind == "speakers" for problem in self.reading.problems)

    @property
    def problems(self) -> list[Problem]:
        """All but the remark that speakers are unknown, which is no file's fault."""
        return [problem for problem in self.reading.problems if problem.kind != "speakers"]


def findings(corpora: Sequence[Explored]) -> list[str]:
    """What stands out in each corpus, most important first; empty where nothing does."""
    found = _only_in_some(corpora)
    for corpus in corpora:
        place = f"{corpus.title}: " if len(corpora) > 1 else ""
        found += [place + text for text in _of_one(corpus)]
    return found


def _of_one(corpus: Explored) -> list[str]:
    clips = corpus.clips
    if not clips:
        return _unusable(corpus)
    parts = (_imbalance, _sexes, _sentences, _one_length, _measures, _formats)
    return [
        *_unusable(corpus),
        *_voices(corpus),
        *(text for part in parts for text in part(clips)),
    ]


def _only_in_some(corpora: Sequence[Explored]) -> list[str]:
    labels: list[set[str]] = [set(labels_of(corpus.clips)) for corpus in corpora]
    some = sorted(labels[0].union(*labels) - labels[0].intersection(*labels))
    if not some:
        return []
    named = ", ".join(f"“{label}”" for label in some)
    return [
        f"Not every corpus has {named}: a model trained on all may learn to tell corpora apart "
        "instead of emotions."
    ]


def _unusable(corpus: Explored) -> list[str]:
    texts = []
    if n := len(corpus.failures):
        texts.append(f"{_count(n, 'file')} could not be used; “Not used” below says why.")
    if n := len(corpus.problems):
        texts.append(f"{_count(n, 'file')} missing, misnamed or there twice; see “Not used” below.")
    return texts


def _voices(corpus: Explored) -> list[str]:
    if not corpus.speakers_known:
        return [
            "Nothing says who speaks, so each clip counts as its own speaker. A split may then put "
            "one voice on both sides, and figures come out too good. Tell serotone how names show "
            "the speaker, for example --set speaker='(\\w+)_' for anna_03.wav."
        ]
    voices: defaultdict[str, set[str]] = defaultdict(set)
    for clip in corpus.clips:
        voices[clip.utterance.speaker].add(clip.label)
    texts = []
    if len(voices) < FEW_VOICES:
        texts.append(
            f"{_count(len(voices), 'voice')} only. What a model learns from so few says little "
            "about anybody else."
        )
    n_labels = len(labels_of(corpus.clips))
    lacking = sum(len(found) < n_labels for found in voices.values())
    if lacking:
        texts.append(
            f"{lacking:,} of {_count(len(voices), 'voice')} {'lacks' if lacking == 1 else 'lack'} "
            "some emotion, so a voice can give the answer away. Split by speaker, never at random."
        )
    return texts


def _imbalance(clips: Sequence[Clip]) -> list[str]:
    counts = Counter(clip.label for clip in clips)
    (largest, most), (smallest, least) = (
        counts.most_common(1)[0],
        min(counts.items(), key=lambda item: item[1]),
    )
    if len(counts) < 2 or most < UNEVEN * least:
        return []
    return [
        f"From {least:,} clips of “{smallest}” to {most:,} of “{largest}”, {most / least:.1f} "
        f"times as many. Always answering “{largest}” would be right in {most / len(clips):.1%} "
        f"of them but find only {1 / len(counts):.1%} of an emotion on average. Judge by that "
        "average (UAR, see “Words” below), and balance emotions in training."
    ]


def _sexes(clips: Sequence[Clip]) -> list[str]:
    sexes = Counter(clip.utterance.sex for clip in clips)
    known = sexes["female"] + sexes["male"]
    if not known:
        return []
    share = sexes["female"] / known
    if 0.4 <= share <= 0.6:
        return []
    who, part = ("women", share) if share > 0.5 else ("men", 1 - share)
    return [f"{part:.0%} of the clips are by {who}; look at figures for women and men apart."]


def _sentences(clips: Sequence[Clip]) -> list[str]:
    labels: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for clip in clips:
        if clip.utterance.sentence:
            labels[clip.utterance.corpus, clip.utterance.sentence].add(clip.label)
    if not labels:
        return []
    alone = sum(len(found) == 1 for found in labels.values())
    if alone:
        return [
            f"{alone:,} of {_count(len(labels), 'sentence')} occur in one emotion alone: a model "
            "may learn the words instead of the voice."
        ]
    return [
        f"{_count(len(labels), 'sentence')}, each said in several emotions: words do not give the "
        "answer away. The same sentences on both sides of a split can still make figures too good."
    ]


def _measures(clips: Sequence[Clip]) -> list[str]:
    texts = []
    for name, unit, values in (
        ("length", "s", {c.utterance.id: c.duration_s for c in clips}),
        ("level", "dB", {c.utterance.id: c.rms_db for c in clips}),
    ):
        text = _tells(clips, values, name=name, unit=unit)
        if text:
            texts.append(text)
    low, high = np.percentile([clip.rms_db for clip in clips], [5, 95])
    if high - low > WIDE_DB:
        texts.append(
            f"The loudest clips stand {high - low:.0f} dB above the quietest (5 to 95 %). A model "
            "that meets other microphones should not rely on level."
        )
    silence = float(np.median([clip.silence for clip in clips]))
    if silence > MUCH_SILENCE:
        texts.append(f"The typical clip is {silence:.0%} silence: trimming its ends saves work.")
    n_full = sum(clip.touches_full_scale for clip in clips)
    if n_full:
        texts.append(
            f"{_count(n_full, 'clip')} with samples at full scale, where sound is cut off."
        )
    return texts


def _one_length(clips: Sequence[Clip]) -> list[str]:
    """A sentence where most clips have the same length to the millisecond: nobody speaks so."""
    ((length_s, n),) = Counter(round(clip.duration_s, 3) for clip in clips).most_common(1)
    if len(clips) < FEW_CLIPS or n < len(clips) / 2:
        return []
    return [
        f"{n / len(clips):.0%} of the clips are exactly {length_s:g} s long: they were cut or "
        "padded. Words may be missing at the end, and figures do not compare with those on whole "
        "recordings."
    ]


def _tells(clips: Sequence[Clip], values: Mapping[str, float], *, name: str, unit: str) -> str:
    """A sentence where the label explains much of a measure's variance.

    The share is Hays's omega squared, which unlike eta squared does not grow with few clips.
    """
    groups: defaultdict[str, list[float]] = defaultdict(list)
    for clip in clips:
        groups[clip.label].append(values[clip.utterance.id])
    n, k = len(clips), len(groups)
    if k < 2 or n < FEW_CLIPS:
        return ""
    everything = np.concatenate([np.asarray(group) for group in groups.values()])
    total = float(np.square(everything - everything.mean()).sum())
    within = sum(float(np.square(np.asarray(g) - np.mean(g)).sum()) for g in groups.values())
    spread = within / (n - k) if n > k else 0.0
    explained = (total - within - (k - 1) * spread) / (total + spread) if total else 0.0
    if explained < EXPLAINED:
        return ""
    middles = {label: float(np.median(group)) for label, group in groups.items()}
    low, high = min(middles, key=middles.__getitem__), max(middles, key=middles.__getitem__)
    return (
        f"The {name} alone tells something: emotion explains {explained:.0%} of its variance "
        f"(median {middles[low]:.1f} {unit} for “{low}”, {middles[high]:.1f} {unit} for “{high}”). "
        "A model may lean on it."
    )


def _formats(clips: Iterable[Clip]) -> list[str]:
    formats: defaultdict[str, set[str]] = defaultdict(set)
    for clip in clips:
        formats[clip.format].add(clip.label)
    if len(formats) < 2:
        return []
    listed = "; ".join(sorted(formats))
    return [
        f"Files come in {len(formats)} formats ({listed}). Where one goes with an emotion, a model "
        "may learn the format."
    ]


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
