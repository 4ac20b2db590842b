"""Splits by name. Those that judge a model share no speaker; the others say what they share.

Speakers, sentences and clips are put in order by a hash of their name and the seed: the same split
on every machine, and one more speaker moves no other.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace

from serotone.corpora.published import PUBLISHED
from serotone.errors import ConfigError, did_you_mean
from serotone.types import (
    ClaimedSplit,
    Sides,
    SpeakerTextSplit,
    Split,
    TextSplit,
    Utterance,
    speakers,
)

DEV_SHARE = 6
"""One in so many speakers (or sentences) of the training side is kept to choose on."""

COPIES = ("clean", "noise", "pitch", "pitch+noise")
"""The four rows per clip of the ``claimed`` protocol, as the ending of an id after ``#``."""

SPLITS: Mapping[str, str] = {
    "luna5": "RAVDESS, five published folds of actors",
    "emobox6": "RAVDESS, six published folds of actors",
    "emosuperb5": "CREMA-D, five published folds of actors",
    "loso": "leave one speaker out",
    "kfold5": "folds of speakers, alike in sex and corpus; any number, as kfold10",
    "tess-cross": "train on one woman, test on the other, both ways; no dev side",
    "iemocap-session": "IEMOCAP, one session out",
    "loco": "leave one corpus out; corpora that share speakers stay together",
    "text5": "no sentence on two sides, speakers shared; any number, as text10",
    "speaker-text5": "no speaker and no sentence on two sides; utterances between are dropped",
    "meld-official": "MELD's own parts, which share speakers: claimed",
    "random8020": "clips at random, 80 to 20, alike in label; speakers shared: claimed",
    "claimed": "four copies of each clip at random, 80 to 20; copies on both sides: claimed",
}
"""Every split, with the number of folds where one may choose it, and what it is."""

_SPEC = re.compile(r"(?P<name>(?P<family>[a-z0-9-]*?[a-z-])(?P<k>\d*))(?::(?P<fold>\d+))?")


def folds(utterances: Iterable[Utterance], spec: str, *, seed: int = 0) -> list[Sides]:
    """The folds of a split, or the one that ``spec`` asks for.

    Args:
        utterances: or a ``Reading``.
        spec: a name of ``SPLITS``; with ``:3`` its third fold only.
        seed: changes who falls where; published folds have none.

    Raises:
        ConfigError: when there is no such split or fold, or the utterances do not fit it.
        LeakError: when the utterances themselves leak, as by one clip twice.

    Example:
        >>> from pathlib import Path
        >>> names = ["x1", "x2", "y1", "z1"]
        >>> rows = [Utterance(f"a/{n}", Path(n), "a", n[0], "sad") for n in names]
        >>> [speakers(f.test) for f in folds(rows, "loso")]
        [['x'], ['y'], ['z']]
    """
    rows = tuple(sorted(utterances, key=lambda u: u.id))
    match = _SPEC.fullmatch(spec)
    if not rows or not match:
        raise ConfigError(_unknown(spec) if rows else f"split '{spec}': got no utterances.")
    made = _make(rows, match["name"], match["family"], match["k"], seed)
    if match["fold"] is None:
        return made
    number = int(match["fold"])
    if not 1 <= number <= len(made):
        raise ConfigError(f"split '{spec}': got fold {number}, expected 1 to {len(made)}.")
    return [made[number - 1]]


def fold(utterances: Iterable[Utterance], spec: str, *, seed: int = 0) -> Sides:
    """One fold, as ``luna5:1``.

    Raises:
        ConfigError: as ``folds``, and when ``spec`` leaves open which fold.
    """
    made = folds(utterances, spec, seed=seed)
    if len(made) > 1:
        raise ConfigError(f"split '{spec}' has {len(made)} folds. Name one, as '{spec}:1'.")
    return made[0]


def _make(rows: Sequence[Utterance], name: str, family: str, digits: str, seed: int) -> list[Sides]:
    if name in PUBLISHED:
        return _published(rows, name)
    if name in _PLAIN:
        return _PLAIN[name](rows, name, seed)
    if family in _COUNTED and digits:
        k = int(digits)
        if k < 2:
            raise ConfigError(f"split '{name}': got {k} fold(s), expected at least 2.")
        return _COUNTED[family](rows, name, seed, k)
    raise ConfigError(_unknown(name))


