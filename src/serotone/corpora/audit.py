"""The audit of a split: what stands on two sides, by name and by ear.

By name: speakers, sentences, and files, however many rows were made of one. By ear: other files
with equal samples, and altered copies (``near_duplicates``). Speakers and copies on two
sides are leaks. Sentences are a note: many corpora have but a few, said by everybody.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from serotone.corpora.audit_report import AuditReport, Copy, Count, Finding, Severity, Share
from serotone.corpora.fingerprint import Fingerprint
from serotone.corpora.near_duplicates import Match, near_duplicates
from serotone.errors import AudioError
from serotone.types import PARTS, Failure, Sides, TextSplit, Utterance

EXAMPLES = 3

Listen = Callable[[Utterance], Fingerprint]
Place = tuple[str, float, float]
Progress = Callable[[Iterable[Fingerprint | Failure], int], Iterable[Fingerprint | Failure]]


@dataclass(frozen=True, slots=True)
class _Row:
    """An utterance, the sides it stands on and the stretch of a file it is made of."""

    utterance: Utterance
    parts: frozenset[str]
    place: Place


def audit(
    sides: Sides,
    *,
    listen: Listen | None = None,
    near: bool = True,
    sample: int | None = None,
    n_threads: int = 1,
    progress: Progress = lambda prints, n: prints,
) -> AuditReport:
    """Look for everything that stands on more than one side of a split.

    Args:
        sides: any split, ours or made from somebody's table.
        listen: gives an utterance's fingerprint, or raises an ``AudioError`` where its sound
            cannot be read. None: only names are compared.
        near: look for altered copies too, not for equal samples alone.
        sample: listen to all rows of so many clips only, drawn by a hash of their names.
        n_threads: that listen and compare at the same time.
        progress: passes the fingerprints on, given how many there will be.

    Example:
        >>> from serotone.types import ClaimedSplit
        >>> row = Utterance("a/1", Path("1.wav"), "a", "a-1", "sad")
        >>> report = audit(ClaimedSplit("mine", (row,), (), (row,)))
        >>> report.leaks, report.by_file.value
        (True, 1.0)
    """
    rows = _rows(sides)
    findings = [*_shared_names(sides, rows), *_unknown_speakers(rows)]
    copies: list[Copy] = []
    by_ear: Share | None = None
    heard: list[_Row] = []
    unreadable: tuple[Failure, ...] = ()
    if listen is not None:
        chosen = _sample(rows, sample)
        heard, prints, unreadable = _hear(chosen, listen, n_threads, progress)
        copies = _copies(heard, prints, near=near, n_threads=n_threads)
        by_ear = _share_by_ear(heard, copies)
        findings += [*_copy_findings(copies), *_repeated(heard, prints)]
    return AuditReport(
        name=sides.name,
        protocol=sides.protocol,
        counts={part: _count(part, rows) for part in PARTS},
        findings=tuple(sorted(findings, key=lambda f: f.severity)),
        copies=tuple(copies),
        by_file=_share_by_file(rows),
        by_ear=by_ear,
        n_rows=len(rows),
        n_heard=len(heard),
        unreadable=unreadable,
    )


def _rows(sides: Sides) -> list[_Row]:
    utterances: dict[str, Utterance] = {}
    parts: defaultdict[str, set[str]] = defaultdict(set)
    for part in PARTS:
        for u in sides.part(part):
            utterances[u.id] = u
            parts[u.id].add(part)
    folders: dict[Path, Path] = {}
    return [
        _Row(u, frozenset(parts[name]), _place(u, folders))
        for name, u in sorted(utterances.items())
    ]


def _place(utterance: Utterance, folders: dict[Path, Path]) -> Place:
    path = utterance.path
    # A link to a file is that file.
    real = folders.setdefault(path, path.resolve())
    end_s = -1.0 if math.isnan(utterance.end_s) else utterance.end_s
    return str(real), utterance.start_s, end_s


def _on(part: str, rows: Sequence[_Row]) -> list[_Row]:
    return [row for row in rows if part in row.parts]


def _count(part: str, rows: Sequence[_Row]) -> Count:
    there = _on(part, rows)
    voices = {row.utterance.speaker for row in there} - {""}
    return Count(len(there), len({row.place for row in there}), len(voices))


# By name


def _shared_names(sides: Sides, rows: Sequence[_Row]) -> Iterator[Finding]:
    by_text = isinstance(sides, TextSplit)
    for first, second in itertools.combinations(PARTS, 2):
        one, other = _on(first, rows), _on(second, rows)
        pair = (first, second)
        voices = {r.utterance.speaker for r in one} & {r.utterance.speaker for r in other} - {""}
        if voices:
            text = f"{len(voices):,} speaker(s) on both sides"
            text += ", as in every split by sentence." if by_text else "."
            severity: Severity = "note" if by_text else "leak"
            yield Finding("speakers", severity, pair, len(voices), text, _few(voices))
        places = {r.place for r in one} & {r.place for r in other}
        if places:
            n_rows = sum(r.place in places for r in other)
            text = f"{len(places):,} file(s) on both sides, in {n_rows:,} of {len(other):,} rows "
            text += f"of {second}."
            names = _few({r.utterance.id for r in other if r.place in places})
            yield Finding("clips", "leak", pair, len(places), text, names)
        said = {_sentence(r) for r in one} & {_sentence(r) for r in other} - {("", "")}
        if said:
            text = f"{len(said):,} sentence(s) on both sides: what is said may be learned by heart."
            yield Finding("sentences", "note", pair, len(said), text, _few(s for _, s in said))


def _sentence(row: _Row) -> tuple[str, str]:
    # Sentences are comparable within a corpus only.
    u = row.utterance
    return (u.corpus, u.sentence) if u.sentence else ("", "")


def _unknown_speakers(rows: Sequence[_Row]) -> Iterator[Finding]:
    nameless = [row for row in rows if not row.utterance.speaker_known]
    if nameless:
        sides = tuple(part for part in PARTS if _on(part, nameless))
        text = f"{len(nameless):,} row(s) without a speaker: whether a voice is shared is unknown."
        names = _few(row.utterance.id for row in nameless)
        yield Finding("unknown", "note", sides, len(nameless), text, names)


def _share_by_file(rows: Sequence[_Row]) -> Share:
    learned = {row.place for row in _on("train", rows)}
    tested = _on("test", rows)
    return Share(sum(row.place in learned for row in tested), len(tested))


# By ear


def _sample(rows: Sequence[_Row], n_clips: int | None) -> list[_Row]:
    if n_clips is None:
        return list(rows)
    # By the first name of each place, so that the draw is the same on every machine.
    first: dict[Place, str] = {}
    for row in rows:
        first.setdefault(row.place, row.utterance.id)
    drawn = sorted(first, key=lambda p: hashlib.sha256(first[p].encode()).digest())[:n_clips]
    kept = set(drawn)
    return [row for row in rows if row.place in kept]


def _hear(
    rows: Sequence[_Row], listen: Listen, n_threads: int, progress: Progress
) -> tuple[list[_Row], list[Fingerprint], tuple[Failure, ...]]:
    def attempt(row: _Row) -> Fingerprint | Failure:
        try:
            return listen(row.utterance)
        except AudioError as error:
            return Failure(str(row.utterance.path), str(error))

    with ThreadPoolExecutor(n_threads) as pool:
        results = list(progress(pool.map(attempt, rows), len(rows)))
    heard: list[_Row] = []
    prints: list[Fingerprint] = []
    for row, result in zip(rows, results, strict=True):
        if not isinstance(result, Failure):
            heard.append(row)
            prints.append(result)
    return heard, prints, tuple(r for r in results if isinstance(r, Failure))


def _copies(
    rows: Sequence[_Row], prints: Sequence[Fingerprint], *, near: bool, n_threads: int
) -> list[Copy]:
    # Rows on the very same sides are not compared: what is on both is reported by name.
    numbers = {parts: n for n, parts in enumerate({row.parts for row in rows})}
    groups = [numbers[row.parts] for row in rows]
    pairs: list[tuple[int, int, Match | None]] = [(*p, None) for p in _equal(prints, groups)]
    if near:
        pairs += [
            (i, j, match)
            for i, j, match in near_duplicates(prints, groups, n_threads=n_threads)
            if prints[i].digest != prints[j].digest
        ]
    copies = [
        Copy(
            first=rows[i].utterance.id,
            second=rows[j].utterance.id,
            sides=_apart(rows[i].parts, rows[j].parts),
            identical=match is None,
            match=match,
        )
        for i, j, match in pairs
    ]
    return sorted(copies, key=lambda c: (not c.identical, c.first, c.second))


def _equal(prints: Sequence[Fingerprint], groups: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Pairs of equal samples in different groups: each row with the first of every other group."""
    firsts: defaultdict[str, dict[int, int]] = defaultdict(dict)
    for i, (one, group) in enumerate(zip(prints, groups, strict=True)):
        firsts[one.digest].setdefault(group, i)
    pairs = {
        (min(i, j), max(i, j))
        for i, (one, group) in enumerate(zip(prints, groups, strict=True))
        for other, j in firsts[one.digest].items()
        if other != group
    }
    yield from sorted(pairs)


