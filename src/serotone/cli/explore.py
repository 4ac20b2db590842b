"""``serotone corpus explore``: corpora as a page to look at and to listen to."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from serotone.cli.corpus_options import reader_options
from serotone.errors import ConfigError

FAILED = 1
OUT = Path("explore.html")


def explore(
    names: Annotated[
        list[str],
        typer.Argument(metavar="NAME...", help="Corpora, as serotone corpus list names them."),
    ],
    root: Annotated[
        Path | None,
        typer.Option(help="The corpus's own folder; CORPORA/NAME where it is not given."),
    ] = None,
    corpora: Annotated[
        Path, typer.Option(envvar="SEROTONE_CORPORA", help="Folder with a folder for each corpus.")
    ] = Path("corpora"),
    out: Annotated[Path, typer.Option("--out", "-o", help="The page to write.")] = OUT,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change the reader, as speaker='(\\w+)_'."),
    ] = None,
) -> None:
    """Write a page about corpora: how many clips, how loud, each emotion to hear.

    One HTML file that needs no network. Exits 1 when files could not be read; it lists them.
    """
    from serotone.corpora import CORPORA, read
    from serotone.explore.corpus_page import explore, write_page

    if len(names) > 1 and (root is not None or assignments):
        raise ConfigError("--root and --set are for one corpus. Name one, or use --corpora.")
    options = reader_options(assignments)
    explored = []
    for name in names:
        folder = root or corpora / name
        reading = read(name, folder, **options)
        with _progress(name) as progress:
            explored.append(explore(CORPORA.get(name).info, folder, reading, progress=progress))
    with _working():
        path = write_page(explored, out)
    typer.echo(path)
    n_failed = sum(len(corpus.failures) for corpus in explored)
    if n_failed:
        print(f"{n_failed} file(s) could not be read; the page lists them.", file=sys.stderr)
        raise typer.Exit(FAILED)


@contextlib.contextmanager
def _progress(name: str) -> Iterator[Callable[[int, int], object] | None]:
    """A bar on standard error, none where that is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False)
    with bar:
        task = bar.add_task(f"measuring {name}", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextlib.contextmanager
def _working() -> Iterator[None]:
    """Something that moves while pictures are drawn."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status("drawing pictures and altering sounds"):
        yield
