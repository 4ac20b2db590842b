"""Work over threads: in order, no further ahead than asked, errors and early ends included."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator

import pytest

from serotone.inference.threads import chunked, n_cores, over_threads, side_by_side


@pytest.mark.parametrize("n_threads", [1, 2, 5])
@pytest.mark.parametrize("n_ahead", [1, 2, 7])
@pytest.mark.parametrize("n_items", [0, 1, 2, 20])
def test_answers_come_in_order(n_threads: int, n_ahead: int, n_items: int) -> None:
    def slow_at_first(item: int) -> int:
        time.sleep(0.002 if item % 2 == 0 else 0)
        return item * item

    answers = over_threads(slow_at_first, range(n_items), n_threads=n_threads, n_ahead=n_ahead)
    assert list(answers) == [item * item for item in range(n_items)]


def test_two_items_are_worked_on_at_a_time() -> None:
    both = threading.Barrier(2, timeout=10)
    # Each waits for the other: one after the other, this would break the barrier.
    met = over_threads(lambda _: both.wait(), range(2), n_threads=2, n_ahead=2)
    assert sorted(met) == [0, 1]
    assert sorted(side_by_side(both.wait, both.wait, n_threads=2)) == [0, 1]


def test_no_more_is_taken_than_asked() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in itertools.count():
            taken.append(item)
            yield item

    answers = over_threads(lambda item: item, items(), n_threads=2, n_ahead=4)
    assert next(answers) == 0 and len(taken) == 4
    assert next(answers) == 1 and len(taken) == 5
    answers.close()  # type: ignore[attr-defined]
    assert len(taken) == 5


def test_an_error_reaches_the_caller_after_the_answers_before_it() -> None:
    answers = over_threads(lambda item: 1 // item, [2, 1, 0, 3], n_threads=2, n_ahead=4)
    assert [next(answers), next(answers)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(answers)


def test_a_single_item_stays_in_the_thread_of_the_caller() -> None:
    here = threading.get_ident()
    ids = over_threads(lambda _: threading.get_ident(), [0], n_threads=4, n_ahead=4)
    assert list(ids) == [here]
    assert side_by_side(threading.get_ident, threading.get_ident, n_threads=1) == (here, here)


def test_chunks_and_cores() -> None:
    assert list(chunked(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(chunked([], 3)) == []
    assert n_cores() >= 1
