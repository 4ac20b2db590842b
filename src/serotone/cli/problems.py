"""What is wrong with a corpus, in a line or two for whoever goes on with it all the same."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from serotone.corpora import Problem


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
