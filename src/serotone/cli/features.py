"""``serotone features``: recordings in, a table of features out."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from serotone.cli.cluster import Engine, features_wide
from serotone.cli.predict import FEW_FILES, find
from serotone.errors import ConfigError, MissingExtraError
from serotone.features import NAMES

FAILURES_SHOWN = 10


def features(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH", help="Files, folders, globs.", show_default=False),
    ],
    place: Annotated[
        str,
        typer.Option(
            "--out",
            "-o",
            metavar="PATH",
            help="The table, a .parquet file; with --engine ray a folder or URI.",
            show_default=False,
        ),
    ],
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            "-s",
            metavar="NAME",
            help=f"A feature set, more than once for several: {', '.join(NAMES)}.",
            show_default="all",
        ),
    ] = None,
    summary: Annotated[
        str, typer.Option(metavar="NAMES", help="What the frames of a file are summed up by.")
    ] = "mean,std,min,max",
    frames: Annotated[
        bool, typer.Option("--frames", help="One row a frame, not one a file.")
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs", "-j", min=1, help="Processes; one for few files, else one per core."
        ),
    ] = None,
    engine: Annotated[
        Engine,
        typer.Option(help="ray takes manifests and URIs too, and many machines (docs/scaling.md)."),
    ] = Engine.local,
    address: Annotated[
        str | None,
        typer.Option(help="With --engine ray: of a cluster, or auto; this machine where empty."),
    ] = None,
) -> None:
    """Write features of recordings to a Parquet table.

    A file that cannot be read is a row with its error, and the rest go on; the exit status is 1
    when any failed. A run that was stopped goes on when the same command is given again.
    """
    out = Path(place)
    if engine is Engine.local and out.suffix != ".parquet":
        raise ConfigError(f"--out got '{out}', expected a file that ends in .parquet. Rename it.")
    statistics = tuple(name for name in map(str.strip, summary.split(",")) if name)
    if not statistics and not frames:
        raise ConfigError("--summary got nothing, expected some of mean, std, min, max.")
    try:
        from serotone.jobs.feature_rows import FeatureWork
        from serotone.jobs.feature_table import write_features
    except ImportError as error:
        package = error.name or "torch"
        raise MissingExtraError("a table of features", "train", package) from None
    work = FeatureWork(tuple(sets or NAMES), () if frames else statistics)
    if engine is Engine.ray:
        raise typer.Exit(features_wide(paths, work, out=place, address=address, n_workers=jobs))
    files = find(paths)
    if jobs is None and len(files) < FEW_FILES:
        jobs = 1
    with progress(len(files)) as on_file:
        failures = write_features(files, out, work, n_jobs=jobs, on_file=on_file)
    for failure in failures[:FAILURES_SHOWN]:
        print(f"serotone: {failure.error}", file=sys.stderr)
    if failures:
        print(f"serotone: {len(failures)} of {len(files)} files failed.", file=sys.stderr)
        raise typer.Exit(1)


@contextlib.contextmanager
def progress(n_files: int) -> Iterator[Callable[[], None]]:
    """A bar on standard error where a person looks at it; what to call for each file done."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as progress:
        task = progress.add_task("", total=n_files)
        yield lambda: progress.advance(task)
