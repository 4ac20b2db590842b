"""Work over the threads of one process, its answers in order."""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

A = TypeVar("A")
B = TypeVar("B")


def n_cores() -> int:
    """Cores that this process may use: a container or a queue may grant fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def chunked(items: Iterable[A], size: int) -> Iterator[list[A]]:
    """Items in lists of ``size``, the last with what is left.

    Example:
        >>> list(chunked("abcde", 2))
        [['a', 'b'], ['c', 'd'], ['e']]
    """
    waiting = iter(items)
    while chunk := list(itertools.islice(waiting, size)):
        yield chunk


def over_threads(
    work: Callable[[A], B], items: Iterable[A], *, n_threads: int, n_ahead: int
) -> Iterator[B]:
    """``map``, over several threads.

    A thread is worth it for work that leaves Python: decoding, resampling, running a model. One
    item alone is done in the thread of the caller.

    Args:
        work: what to do with an item.
        items: taken as they are needed.
        n_threads: at work at a time.
        n_ahead: items that are taken before the answer to the first of them is: the bound on
            memory. Twice the threads keep all of them busy.

    Yields:
        Answers in the order of the items.
    """
    waiting = iter(items)
    first = list(itertools.islice(waiting, 2))
    if min(n_threads, n_ahead, len(first)) < 2:
        yield from map(work, itertools.chain(first, waiting))
        return
    # Here, as a single file needs none and its import takes time.
    from concurrent.futures import ThreadPoolExecutor

    running: deque[Future[B]] = deque()
    with ThreadPoolExecutor(n_threads) as pool:
        try:
            for item in itertools.chain(first, waiting):
                running.append(pool.submit(work, item))
                if len(running) == n_ahead:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            for future in running:
                future.cancel()


def side_by_side(first: Callable[[], A], second: Callable[[], B], *, n_threads: int) -> tuple[A, B]:
    """What two functions return that need nothing of each other."""
    if n_threads == 1:
        return first(), second()
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(second)
        return first(), other.result()
