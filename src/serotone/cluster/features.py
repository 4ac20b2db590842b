"""Features of recordings over a cluster."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from serotone.cluster.entry import Entry
from serotone.cluster.storage import fetch, is_uri
from serotone.cluster.worker import Answer
from serotone.errors import AudioError
from serotone.jobs.feature_rows import FeatureWork, Row


@dataclass(frozen=True, slots=True)
class Featuring:
    """The rows of a feature table, without the column of errors: those have their own table."""

    work: FeatureWork

    @property
    def about(self) -> Mapping[str, Any]:
        return {"command": "features", **json.loads(self.work.about)}

    def files(self) -> Mapping[str, bytes]:
        return {}

    def schema(self) -> pa.Schema:
        schema = self.work.schema()
        without: pa.Schema = schema.remove(schema.get_field_index("error"))
        return without

    def open(self, fetch: Callable[[str], bytes]) -> Callable[[Sequence[Entry]], list[Answer]]:
        rows_of = self.work.start()
        return lambda entries: [_answer(rows_of, entry) for entry in entries]


def _answer(rows_of: Callable[[list[str]], list[list[Row]]], entry: Entry) -> Answer:
    if not entry.is_whole:
        return f"{entry.path}: features are of whole files. Leave start_s and end_s away."
    if not is_uri(entry.path):
        return _without_errors(rows_of([entry.path])[0])
    # Sets of features want several rates, so the file is read more than once.
    suffix = PurePosixPath(entry.path).suffix
    with tempfile.NamedTemporaryFile(suffix=suffix) as file:
        try:
            Path(file.name).write_bytes(fetch(entry.path))
        except AudioError as error:
            return str(error)
        answer = _without_errors(rows_of([file.name])[0])
        if isinstance(answer, str):
            return answer.replace(file.name, entry.path)
        return [{**row, "path": entry.path} for row in answer]


def _without_errors(rows: list[Row]) -> Answer:
    if rows and rows[0]["error"] is not None:
        return str(rows[0]["error"])
    return [{key: value for key, value in row.items() if key != "error"} for row in rows]
