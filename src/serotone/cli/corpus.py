"""``serotone corpus``: which corpora there are, how to get them, whether a copy is whole."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from serotone.cli.audit import audit
from serotone.cli.corpus_options import reader_options
from serotone.cli.explore import explore
from serotone.errors import ConfigError, CorpusError

if TYPE_CHECKING:
    from serotone.corpora import CorpusInfo
    from serotone.corpora.fetch import Progress
    from serotone.corpora.verify import Verification

FAILED = 1
WIDTH_IN_FILES = 100
PROBLEMS_SHOWN = 5

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Look at corpora and at splits of them.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(explore)
app.command()(audit)


class Format(StrEnum):
    """How a result is written."""

    table = "table"
    json = "json"


Name = Annotated[str, typer.Argument(help="A corpus, as serotone corpus list names it.")]
Root = Annotated[
    Path | None, typer.Option(help="The corpus's own folder; CORPORA/NAME where it is not given.")
]
Corpora = Annotated[
    Path, typer.Option(envvar="SEROTONE_CORPORA", help="Folder with a folder for each corpus.")
]
Written = Annotated[Format, typer.Option("--format", "-f", help="How to write the result.")]


@app.command("list")
def list_(format: Written = Format.table) -> None:
    """Say which corpora can be read, their published figures and how to get them."""
    from serotone.corpora import CORPORA

    infos = [CORPORA.get(name).info for name in CORPORA]
    if format is Format.json:
        typer.echo(json.dumps([asdict(info) for info in infos], indent=2, ensure_ascii=False))
        return
    width = max(len(info.name) for info in infos)
    console = _console()
    console.print(f"{'corpus':{width}}   clips  speakers  language  how to get it", style="bold")
    for info in infos:
        figures = f"{_figure(info.n_clips):>6}  {_figure(info.n_speakers):>8}"
        language = ", ".join(info.languages)
        console.print(f"[bold]{info.name:{width}}[/]  {figures}  {language:8}  {_way(info)}")
        about = info.title + (f"; {info.licence}" if info.licence else "")
        console.print(Padding(Text(about, style="dim"), (0, 0, 0, 4)))


@app.command()
def download(name: Name, root: Root = None, corpora: Corpora = Path("corpora")) -> None:
    """Fetch a corpus from its owners. Run again after a cut: it goes on where it stopped."""
    from serotone.corpora import CORPORA
    from serotone.corpora.download import download

    info = CORPORA.get(name).info
    folder = root or corpora / name
    typer.echo(f"{info.title}: {info.licence or 'no licence stated'}. {info.url}", err=True)
    with _download_bars() as report:
        download(info, folder, report=report)
    typer.echo(f"Now check it: serotone corpus verify {name} --root {folder}", err=True)
    typer.echo(folder)


@app.command()
def verify(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Corpora; all in CORPORA where none is given."),
    ] = None,
    root: Root = None,
    corpora: Corpora = Path("corpora"),
    expect: Annotated[
        int | None, typer.Option(min=1, help="Clips of a copy that is knowingly not whole.")
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Change the reader, as speaker='(s[0-9]+)_'."
        ),
    ] = None,
    format: Written = Format.table,
) -> None:
    """Count a corpus and open every file. Exits 1 when it is not what its owners published."""
    from serotone.corpora import CORPORA, read
    from serotone.corpora.verify import verify

    chosen = names or _found_in(corpora, CORPORA)
    if len(chosen) != 1 and (root is not None or expect is not None or assignments):
        raise ConfigError("--root, --expect and --set are for one corpus. Name it.")
    options = reader_options(assignments)
    results: list[tuple[Path, Verification]] = []
    for name in chosen:
        folder = root or corpora / name
        info, reading = CORPORA.get(name).info, read(name, folder, **options)
        results.append((folder, verify(info, reading, expect=expect, progress=_progress)))
    if format is Format.json:
        typer.echo(json.dumps([_as_json(*r) for r in results], indent=2, ensure_ascii=False))
    else:
        _print_verifications(results)
    if not all(result.passed for _, result in results):
        raise typer.Exit(FAILED)


def _found_in(corpora: Path, known: Iterable[str]) -> list[str]:
    found = [name for name in known if (corpora / name).is_dir()]
    if not found:
        raise CorpusError(
            f"no corpus in '{corpora}': expected folders named as in serotone corpus list. "
            "Name one and give its folder with --root."
        )
    return found


def _as_json(folder: Path, result: Verification) -> dict[str, object]:
    return {
        "corpus": result.info.name,
        "root": str(folder),
        "passed": result.passed,
        "n": len(result.reading),
        "expected": result.n_expected,
        "n_speakers": len({u.speaker for u in result.reading}),
        "labels": result.labels,
        "left_out": dict(result.reading.left_out),
        "problems": [
            {"path": str(p.path), "kind": p.kind, "message": p.message}
            for p in result.reading.problems
        ],
    }


def _print_verifications(results: list[tuple[Path, Verification]]) -> None:
    console = _console()
    table = _table("corpus", "clips", "expected", "speakers", "classes", "problems", "verdict")
    for _, result in results:
        kinds = Counter(p.kind for p in result.reading.problems)
        table.add_row(
            result.info.name,
            _figure(len(result.reading)),
            _figure(result.n_expected),
            _figure(len({u.speaker for u in result.reading})),
            escape(", ".join(f"{label} {n}" for label, n in result.labels.items())),
            ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items())) or "none",
            "[green]as expected[/]" if result.passed else "[red]not as expected[/]",
        )
    console.print(table)
    for _, result in results:
        problems = result.reading.problems
        for problem in problems[:PROBLEMS_SHOWN]:
            line = f"{result.info.name}: {problem.kind}: {problem.path}: {problem.message}"
            console.print(line, style="yellow", markup=False)
        if len(problems) > PROBLEMS_SHOWN:
            more = f"{len(problems) - PROBLEMS_SHOWN} more; all with --format json"
            console.print(f"{result.info.name}: {more}", style="yellow", markup=False)


def _table(first: str, *heads: str) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(first, style="bold", no_wrap=True)
    for head in heads:
        table.add_column(head)
    return table


def _figure(number: int | None) -> str:
    return "any" if number is None else f"{number:,}"


def _way(info: CorpusInfo) -> str:
    if info.sources:
        return "download"
    return "registration" if info.url and info.n_clips else "your own"


def _console() -> Console:
    at_terminal = sys.stdout.isatty() or "COLUMNS" in os.environ
    width = None if at_terminal else WIDTH_IN_FILES
    return Console(width=width, highlight=False, emoji=False)


def _progress(paths: Iterable[Path], n_paths: int) -> Iterator[Path]:
    from rich.progress import track

    console = Console(stderr=True)
    hidden = not console.is_terminal
    bar = track(paths, "opening files", n_paths, console=console, transient=True, disable=hidden)
    return iter(bar)


@contextmanager
def _download_bars() -> Iterator[Callable[[Progress], None]]:
    """A bar on standard error for each file that comes."""
    from rich.console import Group
    from rich.live import Live
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        ProgressColumn,
        TaskID,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    columns: dict[str, ProgressColumn] = {"bytes": DownloadColumn(), "files": MofNCompleteColumn()}
    bars = {
        unit: Bars(
            "{task.description}", BarColumn(), column, TimeRemainingColumn(), console=console
        )
        for unit, column in columns.items()
    }
    tasks: dict[str, TaskID] = {}
    with Live(Group(*bars.values()), console=console, refresh_per_second=4):

        def report(progress: Progress) -> None:
            unit = bars[progress.unit]
            if progress.name not in tasks:
                tasks[progress.name] = unit.add_task(progress.name)
            unit.update(tasks[progress.name], completed=progress.done, total=progress.total)

        yield report
