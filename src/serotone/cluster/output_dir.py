"""The folder that a wide run writes: each shard once, whole or not at all.

``predictions/part-000007.parquet`` is written under another name and renamed (an object store
commits an object when it is complete), so a part that is there is whole. It is the only thing that
says a shard is done. Which table of errors belongs to it stands in its own metadata, so that two
workers that did one shard, of which one was believed dead, leave one result.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import uuid
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from serotone.cluster.entry import Entry
from serotone.cluster.manifest import Manifest
from serotone.cluster.storage import file_system, is_uri
from serotone.errors import ConfigError

MANIFEST, RUN, SUMMARY = "manifest.parquet", "run.json", "summary.json"
ERRORS, ATTEMPTS = "errors", "attempts"

METADATA_KEY = b"serotone"

ERROR_SCHEMA = pa.schema(
    [
        ("path", pa.string()),
        ("start_s", pa.float64()),
        ("end_s", pa.float64()),
        ("error", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class Done:
    """What a part says of its shard.

    Attributes:
        shard: its number.
        n_entries: all of it.
        n_failed: those in its table of errors.
        errors: name of that table in ``errors/``, empty where none failed.
    """

    shard: int
    n_entries: int
    n_failed: int
    errors: str


@dataclass(frozen=True, slots=True)
class OutFolder:
    """A folder on a disk that all machines see, or in an object store.

    Attributes:
        root: an absolute path, or a URI.
        parts: name of the folder of parts in it.
    """

    root: str
    parts: str

    @classmethod
    def at(cls, place: str, *, parts: str) -> OutFolder:
        """The folder at a path or URI."""
        return cls(place.rstrip("/") if is_uri(place) else str(Path(place).absolute()), parts)

    def begin(
        self, manifest: Manifest, about: Mapping[str, Any], files: Mapping[str, bytes]
    ) -> bool:
        """Write down what the folder is a run of; True where an earlier run is gone on with.

        Args:
            manifest: of the run.
            about: the work.
            files: that workers need.

        Raises:
            ConfigError: when it holds another run or other files, or cannot be written.
        """
        run = {
            "fingerprint": manifest.fingerprint,
            "n_entries": len(manifest.table),
            "shard_size": manifest.shard_size,
            "work": about,
        }
        try:
            before = self._before()
            if before is None:
                for folder in (self.parts, ERRORS, ATTEMPTS):
                    self._system.makedirs(self._name(folder), exist_ok=True)
                self.write(MANIFEST, manifest.to_bytes())
                for name, data in files.items():
                    folder = self._name(name).rpartition("/")[0]
                    self._system.makedirs(folder, exist_ok=True)
                    self.write(name, data)
                self.write(RUN, json.dumps(run, indent=2).encode())
        except OSError as error:
            reason = error.strerror or error
            raise ConfigError(f"--out {self.root}: cannot be written: {reason}.") from None
        if before is not None and before != json.loads(json.dumps(run)):
            what = "files" if before.get("work") == run["work"] else "model or options"
            raise ConfigError(
                f"--out {self.root} holds a run of other {what}. "
                "Give another --out, or remove the folder to start over."
            )
        return before is not None

    def _before(self) -> dict[str, Any] | None:
        if self._system.exists(self._name(RUN)):
            before: dict[str, Any] = json.loads(self.read(RUN))
            return before
        known = {MANIFEST, self.parts, ERRORS, ATTEMPTS, "model"}
        others = [n for n in self.names("") if n not in known and not n.startswith(".")]
        if others:
            raise ConfigError(
                f"--out {self.root} holds other files, such as '{others[0]}'. "
                "Give an empty folder or a new one."
            )
        return None

    def manifest(self) -> pq.ParquetFile:
        """The manifest, a row group for each shard."""
        return pq.ParquetFile(self._name(MANIFEST), filesystem=self._system)

    def finished(self) -> set[int]:
        """The shards that are done."""
        names = (
            n for n in self.names(self.parts) if n.startswith("part-") and n.endswith(".parquet")
        )
        return {int(name.removeprefix("part-").removesuffix(".parquet")) for name in names}

    def done(self, shard: int) -> Done | None:
        """What was done of a shard, None where it is not finished."""
        try:
            metadata = pq.read_schema(
                self._name(f"{self.parts}/{part_name(shard)}"), filesystem=self._system
            ).metadata
        except FileNotFoundError:
            return None
        return Done(**json.loads(metadata[METADATA_KEY])["done"])

    def write_part(
        self,
        shard: int,
        table: pa.Table,
        failed: Sequence[tuple[Entry, str]],
        *,
        n_entries: int,
    ) -> Done:
        """Write the answers of a shard and its errors; it is done when this returns."""
        errors = ""
        if failed:
            errors = part_name(shard, uuid.uuid4().hex[:8])
            rows = [(as_text(e.path), e.start_s, e.end_s, as_text(why)) for e, why in failed]
            columns = [list(column) for column in zip(*rows, strict=True)]
            self.write(f"{ERRORS}/{errors}", _to_bytes(pa.table(columns, schema=ERROR_SCHEMA)))
        done = Done(shard, n_entries, len(failed), errors)
        before = json.loads((table.schema.metadata or {}).get(METADATA_KEY, b"{}"))
        metadata = {METADATA_KEY: json.dumps({**before, "done": asdict(done)})}
        self.write(
            f"{self.parts}/{part_name(shard)}", _to_bytes(table.replace_schema_metadata(metadata))
        )
        return done

    def finish(self, n_shards: int) -> dict[str, int]:
        """Check that all shards are there, drop errors of attempts that lost, and sum up.

        Raises:
            ConfigError: when a part is missing.
        """
        with ThreadPoolExecutor(16) as pool:
            found = list(pool.map(self.done, range(n_shards)))
        parts = [done for done in found if done is not None]
        if len(parts) < n_shards:
            raise ConfigError(
                f"--out {self.root}: {n_shards - len(parts)} of {n_shards} parts are missing. "
                "Give the same command again."
            )
        valid = {done.errors for done in parts}
        for name in set(self.names(ERRORS)) - valid:
            self.remove(f"{ERRORS}/{name}")
        for name in self.names(ATTEMPTS):
            self.remove(f"{ATTEMPTS}/{name}")
        n_failed = sum(done.n_failed for done in parts)
        n_entries = sum(done.n_entries for done in parts)
        summary = {
            "n_entries": n_entries,
            "n_answered": n_entries - n_failed,
            "n_failed": n_failed,
            "n_parts": n_shards,
        }
        self.write(SUMMARY, json.dumps(summary, indent=2).encode())
        return summary

    def failures(self) -> Iterable[tuple[str, str]]:
        """Path and error of each entry that failed, part by part."""
        for name in sorted(self.names(ERRORS)):
            table = pq.read_table(self._name(f"{ERRORS}/{name}"), filesystem=self._system)
            yield from zip(table["path"].to_pylist(), table["error"].to_pylist(), strict=True)

    def write(self, name: str, data: bytes) -> None:
        """Write a file so that it is there whole or not at all."""
        if is_uri(self.root):
            self._system.pipe_file(self._name(name), data)
            return
        path = Path(self.root, name)
        draft = path.with_name(f".{path.name}-{uuid.uuid4().hex[:8]}")
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)

    def read(self, name: str) -> bytes:
        """All of a file."""
        data: bytes = self._system.cat_file(self._name(name))
        return data

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            self._system.rm_file(self._name(name))

    def names(self, folder: str) -> list[str]:
        """Names of what is in a folder; none where there is no such folder."""
        place = self._name(folder) if folder else self._name("").rstrip("/")
        try:
            # Listings are kept by some stores: other processes write here.
            self._system.invalidate_cache()
            found = self._system.ls(place, detail=False)
        except FileNotFoundError:
            return []
        return [name for name in (f.rstrip("/").rpartition("/")[2] for f in found) if name]

    @property
    def _system(self) -> Any:
        return file_system(self.root)[0]

    def _name(self, name: str) -> str:
        return f"{file_system(self.root)[1]}/{name}"


def part_name(shard: int, attempt: str = "") -> str:
    """Name of a part.

    Example:
        >>> part_name(7)
        'part-000007.parquet'
    """
    return f"part-{shard:06d}{'-' * bool(attempt)}{attempt}.parquet"


def as_text(path: str) -> str:
    """A file name as a table can hold it: bytes that are not UTF-8 become question marks."""
    return path.encode(errors="surrogateescape").decode(errors="replace")


def _to_bytes(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()
