"""Whether a corpus on disk is what its owners published."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from serotone.corpora.reader import CorpusInfo, Problem, Reading

_FATAL = frozenset({"duplicate", "unreadable"})


@dataclass(frozen=True)
class Verification:
    """What was found of a corpus, and what should be there.

    Attributes:
        info: its published figures.
        reading: what was read, unreadable files among the problems.
        n_expected: clips that should be there; None where the user's own corpus has any number.
    """

    info: CorpusInfo
    reading: Reading
    n_expected: int | None

    @property
    def passed(self) -> bool:
        """The count is exact, no clip is there twice and every one can be opened.

        A stray file that the corpus does not know takes nothing away: it is reported, no more.
        """
        exact = self.n_expected is None or len(self.reading) == self.n_expected
        return exact and not any(p.kind in _FATAL for p in self.reading.problems)

    @property
    def labels(self) -> dict[str, int]:
        """Clips per label, the corpus's own order first."""
        counts = Counter(u.label or "(none)" for u in self.reading)
        order = [*self.info.labels, *sorted(set(counts) - set(self.info.labels))]
        return {label: counts[label] for label in order}


def verify(
    info: CorpusInfo,
    reading: Reading,
    *,
    expect: int | None = None,
    open_header: Callable[[Path], None] | None = None,
    progress: Callable[[Iterable[Path], int], Iterable[Path]] | None = None,
) -> Verification:
    """Open the header of every file, and count.

    Args:
        info: of the corpus.
        reading: of its folder.
        expect: clips to expect, where the copy is knowingly not whole.
        open_header: raises ``OSError``, ``RuntimeError`` or ``ValueError`` for a file that is no
            sound; by default soundfile, and PyAV for a film.
        progress: wraps the files on their way, given how many they are.
    """
    check = open_header or read_header
    paths: Iterable[Path] = sorted({u.path for u in reading})
    if progress is not None:
        paths = progress(paths, len({u.path for u in reading}))
    unreadable: list[Problem] = []
    for path in paths:
        try:
            check(path)
        except (OSError, RuntimeError, ValueError) as error:
            reason = " ".join(str(error).split())
            unreadable.append(Problem(path, "unreadable", f"cannot be opened: {reason}"))
    whole = replace(reading, problems=(*reading.problems, *unreadable))
    return Verification(info, whole, info.n_clips if expect is None else expect)


CONTAINERS = frozenset({".mp4", ".m4a", ".aac", ".webm"})
"""What libsndfile cannot open and PyAV can."""


def read_header(path: Path) -> None:
    """Open a file and look at its header.

    Raises:
        ValueError: when it has no sound in it.
        OSError, RuntimeError: when it cannot be opened.
    """
    if path.suffix.lower() in CONTAINERS:
        import av

        try:
            with av.open(str(path)) as container:
                has_sound = bool(container.streams.audio)
        except av.error.FFmpegError as error:
            raise ValueError(str(error)) from None
        if not has_sound:
            raise ValueError("no sound in it")
        return
    import soundfile

    if soundfile.info(str(path)).frames <= 0:
        raise ValueError("no samples in it")
