"""What a wide run is to do: a sorted table of entries, cut into shards that never change."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from serotone.audio.find import find_files
from serotone.cluster.entry import Entry
from serotone.cluster.storage import check_protocols, file_system, find_objects, is_uri
from serotone.errors import ConfigError

SHARD_SIZES = (128, 4096)
"""Fewest and most entries of a shard: what a death costs, and what a part file holds."""

FULL_SHARDS = 2000
"""From so many on, shards grow instead of becoming more."""

SCHEMA = pa.schema(
    [
        # Bytes, since a file name need not be text.
        ("path", pa.binary()),
        ("start_s", pa.float64()),
        ("end_s", pa.float64()),
    ]
)


@dataclass(frozen=True)
class Manifest:
    """Entries in order, each once.

    Attributes:
        table: of ``SCHEMA``.
        shard_size: entries of a shard.
    """

    table: pa.Table
    shard_size: int

    @classmethod
    def of(cls, words: Sequence[str], *, shard_size: int | None = None) -> Manifest:
        """The entries that the words of a command line mean.

        Args:
            words: files, folders, globs, URIs of these, and manifests: Parquet files or folders
                of them whose name ends in ``.parquet``, with a column ``path`` and, where an entry
                is a stretch of a file, ``start_s`` and ``end_s``.
            shard_size: chosen by the number of entries where None.

        Raises:
            ConfigError: when there are no entries, or a manifest or store cannot be used.
        """
        tables = [_read_manifest(w) if w.endswith(".parquet") else _table(w) for w in words]
        table = pa.concat_tables(tables)
        if not len(table):
            raise ConfigError(
                f"no recordings in {', '.join(words)}. Name files or folders with some."
            )
        keys = table.column_names
        table = table.group_by(keys).aggregate([]).select(keys)
        table = table.sort_by([(key, "ascending") for key in keys]).combine_chunks()
        uris = table["path"].filter(pc.match_substring(table["path"], "://"))
        check_protocols(_name(path) for path in uris.to_pylist())
        return cls(table, shard_size or _shard_size(len(table)))

    @property
    def n_shards(self) -> int:
        return -(-len(self.table) // self.shard_size)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all entries and of how they are cut."""
        digest = hashlib.sha256(f"{self.shard_size}\n".encode())
        for batch in self.table.to_batches(max_chunksize=65_536):
            # No file name holds a zero byte.
            digest.update(b"\0".join(batch["path"].to_pylist()) + b"\0\0")
            for key in ("start_s", "end_s"):
                values = batch[key].fill_null(np.nan).to_numpy(zero_copy_only=False)
                digest.update(values.astype("<f8").tobytes())
        return digest.hexdigest()

    def to_bytes(self) -> bytes:
        """As a Parquet file, a row group for each shard."""
        buffer = io.BytesIO()
        pq.write_table(self.table, buffer, row_group_size=self.shard_size)
        return buffer.getvalue()


def entries_of(manifest: pq.ParquetFile, shard: int) -> list[Entry]:
    """The entries of one shard of a manifest that was written by ``Manifest.to_bytes``."""
    columns = manifest.read_row_group(shard).to_pydict()
    rows = zip(columns["path"], columns["start_s"], columns["end_s"], strict=True)
    return [Entry(_name(path), start_s, end_s) for path, start_s, end_s in rows]


def _shard_size(n_entries: int) -> int:
    least, most = SHARD_SIZES
    return max(least, min(most, -(-n_entries // FULL_SHARDS)))


def _name(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")


def _table(word: str) -> pa.Table:
    paths = find_objects(word) if is_uri(word) else map(str, find_files([word]))
    names = [path.encode("utf-8", "surrogateescape") for path in paths]
    return pa.table([names, [0.0] * len(names), [None] * len(names)], schema=SCHEMA)


def _read_manifest(word: str) -> pa.Table:
    system, name = file_system(word)
    try:
        table = ds.dataset(name, filesystem=system, format="parquet").to_table()
    except FileNotFoundError:
        raise ConfigError(f"{word}: no such manifest, expected a Parquet file.") from None
    except (OSError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"{word}: cannot be read as a manifest: {reason}") from None
    if "path" not in table.column_names:
        raise ConfigError(
            f"{word}: got columns {', '.join(table.column_names)}, expected 'path'. Rename one."
        )
    length = len(table)
    try:
        start_s = _seconds(table, "start_s").fill_null(0.0)
        end_s = _seconds(table, "end_s")
        columns = [table["path"].cast(pa.string()).cast(pa.binary()), start_s, end_s]
    except pa.ArrowException as error:
        raise ConfigError(f"{word}: {error}. Write path as text and seconds as numbers.") from None
    if table["path"].null_count:
        raise ConfigError(f"{word}: {table['path'].null_count} row(s) without a path. Drop them.")
    late = pc.greater_equal(start_s, pc.fill_null(end_s, float("inf")))
    bad = pc.or_(pc.less(start_s, 0.0), late)
    if length and pc.any(bad).as_py():
        row = pc.index(bad, True).as_py()
        raise ConfigError(
            f"{word}: row {row} goes from {start_s[row]} s to {end_s[row]} s, "
            "expected 0 <= start_s < end_s. Correct it."
        )
    return pa.table(columns, schema=SCHEMA)


def _seconds(table: pa.Table, key: str) -> pa.ChunkedArray:
    """A column of seconds without NaN; nulls where there is none."""
    if key not in table.column_names:
        return pa.chunked_array([pa.nulls(len(table), pa.float64())])
    values = table[key].cast(pa.float64())
    return pc.if_else(pc.is_finite(values), values, pa.scalar(None, pa.float64()))
