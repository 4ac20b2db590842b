"""``--engine ray``: the same commands over a cluster, with a folder as their result."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from serotone.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from serotone.cluster.worker import WideWork
    from serotone.inference.options import Opening
    from serotone.jobs.feature_rows import FeatureWork

LINE_EVERY_S = 10.0
"""Between lines of progress, where standard error is no terminal."""

FAILURES_SHOWN = 10


class Engine(StrEnum):
    """What runs the work."""

    local = "local"
    ray = "ray"


def predict_wide(
    words: Sequence[str],
    opening: Opening,
    *,
    out: str | None,
    address: str | None,
    n_workers: int | None,
    batch_size: int,
) -> int:
    """Predict over a cluster; the exit status.

    Raises:
        ConfigError: when nothing says where the result goes, or it cannot go there.
        MissingExtraError: when Ray is not installed.
    """
    _need_ray()
    from serotone.cluster.worker import Predicting

    work = Predicting.of(opening, batch_size=batch_size)
    return _run(words, work, "predictions", out=out, address=address, n_workers=n_workers)


def features_wide(
    words: Sequence[str],
    work: FeatureWork,
    *,
    out: str,
    address: str | None,
    n_workers: int | None,
) -> int:
    """Compute features over a cluster; the exit status.

    Raises:
        ConfigError: when the result cannot go there.
        MissingExtraError: when Ray is not installed.
    """
    _need_ray()
    from serotone.cluster.features import Featuring

    wide = Featuring(work)
    return _run(words, wide, "features", out=out, address=address, n_workers=n_workers)


def _need_ray() -> None:
    try:
        import fsspec  # noqa: F401
        import pyarrow  # noqa: F401
        import ray.data  # noqa: F401
    except ImportError as error:
        package = (error.name or "ray").partition(".")[0]
        raise MissingExtraError("--engine ray", "ray", package) from None


def _run(
    words: Sequence[str],
    work: WideWork,
    parts: str,
    *,
    out: str | None,
    address: str | None,
    n_workers: int | None,
) -> int:
    from serotone.cluster.engine import run_wide
    from serotone.cluster.manifest import Manifest
    from serotone.cluster.output_dir import OutFolder

    if not out:
        raise ConfigError("--engine ray writes a folder of Parquet files. Name it with --out DIR.")
    if "-" in words:
        raise ConfigError("--engine ray cannot read standard input. Name files or folders.")
    manifest = Manifest.of(words)
    folder = OutFolder.at(out, parts=parts)
    with _progress(len(manifest.table)) as on_progress:
        summary = run_wide(
            manifest,
            work,
            folder,
            address=address,
            n_workers=n_workers,
            on_progress=on_progress,
        )
    n_failed = summary["n_failed"]
    for (_, error), _ in zip(folder.failures(), range(FAILURES_SHOWN), strict=False):
        print(f"serotone: {error}", file=sys.stderr)
    if n_failed:
        of = f"{n_failed} of {summary['n_entries']} failed"
        print(f"serotone: {of}; all are in {folder.root}/errors", file=sys.stderr)
    return int(n_failed > 0)


@contextlib.contextmanager
def _progress(n_entries: int) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error where a person looks at it, else a line now and then."""
    if not sys.stderr.isatty():
        yield _Lines(n_entries)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[n_failed]} failed"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as progress:
        task = progress.add_task("", total=n_entries, n_failed=0)
        total_failed = 0

        def on_progress(n_done: int, n_failed: int) -> None:
            nonlocal total_failed
            total_failed += n_failed
            progress.update(task, advance=n_done, n_failed=total_failed)

        yield on_progress


class _Lines:
    """Progress as lines, for logs."""

    def __init__(self, n_entries: int) -> None:
        self._n_entries = n_entries
        self._n_done = self._n_failed = 0
        self._next_s = time.monotonic() + LINE_EVERY_S

    def __call__(self, n_done: int, n_failed: int) -> None:
        self._n_done += n_done
        self._n_failed += n_failed
        if time.monotonic() >= self._next_s or self._n_done == self._n_entries:
            self._next_s = time.monotonic() + LINE_EVERY_S
            print(
                f"serotone: {self._n_done} of {self._n_entries} done, {self._n_failed} failed",
                file=sys.stderr,
            )
