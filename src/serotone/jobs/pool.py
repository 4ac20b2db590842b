"""Many items of work over the processes of one machine.

Answers come in the order of the items, as they are ready. Memory stays flat, however many items
there are. A process that dies of one (a fault in a decoder, no memory left) costs that one alone.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from serotone.inference.threads import n_cores
from serotone.types import Failure

CHUNKS_PER_JOB = 4
"""Chunks a process gets, where there are enough items, so that all end at about the same time."""

CHUNKS_AHEAD = 2
"""Chunks per process that wait or are done and not yet taken: the bound on memory."""

Answers = list[Any]

A = TypeVar("A")
A_co = TypeVar("A_co", covariant=True)


class Work(Protocol[A_co]):
    """What a process is to do. It crosses to the process, so it must pickle."""

    def start(self) -> Callable[[list[str]], Sequence[A_co]]:
        """Called once in each process: make ready, and return what answers a chunk of items."""


def over_processes(
    items: Sequence[str | Path], work: Work[A], *, n_jobs: int | None = None, chunk_size: int = 16
) -> Iterator[A | Failure]:
    """Do some work on many items in several processes.

    Processes are started afresh, so a script that calls this at its top level must do so below
    ``if __name__ == "__main__":``.

    Args:
        items: file names.
        work: what to do with them.
        n_jobs: processes; one per core where None.
        chunk_size: items a process takes at once, at most.

    Yields:
        One answer per item, in order; a failure for an item that ended its process.
    """
    n_jobs = n_jobs or n_cores()
    size = max(1, min(chunk_size, math.ceil(len(items) / (n_jobs * CHUNKS_PER_JOB))))
    workers = _Workers(work, n_jobs)
    try:
        yield from itertools.chain.from_iterable(_run(workers, _chunks(items, size)))
    except BaseException:
        # Interrupted or left by the caller: do not wait for what is under way.
        workers.stop(wait=False)
        raise
    workers.stop(wait=True)


@dataclass(slots=True)
class _Task:
    chunk: list[str]
    answers: Future[Answers]


def _run(workers: _Workers, chunks: Iterator[list[str]]) -> Iterator[Answers]:
    waiting: deque[_Task] = deque()
    for chunk in chunks:
        waiting.append(_Task(chunk, workers.submit(chunk)))
        if len(waiting) >= workers.n * CHUNKS_AHEAD:
            yield _take(workers, waiting)
    while waiting:
        yield _take(workers, waiting)


def _take(workers: _Workers, waiting: deque[_Task]) -> Answers:
    try:
        answers = waiting[0].answers.result()
    except BrokenProcessPool:
        # All that was under way is lost, and nothing tells which file did it.
        lost = [task for task in waiting if not task.answers.done() or task.answers.exception()]
        for task, answers in zip(lost, _one_by_one(workers.work, lost), strict=True):
            task.answers = _done(answers)
        workers.restart()
        answers = waiting[0].answers.result()
    waiting.popleft()
    return answers


def _one_by_one(work: Work[Any], tasks: Iterable[_Task]) -> Iterator[Answers]:
    """Answers from one process that gets one file at a time: its death names the file."""
    worker = _Workers(work, 1)
    try:
        for task in tasks:
            answers: Answers = []
            for path in task.chunk:
                try:
                    answers += worker.submit([path]).result()
                except BrokenProcessPool:
                    why = f"{path}: reading it ended the process. Check or convert the file."
                    answers.append(Failure(path, why))
                    worker.restart()
            yield answers
    finally:
        worker.stop(wait=True)


def _done(answers: Answers) -> Future[Answers]:
    future: Future[Answers] = Future()
    future.set_result(answers)
    return future


def _chunks(paths: Iterable[str | Path], size: int) -> Iterator[list[str]]:
    names = map(str, paths)
    while chunk := list(itertools.islice(names, size)):
        yield chunk


class _Workers:
    """A pool that can be started again after a death."""

    def __init__(self, work: Work[Any], n: int) -> None:
        self.work = work
        self.n = n
        self._pool = self._start()

    def _start(self) -> ProcessPoolExecutor:
        # Not forked: a fork copies the locks of the threads that the runtime has in this process.
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(
            self.n, mp_context=context, initializer=_start_worker, initargs=(self.work,)
        )

    def submit(self, chunk: list[str]) -> Future[Answers]:
        try:
            with _interrupts_held():
                return self._pool.submit(_answer, chunk)
        except BrokenProcessPool as error:
            broken: Future[Answers] = Future()
            broken.set_exception(error)
            return broken

    def restart(self) -> None:
        self.stop(wait=True)
        self._pool = self._start()

    def stop(self, *, wait: bool) -> None:
        """End the processes; without a wait, Python's own clean-up may still be at it on exit."""
        self._pool.shutdown(wait=wait, cancel_futures=True)


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Processes started inside never hear Ctrl-C, which reaches a terminal's whole group."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_ready: list[Callable[[list[str]], Sequence[Any]]] = []
"""What answers a chunk, where this process is a worker."""


def _start_worker(work: Work[Any]) -> None:
    _ready.append(work.start())


def _answer(chunk: list[str]) -> Answers:
    return list(_ready[0](chunk))
