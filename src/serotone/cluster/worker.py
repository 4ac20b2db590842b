"""What a machine of a wide run does with entries, and how it treats those that end its process."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from serotone.cluster.entry import Entry
from serotone.cluster.manifest import entries_of
from serotone.cluster.output_dir import ATTEMPTS, Done, OutFolder, part_name
from serotone.cluster.storage import Reader
from serotone.errors import AudioError
from serotone.inference.options import Opening
from serotone.jobs.prediction_table import prediction_schema, row_of
from serotone.store.layout import DESCRIPTION, ONNX
from serotone.store.layout import sha256 as file_sha256
from serotone.store.load import resolve
from serotone.types import Audio, Prediction

MODEL_FILES = (ONNX, DESCRIPTION)

Answer = list[dict[str, Any]] | str
"""Rows of an entry, or why there are none."""

BOLD_TRIES = 2
"""Attempts at a shard after which it is done entry by entry, to find what ends the process."""

DEATHS = 2
"""Deaths at one entry, alone, after which it is a failure. One may be anybody's fault."""


class WideWork(Protocol):
    """What to do with entries. It crosses to other machines, so it must pickle."""

    @property
    def about(self) -> Mapping[str, Any]:
        """The work as JSON; the same value gives the same rows."""

    def files(self) -> Mapping[str, bytes]:
        """What workers need and other machines may not have; it is kept beside the parts."""

    def schema(self) -> pa.Schema:
        """Of the rows."""

    def open(self, fetch: Callable[[str], bytes]) -> Callable[[Sequence[Entry]], list[Answer]]:
        """Make ready, in a process of one's own, what answers entries.

        Args:
            fetch: gives one of ``files`` by name.
        """


@dataclass(frozen=True, slots=True)
class Predicting:
    """A model that is to hear entries.

    Attributes:
        opening: the model and what to make of its answers.
        labels: that it chooses among.
        sha256: of the model's files.
        batch_size: entries that go through the model at once.
    """

    opening: Opening
    labels: tuple[str, ...]
    sha256: str
    batch_size: int = 16

    @classmethod
    def of(cls, opening: Opening, *, batch_size: int = 16) -> Predicting:
        """The work of an opening.

        Raises:
            ModelError: when there is no such model, or its files were altered.
            LabelError: when the model does not know one of the labels.
        """
        labels = opening.open(n_threads=1).labels
        folder = resolve(opening.model)
        sha256 = " ".join(file_sha256(folder / name) for name in MODEL_FILES)
        return cls(opening, labels, sha256, batch_size)

    @property
    def about(self) -> Mapping[str, Any]:
        options = dataclasses.asdict(self.opening) | {"labels": list(self.labels)}
        del options["model"]  # wherever it is: its sum tells which
        return {"command": "predict", "sha256": self.sha256, **options}

    def files(self) -> Mapping[str, bytes]:
        folder = resolve(self.opening.model)
        return {f"model/{name}": (folder / name).read_bytes() for name in MODEL_FILES}

    def schema(self) -> pa.Schema:
        return prediction_schema(self.labels)

    def open(self, fetch: Callable[[str], bytes]) -> Callable[[Sequence[Entry]], list[Answer]]:
        with tempfile.TemporaryDirectory() as folder:
            for name in MODEL_FILES:
                Path(folder, name).write_bytes(fetch(f"model/{name}"))
            opening = dataclasses.replace(self.opening, model=Path(folder))
            recognizer = opening.open(n_threads=1)
        reader = Reader(recognizer.sample_rate)

        def answer(entries: Sequence[Entry]) -> list[Answer]:
            heard = [_read(reader, entry) for entry in entries]
            audios = [audio for audio in heard if isinstance(audio, Audio)]
            predictions = iter(recognizer.predict_batch(audios) if audios else [])
            return [h if isinstance(h, str) else [_row(next(predictions))] for h in heard]

        def by_batches(entries: Sequence[Entry]) -> list[Answer]:
            starts = range(0, len(entries), self.batch_size)
            batches = (answer(entries[i : i + self.batch_size]) for i in starts)
            return list(itertools.chain.from_iterable(batches))

        return by_batches


def _read(reader: Reader, entry: Entry) -> Audio | str:
    try:
        return reader.read(entry)
    except AudioError as error:
        return str(error)


def _row(prediction: Prediction) -> dict[str, Any]:
    row = row_of(prediction)
    del row["error"]
    return row


class Worker:
    """Does shards, in a process that may die at any time.

    Args:
        work: what to do.
        out: where the manifest is and the parts go.
        home: the folder that relative paths are seen from.
    """

    def __init__(self, work: WideWork, out: OutFolder, home: str) -> None:
        # On a machine without this folder relative paths fail, each with its reason.
        with contextlib.suppress(OSError):
            os.chdir(home)
        self._out = out
        self._schema = work.schema()
        self._answer = work.open(out.read)
        self._manifest = out.manifest()

    def do(self, shard: int) -> Done:
        """Do a shard that is not done yet."""
        done = self._out.done(shard)
        if done is not None:
            return done
        entries = entries_of(self._manifest, shard)
        log = AttemptLog(self._out, shard)
        log.begin()
        if log.tries <= BOLD_TRIES:
            answers = self._answer(entries)
        else:
            answers = [self._carefully(entry, i, log) for i, entry in enumerate(entries)]
        rows: list[dict[str, Any]] = []
        failed: list[tuple[Entry, str]] = []
        for entry, answer in zip(entries, answers, strict=True):
            if isinstance(answer, str):
                failed.append((entry, answer))
            else:
                rows += answer
        table = pa.Table.from_pylist(rows, schema=self._schema)
        done = self._out.write_part(shard, table, failed, n_entries=len(entries))
        log.end()
        return done

    def _carefully(self, entry: Entry, index: int, log: AttemptLog) -> Answer:
        if log.deaths(index) >= DEATHS:
            return f"{entry.path}: reading it ended the process. Check or convert the file."
        with log.at(index):
            return self._answer([entry])[0]


class AttemptLog:
    """What earlier attempts at a shard came to, kept beside the parts.

    Args:
        out: folder of the run.
        shard: its number.
    """

    def __init__(self, out: OutFolder, shard: int) -> None:
        self._out = out
        self._name = f"{ATTEMPTS}/{part_name(shard).replace('.parquet', '.json')}"
        self._deaths: dict[str, int] = {}
        self.tries = 0

    def begin(self) -> None:
        """Count this attempt, and what the one before died of."""
        with contextlib.suppress(FileNotFoundError):
            before = json.loads(self._out.read(self._name))
            self._deaths, self.tries = before["deaths"], before["tries"]
            if before["at"] is not None:
                at = str(before["at"])
                self._deaths[at] = self._deaths.get(at, 0) + 1
        self.tries += 1
        self._write(None)

    def deaths(self, index: int) -> int:
        """How many attempts died at an entry."""
        return self._deaths.get(str(index), 0)

    @contextlib.contextmanager
    def at(self, index: int) -> Any:
        """Say that an entry is being done. One that has raised an error did not die of it."""
        self._write(index)
        try:
            yield
        except BaseException:
            self._write(None)
            raise

    def end(self) -> None:
        """Forget: the shard is done."""
        self._out.remove(self._name)

    def _write(self, at: int | None) -> None:
        state = {"tries": self.tries, "deaths": self._deaths, "at": at}
        self._out.write(self._name, json.dumps(state).encode())
