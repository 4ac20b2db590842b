"""What commands share that read a corpus: how it is read, and what is wrong with it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from serotone.errors import ConfigError

if TYPE_CHECKING:
    from serotone.corpora import Problem


def reader_options(assignments: Iterable[str] | None) -> dict[str, str]:
    """What ``--set`` gave a reader, by key.

    Raises:
        ConfigError: when one has no ``=``.
    """
    return dict(map(_assignment, assignments or ()))


def _assignment(text: str) -> tuple[str, str]:
    """The key and the value of ``key=value``.

    Raises:
        ConfigError: when there is no ``=``.
    """
    key, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"--set got '{text}', expected key=value, as speaker='(\\w+)_'.")
    return key.strip(), value


def tell_problems(corpus: str, problems: Sequence[Problem]) -> None:
    """Print the first problem and how many there are; voices that are unknown in any case."""
    unknown = [p for p in problems if p.kind == "speakers"]
    others = [p for p in problems if p.kind != "speakers"]
    if others:
        print(
            f"{corpus}: {len(others)} problem(s), the first: {others[0].path}: "
            f"{others[0].message} See: serotone corpus verify {corpus}",
            file=sys.stderr,
        )
    for problem in unknown:
        print(f"{corpus}: {problem.message}", file=sys.stderr)
