"""One thing to do of a wide run."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """A recording, or a stretch of one.

    Attributes:
        path: of a file, or the URI of an object.
        start_s, end_s: the stretch, to the end of the file where ``end_s`` is None.
    """

    path: str
    start_s: float = 0.0
    end_s: float | None = None

    @property
    def is_whole(self) -> bool:
        return self.start_s == 0 and self.end_s is None
