"""A waveform's outline of a sound of unknown length, in constant memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STEP_S = 0.05
MOST = 4000


class Peaks:
    """The largest sample in equal parts of a signal that arrives in blocks.

    Parts are ``STEP_S`` long at first; when there are more than ``MOST``, neighbours are joined.
    """

    def __init__(self) -> None:
        self._rows: list[float] = []
        self._step = 0
        self._waiting = np.empty(0, np.float32)

    def push(self, signal: NDArray[np.float32], sample_rate: int) -> None:
        """Take the next samples, always at the same rate."""
        self._step = self._step or max(1, round(STEP_S * sample_rate))
        joined = np.abs(np.concatenate([self._waiting, signal]))
        n_whole = len(joined) - len(joined) % self._step
        self._rows += joined[:n_whole].reshape(-1, self._step).max(axis=1).tolist()
        self._waiting = joined[n_whole:]
        while len(self._rows) > MOST:
            # An odd one at the end waits for its neighbour as samples do: as its largest.
            if len(self._rows) % 2:
                last = np.full(self._step, self._rows.pop(), np.float32)
                self._waiting = np.concatenate([last, self._waiting])
            pairs = zip(self._rows[::2], self._rows[1::2], strict=True)
            self._rows = [max(pair) for pair in pairs]
            self._step *= 2

    def rows(self) -> tuple[float, ...]:
        """The outline so far, each between 0 and 1."""
        rest = [float(self._waiting.max())] if self._waiting.size else []
        return tuple(round(value, 3) for value in [*self._rows, *rest])
