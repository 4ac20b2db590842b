"""What every reader of a corpus shares: what it is, what it gives, how it reports what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from serotone.errors import CorpusError
from serotone.suffixes import AUDIO
from serotone.types import Utterance

ProblemKind = Literal["duplicate", "missing", "misnamed", "unreadable", "speakers"]


@dataclass(frozen=True, slots=True)
class Source:
    """Something to fetch from a corpus's owner.

    Attributes:
        url: the address.
        name: the file it is kept as below the corpus's folder.
        size_bytes: None where the owner states none.
        checksum: ``md5:…`` or ``sha256:…`` as the owner states it; None where none is stated.
        unpack: whether it is an archive to be unpacked, and then removed.
        strip: leading folders of the archive to leave out.
        each: where the file is a CSV table of clips: the address of one, ``{}`` for its name.
        each_column: the column of their names.
        each_name: what a clip is kept as, ``{}`` for its name.
    """

    url: str
    name: str
    size_bytes: int | None = None
    checksum: str | None = None
    unpack: bool = True
    strip: int = 0
    each: str = ""
    each_column: str = ""
    each_name: str = ""


@dataclass(frozen=True, slots=True)
class CorpusInfo:
    """Provenance and published figures of a corpus.

    Attributes:
        name: short, as on the command line.
        title: as its owners call it.
        languages: ISO 639-1 codes.
        labels: canonical names, in the order of the corpus; empty where the user decides.
        n_clips: as published; None where the user decides.
        n_speakers: as published; None where the user decides.
        licence: the owner's, as published.
        doi: of the paper or the data.
        url: where it is described.
        sources: what ``serotone corpus download`` fetches; empty where nothing may be fetched.
        notes: how to come by it, and what to know before using it.
    """

    name: str
    title: str
    languages: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    n_clips: int | None = None
    n_speakers: int | None = None
    licence: str = ""
    doi: str = ""
    url: str = ""
    sources: tuple[Source, ...] = ()
    notes: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as it should be, and where."""

    path: Path
    kind: ProblemKind
    message: str


@dataclass(frozen=True)
class Reading:
    """The utterances of a corpus, and everything that kept others out.

    Attributes:
        utterances: sorted by id.
        problems: duplicated, missing, misnamed and unreadable files, and unknown speakers.
        left_out: clips per label that the corpus has, but not this set of classes.
    """

    utterances: tuple[Utterance, ...]
    problems: tuple[Problem, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Utterance]:
        return iter(self.utterances)

    def __len__(self) -> int:
        return len(self.utterances)


class Corpus(Protocol):
    """A reader: one file, one registry line."""

    @property
    def info(self) -> CorpusInfo: ...

    def read(self, root: Path) -> Reading:
        """The annotation of every clip below ``root``; the sound stays on disk.

        Raises:
            CorpusError: when nothing there belongs to the corpus.
        """


class Misnamed(Exception):
    """A file of the corpus whose name does not say what it should. Its text becomes a problem."""


def audio_files(root: Path, suffixes: Iterable[str] = AUDIO) -> list[Path]:
    """Every sound file below ``root``, sorted; hidden ones (``._…``, ``.git/…``) are not of it.

    Raises:
        CorpusError: when ``root`` is no folder.
    """
    if not root.is_dir():
        raise CorpusError(f"no folder at '{root}'. Give the corpus's own folder with --root.")
    wanted = frozenset(suffixes)
    return sorted(
        path
        for path in root.rglob("*")
        if path.suffix.lower() in wanted
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
    )


def gather(
    info: CorpusInfo,
    root: Path,
    describe: Callable[[Path], Utterance | None],
    *,
    expected: Callable[[list[Utterance]], Iterable[str]] | None = None,
    suffixes: Iterable[str] = AUDIO,
    remedy: str = "",
) -> Reading:
    """Read every sound file below ``root`` by its name.

    Args:
        info: of the corpus.
        root: its folder.
        describe: the utterance that a path names, or None where it is another corpus's.
            Raises ``Misnamed`` for a name that says too little.
        expected: all ids that should be there, given those that are.
        suffixes: of the files looked at.
        remedy: as of ``finish``.

    Raises:
        CorpusError: when ``root`` is no folder, or holds nothing of the corpus.
    """
    found: list[Utterance] = []
    problems: list[Problem] = []
    for path in audio_files(root, suffixes):
        try:
            utterance = describe(path)
        except Misnamed as error:
            problems.append(Problem(path, "misnamed", str(error)))
            continue
        if utterance is not None:
            found.append(utterance)
    if expected is not None:
        problems += missing(root, set(expected(found)) - {u.id for u in found})
    return finish(info, root, found, problems, remedy=remedy)


def finish(
    info: CorpusInfo,
    root: Path,
    found: Iterable[Utterance],
    problems: Iterable[Problem],
    *,
    remedy: str = "",
) -> Reading:
    """The reading of what was found: the first of each id kept, the others reported.

    Args:
        info: of the corpus.
        root: its folder.
        found: utterances, in any order.
        problems: met on the way.
        remedy: what to do about speakers that are unknown.

    Raises:
        CorpusError: when nothing was found.
    """
    utterances, copies = first_of_each(found)
    all_problems = [*problems, *copies]
    if not utterances:
        raise nothing_found(info, root, all_problems)
    if n_voiceless := sum(not u.speaker_known for u in utterances):
        all_problems.append(_one_voice_each(root, n_voiceless, remedy))
    return Reading(tuple(utterances), tuple(all_problems))


def first_of_each(found: Iterable[Utterance]) -> tuple[list[Utterance], list[Problem]]:
    """Utterances sorted by id, the first of each id kept, the others reported."""
    kept: dict[str, Utterance] = {}
    problems: list[Problem] = []
    for utterance in found:
        first = kept.setdefault(utterance.id, utterance)
        if first is not utterance:
            message = f"the same clip as '{first.path}', which was taken. Remove one of them."
            problems.append(Problem(utterance.path, "duplicate", message))
    return [kept[name] for name in sorted(kept)], problems


def missing(root: Path, ids: Iterable[str]) -> list[Problem]:
    """One problem for every id that should be there and is not."""
    return [
        Problem(root / name.partition("/")[2], "missing", f"clip '{name}' is not there.")
        for name in sorted(ids)
    ]


def nothing_found(info: CorpusInfo, root: Path, problems: list[Problem]) -> CorpusError:
    """The error for a folder without a single clip of the corpus."""
    first = f" First of {len(problems)} problem(s): {problems[0].message}" if problems else ""
    return CorpusError(
        f"no clip of {info.title} below '{root}'.{first} "
        f"Give its own folder, or see: serotone corpus download {info.name}"
    )


def _one_voice_each(path: Path, n_clips: int, remedy: str) -> Problem:
    """What must be said where every clip counts as its own speaker because none is known."""
    message = (
        f"speakers are unknown: each of {n_clips} clip(s) counts as its own speaker, so a split "
        f"may put one voice on both sides and its figures may be too good. {remedy}"
    )
    return Problem(path, "speakers", message)
