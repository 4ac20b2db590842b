"""``serotone corpus audit``: what stands on two sides of a split."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from serotone.cli.corpus_options import reader_options, tell_problems
from serotone.errors import ConfigError

if TYPE_CHECKING:
    from serotone.corpora.audit_report import AuditReport
    from serotone.corpora.fingerprint import Fingerprint
    from serotone.types import Audio, Failure, Sides, Utterance

FAILED = 1
WIDTH_IN_FILES = 100
CLAIMED_SAMPLE = 200
TABLES = frozenset({".csv", ".tsv", ".parquet", ".pq"})


class Format(StrEnum):
    """How a report is written."""

    table = "table"
    markdown = "markdown"
    json = "json"


def audit(
    target: Annotated[
        str,
        typer.Argument(
            metavar="NAME|FILE",
            help="A corpus, or a table with columns path, label, speaker, part.",
            show_default=False,
        ),
    ],
    root: Annotated[
        Path | None,
        typer.Option("--root", "-r", help="The corpus's own folder; CORPORA/NAME where not given."),
    ] = None,
    corpora: Annotated[
        Path, typer.Option(envvar="SEROTONE_CORPORA", help="Folder with a folder for each corpus.")
    ] = Path("corpora"),
    split: Annotated[
        str, typer.Option("--split", help="A corpus's split, as luna5 (every fold) or luna5:1.")
    ] = "",
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Change the reader, as speaker='(s[0-9]+)_'."
        ),
    ] = None,
    near: Annotated[
        bool, typer.Option("--near/--no-near", help="Look for altered copies of clips.")
    ] = True,
    sample: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Listen to all rows of so many clips only; 0 is all of them.",
            show_default=f"0, of claimed {CLAIMED_SAMPLE}",
        ),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Files at a time; one per processor by default.")
    ] = None,
    format: Annotated[
        Format, typer.Option("--format", "-f", help="How to write the report.")
    ] = Format.table,
) -> None:
    """Find speakers and copies of clips on two sides of a split.

    Exits 1 when it finds a leak, or could not read all that it should listen to.
    """
    from serotone.corpora.audit import audit as examine

    listen = _remembered(_fingerprint)
    reports = [
        examine(
            sides,
            listen=listen,
            near=near,
            sample=_sample(sides, sample),
            n_threads=jobs or os.cpu_count() or 1,
            progress=_progress,
        )
        for sides in _splits(target, root or corpora / target, split, assignments or ())
    ]
    if format is Format.json:
        typer.echo(json.dumps([r.to_dict() for r in reports], indent=2, ensure_ascii=False))
    elif format is Format.markdown:
        typer.echo("\n".join(report.to_markdown() for report in reports), nl=False)
    else:
        for report in reports:
            _print(report)
    if any(report.leaks or report.unreadable for report in reports):
        raise typer.Exit(FAILED)


def _splits(target: str, folder: Path, split: str, assignments: Sequence[str]) -> list[Sides]:
    from serotone.corpora import read
    from serotone.corpora.split import folds
    from serotone.corpora.split_table import read_parts

    if Path(target).suffix.lower() in TABLES:
        if split or assignments:
            raise ConfigError(
                "--split and --set are for a corpus: a table says the sides itself. Leave them."
            )
        return [read_parts(Path(target))]
    if not split:
        raise ConfigError(f"got no split of '{target}'. Name one, as --split luna5.")
    reading = read(target, folder, **reader_options(assignments))
    tell_problems(target, reading.problems)
    return folds(reading, split)


def _sample(sides: Sides, wanted: int | None) -> int | None:
    if wanted is None:
        return CLAIMED_SAMPLE if sides.name == "claimed" else None
    return wanted or None


def _fingerprint(utterance: Utterance) -> Fingerprint:
    from serotone.corpora.fingerprint import fingerprint

    audio = _sound(utterance)
    return fingerprint(audio.signal, audio.sample_rate)


def _sound(utterance: Utterance) -> Audio:
    """What a model would be given: a row of the claimed protocol is altered as the protocol does.

    Raises:
        AudioError: when the file cannot be read, or ends before the utterance begins.
    """
    from serotone.audio.io import read
    from serotone.corpora.as_published import RATE_HZ, claimed_copy
    from serotone.corpora.split import COPIES
    from serotone.types import Audio

    _, mark, copy = utterance.id.rpartition("#")
    if mark and copy in COPIES:
        audio = read(utterance.path, sample_rate=RATE_HZ, allow_silence=True)
        return claimed_copy(audio, copy, seed=utterance.id)
    audio = read(utterance.path, allow_silence=True)
    rate = audio.sample_rate
    start = round(utterance.start_s * rate)
    # NaN is no number of samples: to the end of the file.
    end = round(utterance.end_s * rate) if utterance.end_s == utterance.end_s else None
    return Audio(audio.signal[start:end], rate, audio.source, utterance.start_s)


def _remembered(
    listen: Callable[[Utterance], Fingerprint],
) -> Callable[[Utterance], Fingerprint]:
    """Every fold of a split has the same clips: each is heard once."""
    heard: dict[str, Fingerprint] = {}

    def recall(utterance: Utterance) -> Fingerprint:
        if utterance.id not in heard:
            heard[utterance.id] = listen(utterance)
        return heard[utterance.id]

    return recall


def _progress(prints: Iterable[Fingerprint | Failure], n: int) -> Iterable[Fingerprint | Failure]:
    from rich.progress import track

    console = Console(stderr=True)
    hidden = not console.is_terminal
    return track(prints, "listening", n, console=console, transient=True, disable=hidden)


def _print(report: AuditReport) -> None:
    at_terminal = sys.stdout.isatty() or "COLUMNS" in os.environ
    console = Console(width=None if at_terminal else WIDTH_IN_FILES, highlight=False, emoji=False)
    colour = "red" if report.leaks else "yellow" if report.unreadable else "green"
    console.print(f"[bold {colour}]{escape(report.verdict)}[/]")
    counts = Table("side", "rows", "clips", "speakers", box=None, pad_edge=False)
    for side, count in report.counts.items():
        counts.add_row(side, f"{count.rows:,}", f"{count.clips:,}", f"{count.speakers:,}")
    console.print(counts)
    for line in report.share_lines():
        console.print(line, markup=False)
    if report.findings:
        console.print(_findings(report))
    for failure in report.unreadable:
        console.print(f"unreadable: {failure.error}", style="yellow", markup=False)


def _findings(report: AuditReport) -> Table:
    table = Table("", "what", "sides", "", box=None, pad_edge=False)
    for finding in report.findings:
        colour = "red" if finding.severity == "leak" else "dim"
        examples = "".join(f"\n  {name}" for name in finding.examples)
        table.add_row(
            f"[{colour}]{finding.severity}[/]",
            finding.kind,
            ", ".join(finding.sides),
            escape(finding.message + examples),
        )
    return table