def _unknown(spec: str) -> str:
    return f"unknown split '{spec}'. {did_you_mean(spec.partition(':')[0], SPLITS)}"


# By speaker


def _published(rows: Sequence[Utterance], name: str) -> list[Sides]:
    table = PUBLISHED[name]
    present = set(speakers(rows))
    made: list[Sides] = []
    for index, test in enumerate(table.test):
        if not present & test:
            raise ConfigError(
                f"split '{name}' is of {table.corpus}: no speaker of its fold {index + 1} "
                f"('{min(test)}', …) is among {len(present)} given. Take another split."
            )
        made.append(_by_speaker(rows, f"{name}:{index + 1}", test=test, dev=table.dev_of(index)))
    return made


def _leave_one_speaker_out(rows: Sequence[Utterance], name: str, seed: int) -> list[Sides]:
    return _speaker_folds(rows, name, seed, [{speaker} for speaker in speakers(rows)])


def _k_fold(rows: Sequence[Utterance], name: str, seed: int, k: int) -> list[Sides]:
    return _speaker_folds(rows, name, seed, _deal(_strata(rows), k, seed))


def _leave_one_corpus_out(rows: Sequence[Utterance], name: str, seed: int) -> list[Sides]:
    voices: defaultdict[str, set[str]] = defaultdict(set)
    for u in rows:
        voices[u.corpus].add(u.speaker)
    groups: list[set[str]] = []
    for corpus in sorted(voices):
        joined = [g for g in groups if g & voices[corpus]]
        groups = [g for g in groups if g not in joined]
        groups.append(voices[corpus].union(*joined))
    return _speaker_folds(rows, name, seed, groups)


def _speaker_folds(
    rows: Sequence[Utterance], name: str, seed: int, groups: Sequence[Collection[str]]
) -> list[Sides]:
    if len(groups) < 2 or not all(groups):
        raise ConfigError(
            f"split '{name}': got {len(speakers(rows))} speaker(s) in "
            f"{len({u.corpus for u in rows})} corpora, too few for its folds. Take another split."
        )
    strata = _strata(rows)
    made: list[Sides] = []
    for number, test in enumerate(groups, start=1):
        rest = {speaker: strata[speaker] for speaker in strata if speaker not in test}
        dev = _held_out(rest, seed)
        made.append(_by_speaker(rows, f"{name}:{number}", test=test, dev=dev))
    return made


def _by_speaker(
    rows: Sequence[Utterance], name: str, *, test: Collection[str], dev: Collection[str]
) -> Split:
    return Split(
        name,
        train=tuple(u for u in rows if u.speaker not in test and u.speaker not in dev),
        dev=tuple(u for u in rows if u.speaker in dev and u.speaker not in test),
        test=tuple(u for u in rows if u.speaker in test),
    )


def _strata(rows: Sequence[Utterance]) -> dict[str, Hashable]:
    """What folds should be alike in, by speaker: corpus and sex."""
    return {u.speaker: (u.corpus, u.sex) for u in rows}


# By sentence


def _text(rows: Sequence[Utterance], name: str, seed: int, k: int) -> list[Sides]:
    sentences = _sentences(rows, name, k)
    made: list[Sides] = []
    for number, test in enumerate(_deal(sentences, k, seed), start=1):
        dev = _held_out({s: "" for s in sentences if s not in test}, seed)
        made.append(
            TextSplit(
                f"{name}:{number}",
                train=tuple(u for u in rows if u.sentence not in test and u.sentence not in dev),
                dev=tuple(u for u in rows if u.sentence in dev),
                test=tuple(u for u in rows if u.sentence in test),
            )
        )
    return made


