"""``serotone predict``: recordings in, emotions out."""

from __future__ import annotations

import contextlib
import io
import itertools
import sys
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from serotone.cli import rows
from serotone.cli.rows import Answer
from serotone.cli.wide import Engine, predict_wide
from serotone.errors import AudioError, ConfigError, MissingExtraError
from serotone.jobs.opening import Opening
from serotone.types import Failure

if TYPE_CHECKING:
    from serotone.inference.recognizer import Recognizer
    from serotone.inference.senses import Listener

    Hearing = Recognizer | Listener

STANDARD_INPUT = "-"

FEW_FILES = 200
"""Below this many, starting further processes takes longer than it saves."""

FILES_WITHOUT_BAR = 10
"""Done before a progress bar would be seen."""


class Format(StrEnum):
    """How answers are written."""

    table = "table"
    json = "json"
    jsonl = "jsonl"
    csv = "csv"
    srt = "srt"
    vtt = "vtt"
    rttm = "rttm"
    audacity = "audacity"
    html = "html"
    parquet = "parquet"


FOR_TIMELINES = frozenset({Format.srt, Format.vtt, Format.rttm, Format.audacity, Format.html})


def predict(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH",
            help="Files, folders, globs; - reads standard input.",
            show_default=False,
        ),
    ],
    model: Annotated[
        str, typer.Option("--model", "-m", help="A model's name or folder.")
    ] = "default",
    format: Annotated[
        Format | None,
        typer.Option(
            "--format", "-f", help="How to write answers; by the ending of --out, else a table."
        ),
    ] = None,
    place: Annotated[
        str | None,
        typer.Option(
            "--out",
            "-o",
            metavar="PATH",
            help="Write here, not to standard output; with --engine ray a folder or URI.",
        ),
    ] = None,
    labels: Annotated[
        str, typer.Option(help="Choose among these alone, as happy,sad,angry; all where empty.")
    ] = "",
    min_confidence: Annotated[
        float, typer.Option(min=0, max=1, help="Below it, the answer is 'uncertain'.")
    ] = 0.0,
    sets: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="Also give the labels that hold the truth this often, as 0.9."
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs", "-j", min=1, help="Processes; one for few files, else one per core."
        ),
    ] = None,
    batch_size: Annotated[
        int, typer.Option(min=1, help="Files that go through the model at once.")
    ] = 16,
    words: Annotated[
        bool, typer.Option("--words", help="Hear the words too, and what they say (English).")
    ] = False,
    transcriber: Annotated[
        str, typer.Option(help="With --words: pocketsphinx, whisper or whisper:MODEL.")
    ] = "pocketsphinx",
    text_model: Annotated[
        str, typer.Option(help="With --words: shipped, hf or hf:MODEL of the Hugging Face hub.")
    ] = "shipped",
    timeline: Annotated[
        bool, typer.Option("--timeline", help="Hear who felt what, when, in long recordings.")
    ] = False,
    channels: Annotated[
        str, typer.Option(help="With --timeline: mix, split, or one channel's number, from 0.")
    ] = "mix",
    speakers: Annotated[
        int,
        typer.Option(
            min=0, max=8, help="With --timeline: tell so many voices apart (experimental)."
        ),
    ] = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="With --timeline: go on with a job that was stopped.")
    ] = False,
    engine: Annotated[
        Engine,
        typer.Option(help="ray takes manifests and URIs too, and many machines (docs/scaling.md)."),
    ] = Engine.local,
    address: Annotated[
        str | None,
        typer.Option(help="With --engine ray: of a cluster, or auto; this machine where empty."),
    ] = None,
) -> None:
    """Hear the emotion in recordings.

    A file that cannot be read is one error row, and the rest go on. The exit status is 1 when any
    failed. JSON lines and CSV are written row by row, as answers come.
    """
    names = tuple(name for name in map(str.strip, labels.split(",")) if name)
    if sets is not None and (words or timeline):
        raise ConfigError("--sets is fitted for single clips by voice. Leave out the others.")
    opening = Opening(
        model=model,
        labels=names,
        min_confidence=min_confidence,
        coverage=sets,
        sound_check=not timeline,  # which looks for speech itself
    )
    if engine is Engine.ray:
        if words or timeline or format not in (None, Format.parquet):
            raise ConfigError(
                "--engine ray writes Parquet, without --words or --timeline. Leave them out."
            )
        raise typer.Exit(
            predict_wide(
                paths,
                opening,
                out=place,
                address=address,
                n_workers=jobs,
                batch_size=batch_size,
            )
        )
    if address:
        raise ConfigError("--address is for --engine ray. Add it.")
    out = Path(place) if place else None
    files = find(paths)
    recognizer = opening.open()
    format = format or _format_of(out)
    if timeline:
        from serotone.cli.timeline import TimelineOptions, write_timelines

        chosen = TimelineOptions(
            format=format.value,
            out=out,
            channels=channels,
            n_speakers=speakers,
            resume=resume,
            transcriber=transcriber if words else "",
        )
        raise typer.Exit(write_timelines(files, recognizer, chosen))
    if format in FOR_TIMELINES:
        raise ConfigError(f"--format {format.value} is for timelines. Add --timeline.")
    listener: Hearing = recognizer
    if words:
        from serotone.cli.words import with_words

        listener = with_words(recognizer, transcriber=transcriber, text_model=text_model)
        jobs = 1
    heard = _Counted(hear(files, listener, opening=opening, n_jobs=jobs, batch_size=batch_size))
    if format is Format.parquet:
        _write_parquet(heard, out, labels=recognizer.labels, n_files=len(files))
        raise typer.Exit(int(heard.n_failed > 0))
    with _open_output(out, format) as file:
        _write(
            heard,
            file,
            format,
            labels=recognizer.labels,
            files=files,
            words=words,
            sets=sets is not None,
        )
    if heard.n_failed:
        raise typer.Exit(1)


