"""Which files a person means by files, folders and globs."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from serotone.suffixes import AUDIO, FILM

SUFFIXES = AUDIO | FILM
"""What a search in folders takes."""


def find_files(paths: Iterable[str | Path]) -> list[Path]:
    """Expand files, folders and globs to files, each once.

    Folders are searched below, in order of name, for the suffixes in ``SUFFIXES``; hidden files
    are passed over. A file that is named is kept whatever its suffix. What does not exist is kept
    as well, so that reading it tells why.
    """
    found: dict[Path, None] = {}
    for path in paths:
        found.update(dict.fromkeys(_expand(Path(path))))
    return list(found)


def _expand(path: Path) -> list[Path]:
    if path.is_dir():
        return [
            Path(folder, name)
            for folder, folders, names in _walk(path)
            for name in sorted(names)
            if Path(name).suffix.lower() in SUFFIXES and not name.startswith(".")
        ]
    if not path.exists() and glob.has_magic(str(path)):
        # Path.glob takes no absolute pattern.
        names = glob.glob(str(path), recursive=True)  # noqa: PTH207
        matches = [Path(name) for name in sorted(names)]
        inside = [p for p in matches if p.is_file() and p.suffix.lower() in SUFFIXES]
        return inside or [path]
    return [path]


def _walk(root: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield folder, folders, names
