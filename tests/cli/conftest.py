"""A Recognizer that answers at once, for what the command line does around it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import pytest
from typer.testing import CliRunner, Result

from serotone.cli import app
from serotone.errors import LabelError
from serotone.inference.options import Opening
from serotone.labels import CANONICAL
from serotone.types import Audio, Failure, Prediction


@dataclass(frozen=True)
class FakeRecognizer:
    """The first label is the answer, at 0.6; files with 'bad' in their name fail."""

    labels: tuple[str, ...] = CANONICAL

    def answer(self, source: str) -> Prediction:
        rest = 0.4 / (len(self.labels) - 1)
        probabilities = dict.fromkeys(self.labels, rest) | {self.labels[0]: 0.6}
        return Prediction(source, 0.0, 2.5, probabilities, self.labels[0], 0.6)

    def predict_audio(self, audio: Audio) -> Prediction:
        return self.answer(audio.source)

    def predict_files(
        self, paths: Iterable[str], *, batch_size: int
    ) -> Iterator[Prediction | Failure]:
        for path in paths:
            if "bad" in path:
                yield Failure(path, f"{path}: not sound, expected a recording. Convert it.")
            else:
                yield self.answer(path)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every opened Recognizer is the fake."""

    def opened(opening: Opening, *, n_threads: int | None = None) -> FakeRecognizer:
        unknown = set(opening.labels) - set(CANONICAL)
        if unknown:
            raise LabelError(f"unknown label '{min(unknown)}'. Known: happy.")
        return FakeRecognizer(opening.labels or CANONICAL)

    monkeypatch.setattr(Opening, "open", opened)


@pytest.fixture
def serotone() -> Callable[..., Result]:
    """Run the command line in this process."""

    def run(*words: str, **options: object) -> Result:
        return CliRunner(env={"COLUMNS": "80"}).invoke(app, list(words), **options)

    return run
