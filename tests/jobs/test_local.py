from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from serotone.inference.options import Opening
from serotone.inference.threads import n_cores
from serotone.jobs.local import predict_files
from serotone.types import Failure, Prediction


class FakeRecognizer:
    """Answers with its process's number as the start; some file names are deadly or slow."""

    def predict_files(
        self, paths: Sequence[str], *, batch_size: int
    ) -> Iterator[Prediction | Failure]:
        for path in paths:
            if "deadly" in path:
                os.kill(os.getpid(), signal.SIGKILL)
            if "slow" in path:
                time.sleep(0.2)
            if "bad" in path:
                yield Failure(path, f"{path}: not sound.")
            else:
                yield Prediction(path, os.getpid(), len(paths), {"happy": 1.0}, "happy", 1.0)


@dataclass(frozen=True)
class FakeOpening(Opening):
    def open(self, *, n_threads: int | None = None) -> FakeRecognizer:  # type: ignore[override]
        assert n_threads == 1
        return FakeRecognizer()


def run(paths: list[str], **options: int) -> list[Prediction | Failure]:
    return list(predict_files(paths, opening=FakeOpening(), **options))


def test_answers_come_in_the_order_of_the_files() -> None:
    paths = [f"{i}-{'slow' if i % 7 == 0 else 'good'}" for i in range(40)]
    answers = run(paths, n_jobs=3, batch_size=4)
    assert [a.source for a in answers] == paths
    # Which process took which file; one that started late may have got none.
    processes = {a.start_s for a in answers if isinstance(a, Prediction)}
    assert 1 <= len(processes) <= 3 and os.getpid() not in processes


def test_no_files_give_no_answers() -> None:
    assert run([], n_jobs=2) == []


def test_a_bad_file_is_a_failure_among_answers() -> None:
    answers = run(["a", "bad", "b"], n_jobs=2)
    assert [type(a) for a in answers] == [Prediction, Failure, Prediction]


def test_few_files_are_shared_among_the_processes() -> None:
    answers = run([str(i) for i in range(16)], n_jobs=2, batch_size=16)
    assert {a.end_s for a in answers if isinstance(a, Prediction)} == {2}


@pytest.mark.parametrize("deadly", [{0}, {9}, {19}, {3, 4, 17}])
def test_a_dead_process_costs_one_file(deadly: set[int]) -> None:
    paths = [f"{i}-{'deadly' if i in deadly else 'good'}" for i in range(20)]
    answers = run(paths, n_jobs=2, batch_size=3)
    assert [a.source for a in answers] == paths
    failed = {i for i, a in enumerate(answers) if isinstance(a, Failure)}
    assert failed == deadly
    for i in failed:
        assert "ended the process" in answers[i].to_dict()["error"]


def test_only_a_few_chunks_are_taken_ahead() -> None:
    class Watched(list[str]):
        taken = 0

        def __iter__(self) -> Iterator[str]:
            for path in super().__iter__():
                self.taken += 1
                yield path

    paths = Watched(str(i) for i in range(1000))
    answers = predict_files(paths, opening=FakeOpening(), n_jobs=2, batch_size=5)
    next(answers)
    assert paths.taken == 20
    answers.close()


def test_cores_are_those_this_process_may_use() -> None:
    assert 1 <= n_cores() <= (os.cpu_count() or 1)
