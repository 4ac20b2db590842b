"""``serotone evaluate``: a model against a corpus, as figures and a report."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serotone.cli.corpus_options import reader_options, tell_problems
from serotone.errors import ConfigError

if TYPE_CHECKING:
    from serotone.corpora import Reading
    from serotone.evaluation.result import Evaluation
    from serotone.store.load import ModelInfo
    from serotone.types import Sides

    Losses = Mapping[str, Any]

OUT = Path("evaluation")


class Part(StrEnum):
    """Which utterances of a split are measured on."""

    test = "test"
    dev = "dev"
    all = "all"


class Format(StrEnum):
    """How the figures are printed."""

    table = "table"
    json = "json"


def evaluate(
    corpus: Annotated[
        str, typer.Option("--corpus", "-c", help="A corpus's name.", show_default=False)
    ],
    root: Annotated[
        Path, typer.Option("--root", "-r", help="The corpus's own folder.", show_default=False)
    ],
    model: Annotated[
        str, typer.Argument(metavar="[MODEL]", help="A model's name or folder.")
    ] = "default",
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change the reader, as speaker='(s[0-9]+)_'; a corpus that taught the model is "
            "read as it was then.",
        ),
    ] = None,
    split: Annotated[
        str,
        typer.Option(
            "--split",
            help="NAME:FOLD, as luna5:1; held-out: the model's own test speakers; the whole corpus "
            "where empty.",
        ),
    ] = "",
    part: Annotated[
        Part | None, typer.Option(help="Side of the split; test where not given.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the report.")] = OUT,
    format: Annotated[
        Format, typer.Option("--format", "-f", help="What is printed on standard output.")
    ] = Format.table,
    allow_seen_speakers: Annotated[
        bool,
        typer.Option(
            "--allow-seen-speakers",
            help="Measure even on speakers the model learned from; the report says so.",
        ),
    ] = False,
    results: Annotated[
        Path | None,
        typer.Option(help="Keep the figures here too, as RECIPE-SPLIT-SEED.json."),
    ] = None,
    record: Annotated[
        bool, typer.Option("--record", help="Write the figures into the model's card.")
    ] = False,
    batch_size: Annotated[
        int, typer.Option(min=1, help="Files that go through the model at once.")
    ] = 16,
    robustness: Annotated[
        bool,
        typer.Option(
            "--robustness", help="Also measure through telephone, codecs, gain, noise and rooms."
        ),
    ] = False,
    noise: Annotated[
        Path | None,
        typer.Option(help="With --robustness: a folder of noise with a folder for each kind."),
    ] = None,
    rooms: Annotated[
        Path | None,
        typer.Option(help="With --robustness: a folder of impulse responses, one a room."),
    ] = None,
) -> None:
    """Measure a model on a corpus.

    Writes metrics.json, predictions.jsonl, summary.md and report.html, with --robustness also
    robustness.json. The exit status is 1 when any file could not be read.
    """
    if not robustness and (noise or rooms):
        raise ConfigError("--noise and --rooms are for --robustness. Add it.")
    from serotone.corpora import read
    from serotone.evaluation.evaluate import evaluate as measure
    from serotone.inference.recognizer import Recognizer

    recognizer = Recognizer.open(model, sound_check=False)
    given = reader_options(assignments)
    reading = read(corpus, root, **{**recognizer.model.reader(corpus), **given})
    sides = _sides(reading, split, part, recognizer.model)
    with _progress() as progress:
        result = measure(
            recognizer,
            reading.utterances,
            corpus=corpus,
            split=sides,
            part=part or Part.test,
            allow_seen_speakers=allow_seen_speakers,
            batch_size=batch_size,
            progress=progress,
        )
    losses = None
    if robustness:
        from serotone.cli.robustness import measure_losses

        losses = measure_losses(
            recognizer,
            reading.utterances,
            result,
            sides,
            part or Part.test,
            noise=noise,
            rooms=rooms,
            allow_seen_speakers=allow_seen_speakers,
        )
    _write(result, out, losses)
    if results is not None:
        _keep(result, recognizer.model, reading, results, losses)
    if record:
        from serotone.store.save import record_figures

        record_figures(recognizer.model.path, f"{corpus} {split}".strip(), result.to_dict(), losses)
    _print(result, format, losses)
    _warn(result, reading)
    if result.n_failed:
        raise typer.Exit(1)


def _sides(reading: Reading, split: str, part: Part | None, model: ModelInfo) -> Sides | None:
    """The fold to measure on; None where the whole corpus is.

    Raises:
        ConfigError: when a side is asked for without a split, or the split leaves open which fold.
    """
    if split == "held-out":
        from serotone.evaluation.evaluate import held_out

        return held_out(model, reading.utterances)
    if split:
        from serotone.corpora.split import fold

        return fold(reading.utterances, split)
    if part not in (None, Part.all):
        raise ConfigError(f"--part {part} needs a split. Name one, as --split kfold5:1.")
    return None


def _write(result: Evaluation, out: Path, losses: Losses | None) -> None:
    from serotone.evaluation.report import write
    from serotone.evaluation.report_page import write_report

    files = [*write(result, out, losses), write_report(result, out / "report.html", losses)]
    print(f"wrote {', '.join(file.name for file in files)} to {out}", file=sys.stderr)


def _keep(
    result: Evaluation,
    model: ModelInfo,
    reading: Reading,
    folder: Path,
    losses: Losses | None,
) -> None:
    from serotone.benchmark.keep import keep
    from serotone.corpora.split import folds

    source = result.source
    whole, _, number = source.split.partition(":")
    name = f"{source.recipe}-{source.corpus}-{source.split}-{source.seed}".replace(":", "-")
    n_folds = len(folds(reading.utterances, whole)) if number else None
    files = [keep(result, model, folder=folder, name=name, n_folds=n_folds)]
    if losses is not None:
        from serotone.evaluation.robustness import FOLDER, write

        values = {**losses, "model_sha256": model.onnx_sha256}
        files.append(write(values, folder / FOLDER / f"{name}.json"))
    for file in files:
        print(f"wrote {file}", file=sys.stderr)


def _print(result: Evaluation, format: Format, losses: Losses | None) -> None:
    from serotone.evaluation.report import PROTOCOL_NOTES, headline, percent, to_json

    if format is Format.json:
        print(to_json(result, losses))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, markup=False, emoji=False)
    note = PROTOCOL_NOTES[result.source.protocol]
    if note:
        console.print(note, style="bold red")
    source = result.source
    figures = Table(
        "figure", "value", box=box.SIMPLE, title_justify="left",
        title=f"{source.model} on {source.corpus}, split {source.split}, part {source.part}",
    )  # fmt: skip
    for row in headline(result):
        figures.add_row(*row)
    console.print(figures)
    classes = Table("label", box=box.SIMPLE)
    for name in ("n", "recall", "precision", "F1"):
        classes.add_column(name, justify="right")
    for label, score in result.per_class.items():
        shares = (percent(share) for share in (score.recall, score.precision, score.f1))
        classes.add_row(label, str(score.n), *shares)
    console.print(classes)
    if losses is not None:
        from serotone.cli.robustness import losses_table

        console.print(losses_table(losses))


def _warn(result: Evaluation, reading: Reading) -> None:
    tell_problems(result.source.corpus, reading.problems)
    for failure in result.source.failures:
        print(failure.error, file=sys.stderr)


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[int, int], object] | None]:
    """A bar on standard error, none where that is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False)
    with bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