def _speaker_text(rows: Sequence[Utterance], name: str, seed: int, k: int) -> list[Sides]:
    """Every pile of speakers with every pile of sentences: each utterance is tested once."""
    sentences = _sentences(rows, name, 2)
    strata = _strata(rows)
    if len(strata) < k:
        raise ConfigError(f"split '{name}': got {len(strata)} speaker(s), expected {k} or more.")
    # A third pile of sentences is for dev; where there are but two sentences there is no dev.
    n_piles = min(3, len(sentences))
    piles = [set(pile) for pile in _deal(sentences, n_piles, seed)]
    made: list[Sides] = []
    for who in _deal(strata, k, seed):
        dev_who = _held_out({s: strata[s] for s in strata if s not in who}, seed)
        train_who = strata.keys() - who - dev_who
        for index, what in enumerate(piles):
            dev_what = piles[(index + 1) % n_piles] if n_piles > 2 else set()
            train_what = sentences.keys() - what - dev_what
            train, dev, test = (
                tuple(u for u in rows if u.speaker in some and u.sentence in said)
                for some, said in ((train_who, train_what), (dev_who, dev_what), (who, what))
            )
            n_dropped = len(rows) - len(train) - len(dev) - len(test)
            number = len(made) + 1
            made.append(SpeakerTextSplit(f"{name}:{number}", train, dev, test, n_dropped))
    return made


def _sentences(rows: Sequence[Utterance], name: str, least: int) -> dict[str, Hashable]:
    n_unknown = sum(not u.sentence for u in rows)
    if n_unknown:
        raise ConfigError(
            f"split '{name}': got {n_unknown} of {len(rows)} utterances without a sentence, "
            "expected one each. Leave them out, or split by speaker."
        )
    sentences = sorted({u.sentence for u in rows})
    if len(sentences) < least:
        raise ConfigError(
            f"split '{name}': got {len(sentences)} sentence(s), expected at least {least}."
        )
    return dict.fromkeys(sentences, "")


# Claimed


def _meld_official(rows: Sequence[Utterance], name: str, seed: int) -> list[Sides]:
    sides: dict[str, list[Utterance]] = {"train": [], "dev": [], "test": []}
    for u in rows:
        part = u.id.split("/")[1] if u.id.startswith("meld/") else ""
        if part not in sides:
            raise ConfigError(f"split '{name}' is of meld: got '{u.id}'. Take another split.")
        sides[part].append(u)
    return [ClaimedSplit(name, **{part: tuple(us) for part, us in sides.items()})]


def _random(rows: Sequence[Utterance], name: str, seed: int) -> list[Sides]:
    """As most public systems split: the side they choose on is the one they report."""
    test = set(_deal({u.id: u.label or "" for u in rows}, 5, seed)[0])
    tested = tuple(u for u in rows if u.id in test)
    return [ClaimedSplit(name, tuple(u for u in rows if u.id not in test), tested, tested)]


def _copies(rows: Sequence[Utterance], name: str, seed: int) -> list[Sides]:
    copied = [replace(u, id=f"{u.id}#{copy}") for u in rows for copy in COPIES]
    test = set(_deal(dict.fromkeys((u.id for u in copied), ""), 5, seed)[0])
    tested = tuple(u for u in copied if u.id in test)
    return [ClaimedSplit(name, tuple(u for u in copied if u.id not in test), tested, tested)]


# Dealing


def _deal(strata: Mapping[str, Hashable], k: int, seed: int) -> list[list[str]]:
    """Names dealt out to ``k`` piles like cards, one stratum after the other."""
    ordered = sorted(strata, key=lambda name: (repr(strata[name]), _shuffled(name, seed)))
    return [ordered[start::k] for start in range(k)]


def _held_out(strata: Mapping[str, Hashable], seed: int) -> set[str]:
    """Those of the training side to choose on: none where one alone is left."""
    return set(_deal(strata, DEV_SHARE, seed)[0]) if len(strata) > 1 else set()


def _shuffled(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}\n{name}".encode()).digest()


_PLAIN: Mapping[str, Callable[[Sequence[Utterance], str, int], list[Sides]]] = {
    "loso": _leave_one_speaker_out,
    "loco": _leave_one_corpus_out,
    "meld-official": _meld_official,
    "random8020": _random,
    "claimed": _copies,
}
_COUNTED: Mapping[str, Callable[[Sequence[Utterance], str, int, int], list[Sides]]] = {
    "kfold": _k_fold,
    "text": _text,
    "speaker-text": _speaker_text,
}
