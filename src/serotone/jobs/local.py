"""The Recognizer over many files and the processes of one machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from serotone.inference.options import Opening
from serotone.jobs.pool import over_processes
from serotone.types import Failure, Prediction


def predict_files(
    paths: Sequence[str | Path],
    *,
    opening: Opening | None = None,
    n_jobs: int | None = None,
    batch_size: int = 16,
) -> Iterator[Prediction | Failure]:
    """Predict files in several processes, each with one thread and its own Recognizer.

    Processes are started afresh, so a script that calls this at its top level must do so below
    ``if __name__ == "__main__":``.

    Args:
        paths: files; see ``serotone.audio.find`` for folders and globs.
        opening: the model and what to make of it; the shipped model where None.
        n_jobs: processes; one per core where None.
        batch_size: files a process takes and runs at once, at most.

    Yields:
        One answer per path, in the order of ``paths``.
    """
    work = _Predicting(opening or Opening())
    return over_processes(paths, work, n_jobs=n_jobs, chunk_size=batch_size)


@dataclass(frozen=True, slots=True)
class _Predicting:
    """Opens a Recognizer of one thread in each process."""

    opening: Opening

    def start(self) -> Callable[[list[str]], Sequence[Prediction | Failure]]:
        recognizer = self.opening.open(n_threads=1)

        def answer(chunk: list[str]) -> list[Prediction | Failure]:
            return list(recognizer.predict_files(chunk, batch_size=len(chunk)))

        return answer
