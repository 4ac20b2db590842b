"""A Parquet table of many recordings, in constant memory; a run that was killed goes on.

The work is done in parts of a few files. Each part is a file in a folder beside the table, named
by what it was made from: the work, and the name, size and age of its recordings. So a later run
finds what an earlier one finished, makes the rest, and joins all of them at the end.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from serotone.errors import ConfigError
from serotone.jobs.feature_rows import FeatureWork, Row, error_row
from serotone.jobs.pool import over_processes
from serotone.types import Failure

FILES_PER_PART = 32
FILES_AT_ONCE = 4
ROWS_AT_ONCE = 1024
ROWS_PER_GROUP = 4096


def write_features(
    paths: Sequence[str],
    out: Path,
    work: FeatureWork,
    *,
    n_jobs: int | None = None,
    on_file: Callable[[], None] = lambda: None,
) -> list[Failure]:
    """Write a table of features of recordings, in the order of ``paths``.

    Args:
        paths: recordings, each once.
        out: the table, replaced when all is done. Until then there is a folder ``OUT.parts``.
        work: what to compute.
        n_jobs: processes; one per core where None.
        on_file: called for each file that is done, those of an earlier run included.

    Returns:
        The files that could not be used; each has a row too, with nothing but its error.

    Raises:
        ConfigError: when the table cannot be written.
    """
    folder = out.with_name(out.name + ".parts")
    chunks = [list(paths[i : i + FILES_PER_PART]) for i in range(0, len(paths), FILES_PER_PART)]
    parts = [folder / f"{_key(chunk, work)}.parquet" for chunk in chunks]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        missing = [(c, p) for c, p in zip(chunks, parts, strict=True) if not p.exists()]
        for chunk, part in zip(chunks, parts, strict=True):
            for _ in chunk if part.exists() else ():
                on_file()
        rows = _compute([path for chunk, _ in missing for path in chunk], work, n_jobs)
        for chunk, part in missing:
            _write_part(part, islice(rows, len(chunk)), work.schema(), on_file)
        failures = _join(parts, out, work.schema())
    except OSError as error:
        raise ConfigError(f"{out}: cannot be written: {error.strerror or error}.") from None
    shutil.rmtree(folder)
    return failures


def _key(chunk: Sequence[str], work: FeatureWork) -> str:
    """A name that changes with the work and with any of the files."""
    digest = hashlib.sha256(work.about.encode())
    for path in chunk:
        try:
            status = Path(path).stat()
            state = f"{status.st_size} {status.st_mtime_ns}"
        except OSError:
            state = "missing"
        digest.update(f"\n{path}\t{state}".encode(errors="surrogateescape"))
    return digest.hexdigest()[:24]


def _compute(paths: Sequence[str], work: FeatureWork, n_jobs: int | None) -> Iterator[list[Row]]:
    """The rows of each file, in order."""
    if not paths:
        return
    if n_jobs == 1:
        answer = work.open()
        yield from chain.from_iterable(answer([path]) for path in paths)
        return
    for rows in over_processes(paths, work, n_jobs=n_jobs, chunk_size=FILES_AT_ONCE):
        yield [error_row(rows.source, rows.error)] if isinstance(rows, Failure) else rows


def _write_part(
    part: Path, files: Iterator[list[Row]], schema: pa.Schema, on_file: Callable[[], None]
) -> None:
    """Write a part under another name and rename it, so that one that exists is whole."""
    draft = part.with_suffix(".draft")
    with pq.ParquetWriter(draft, schema) as writer:
        waiting: list[Row] = []
        for rows in files:
            waiting += rows
            if len(waiting) >= ROWS_AT_ONCE:
                writer.write_table(pa.Table.from_pylist(waiting, schema=schema))
                waiting.clear()
            on_file()
        if waiting:
            writer.write_table(pa.Table.from_pylist(waiting, schema=schema))
    draft.replace(part)


def _join(parts: Sequence[Path], out: Path, schema: pa.Schema) -> list[Failure]:
    """Copy all parts into one table of large row groups; a few groups are held at a time."""
    failures: list[Failure] = []
    draft = out.with_name(out.name + ".draft")
    try:
        with pq.ParquetWriter(draft, schema) as writer:
            waiting: list[pa.Table] = []
            for part in parts:
                for table in _groups(part):
                    failures += _failures(table)
                    waiting.append(table)
                    if sum(t.num_rows for t in waiting) >= ROWS_PER_GROUP:
                        writer.write_table(pa.concat_tables(waiting))
                        waiting.clear()
            if waiting:
                writer.write_table(pa.concat_tables(waiting))
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)
    return failures


def _groups(part: Path) -> Iterator[pa.Table]:
    with pq.ParquetFile(part) as file:
        for i in range(file.num_row_groups):
            yield file.read_row_group(i)


def _failures(table: pa.Table) -> list[Failure]:
    columns = table.select(["path", "error"]).to_pylist()
    return [Failure(row["path"], row["error"]) for row in columns if row["error"] is not None]
