"""Which noise and which rooms may teach, and which are kept for testing: decided here alone.

Training that hears the noise it is tested in learns the noise. So whole kinds are held out, not
single recordings: the training draws from one side, ``serotone evaluate --robustness`` from the
other. The side of a kind depends on its name alone, so that more files, other folders or another
order change nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

TEST_KINDS: Mapping[str, bool] = {
    # ESC-10 (Piczak 2015, doi:10.1145/2733373.2806390): one even and one of sharp bursts on the
    # side of the test, and so for training.
    "rain": False,
    "sea-waves": False,
    "dog-bark": False,
    "helicopter": True,
    "fire-crackling": True,
    # Rooms by their file's name.
    "medium_room": False,
    "small_room": True,
    "hall": True,
}
"""Kinds whose side is settled: whether it is for testing. All others go by their name's hash."""

TEST_SHARE = 0.4
"""Of the kinds that are not settled."""


class HeldOut(NamedTuple):
    """Files of two sides that share no kind, each sorted.

    Attributes:
        train: may teach.
        test: may only be measured with.
    """

    train: tuple[Path, ...]
    test: tuple[Path, ...]


def noise_split(files: Iterable[Path]) -> HeldOut:
    """Recordings of noise by kind: the name of the folder that a file lies in.

    Args:
        files: as ``esc10/rain/1-17367-A.opus``, in any order.

    Example:
        >>> noise_split([Path("n/rain/1.ogg"), Path("n/helicopter/1.ogg")]).test
        (PosixPath('n/helicopter/1.ogg'),)
    """
    return _split(files, lambda path: path.parent.name)


def room_split(files: Iterable[Path]) -> HeldOut:
    """Impulse responses by room: the name of the file without its ending.

    Args:
        files: as ``rooms/hall.flac``, in any order.
    """
    return _split(files, lambda path: path.stem)


def is_held_out(kind: str) -> bool:
    """Whether a kind of noise, or a room, is for testing alone."""
    name = kind.lower()
    if name in TEST_KINDS:
        return TEST_KINDS[name]
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:4]) < TEST_SHARE * 2**32


def _split(files: Iterable[Path], kind_of: Callable[[Path], str]) -> HeldOut:
    train: list[Path] = []
    test: list[Path] = []
    for path in sorted(files):
        (test if is_held_out(kind_of(path)) else train).append(path)
    return HeldOut(tuple(train), tuple(test))