def _apart(first: frozenset[str], second: frozenset[str]) -> tuple[str, str]:
    """A side of either that is not the same: train where one is there, and test before dev."""
    order = ("train", "test", "dev")
    apart = ((a, b) for a in order for b in order if a != b and a in first and b in second)
    turned = ((a, b) for b in order for a in order if a != b and a in first and b in second)
    return min((next(apart), next(turned)), key=lambda pair: "train" not in pair)


def _share_by_ear(heard: Sequence[_Row], copies: Sequence[Copy]) -> Share:
    learned = {row.utterance.id for row in _on("train", heard)}
    copied = {c.first for c in copies if c.second in learned}
    copied |= {c.second for c in copies if c.first in learned}
    tested = {row.utterance.id for row in _on("test", heard)}
    return Share(len(tested & (copied | learned)), len(tested))


def _copy_findings(copies: Sequence[Copy]) -> Iterator[Finding]:
    groups: defaultdict[tuple[bool, tuple[str, ...]], list[Copy]] = defaultdict(list)
    for copy in copies:
        sides = tuple(part for part in PARTS if part in copy.sides)
        groups[(not copy.identical, sides)].append(copy)
    for (altered, sides), group in sorted(groups.items()):
        what = "altered copies" if altered else "equal samples under other names"
        text = f"{len(group):,} pair(s) of {what} across {sides[0]} and {sides[1]}."
        names = tuple(f"{c.first} = {c.second}: {c.change}" for c in group[:EXAMPLES])
        yield Finding("altered" if altered else "identical", "leak", sides, len(group), text, names)


def _repeated(rows: Sequence[_Row], prints: Sequence[Fingerprint]) -> Iterator[Finding]:
    """Equal samples from two places on one side: no leak, but one clip counts double."""
    for part in PARTS:
        places: defaultdict[str, dict[Place, str]] = defaultdict(dict)
        for row, one in zip(rows, prints, strict=True):
            if part in row.parts:
                places[one.digest].setdefault(row.place, row.utterance.id)
        groups = [sorted(names.values()) for names in places.values() if len(names) > 1]
        if groups:
            text = f"{len(groups):,} clip(s) more than once within {part}, under other names."
            names = tuple(" = ".join(group[:EXAMPLES]) for group in sorted(groups)[:EXAMPLES])
            yield Finding("repeated", "note", (part,), len(groups), text, names)


def _few(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(names)[:EXAMPLES])