def find(paths: Iterable[str]) -> list[str]:
    """All files that the words of a command line mean, each once.

    Raises:
        ConfigError: when there are none.
    """
    from serotone.audio.find import find_files

    words = list(paths)
    files = [str(path) for path in find_files(words)]
    if not files:
        raise ConfigError(f"no recordings in {', '.join(words)}. Name files or folders with some.")
    return files


def hear(
    files: Sequence[str],
    recognizer: Hearing,
    *,
    opening: Opening,
    n_jobs: int | None,
    batch_size: int,
) -> Iterator[Answer]:
    """One answer per file, in order, from this process or several.

    Args:
        files: paths; ``-`` is standard input.
        recognizer: what hears where one process does.
        opening: how other processes open the same.
        n_jobs: processes; chosen by the number of files where None.
        batch_size: files that go through the model at once.
    """
    for is_input, group in itertools.groupby(files, key=STANDARD_INPUT.__eq__):
        if is_input:
            yield _hear_input(recognizer)
        elif n_jobs == 1 or (n_jobs is None and len(files) < FEW_FILES):
            yield from recognizer.predict_files(group, batch_size=batch_size)
        else:
            # Here, as processes are seldom wanted and take their time to import.
            from serotone.jobs.local import predict_files

            yield from predict_files(
                list(group), opening=opening, n_jobs=n_jobs, batch_size=batch_size
            )


def _hear_input(recognizer: Hearing) -> Answer:
    from serotone.audio.io import read_bytes

    try:
        audio = read_bytes(sys.stdin.buffer.read(), source=STANDARD_INPUT)
        return recognizer.predict_audio(audio)
    except AudioError as error:
        return Failure(STANDARD_INPUT, str(error))


class _Counted:
    """An iterator over answers that counts the failures among those taken."""

    def __init__(self, answers: Iterator[Answer]) -> None:
        self._answers = answers
        self.n_failed = 0

    def __iter__(self) -> Iterator[Answer]:
        for answer in self._answers:
            self.n_failed += isinstance(answer, Failure)
            yield answer


def _write(
    answers: Iterable[Answer],
    file: TextIO,
    format: Format,
    *,
    labels: Sequence[str],
    files: Sequence[str],
    words: bool = False,
    sets: bool = False,
) -> None:
    # Not beside rows on the same terminal: they show the progress themselves.
    if not file.isatty():
        answers = _with_bar(answers, len(files))
    match format:
        case Format.table if words:
            from serotone.cli.words import write_words

            write_words(answers, file, labels=labels, files=files)
        case Format.table:
            from serotone.cli.console import write_table

            write_table(answers, file, labels=labels, files=files)
        case Format.json:
            rows.write_json(answers, file)
        case Format.jsonl:
            rows.write_jsonl(answers, file)
        case Format.csv:
            rows.write_csv(answers, file, labels, sets=sets)


def _with_bar(answers: Iterable[Answer], n_files: int) -> Iterable[Answer]:
    """The same answers; with a bar on standard error where somebody would see it."""
    if n_files <= FILES_WITHOUT_BAR or not sys.stderr.isatty():
        return answers
    from serotone.cli.console import with_progress

    return with_progress(answers, n_files)


def _write_parquet(
    answers: Iterable[Answer], out: Path | None, *, labels: Sequence[str], n_files: int
) -> None:
    if out is None:
        raise ConfigError("--format parquet is for a file. Name it with --out FILE.parquet.")
    try:
        from serotone.jobs.prediction_table import write_predictions
    except ImportError as error:
        raise MissingExtraError("Parquet", "ray", error.name or "pyarrow") from None
    write_predictions(_with_bar(answers, n_files), out, labels)


def _format_of(out: Path | None) -> Format:
    suffix = out.suffix.lower().removeprefix(".") if out else ""
    return Format(suffix) if suffix in list(Format) else Format.table


@contextlib.contextmanager
def _open_output(out: Path | None, format: Format) -> Iterator[TextIO]:
    """Standard output or a file. UTF-8 for machines; a terminal's own coding for a table.

    Raises:
        ConfigError: when the file cannot be written.
    """
    if out is None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            if format is Format.table:
                sys.stdout.reconfigure(errors="replace")
            else:
                # Names of files that are not UTF-8 come out as the bytes they are.
                sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape", newline="")
        yield sys.stdout
        return
    try:
        file = out.open("w", encoding="utf-8", errors="surrogateescape", newline="")
    except OSError as error:
        raise ConfigError(f"--out {out}: cannot be written: {error.strerror}.") from None
    with file:
        yield file
