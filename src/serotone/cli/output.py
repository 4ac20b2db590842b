"""How ``serotone predict`` writes answers: a table, rows, one JSON document, Parquet."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TextIO

from serotone.cli import rows
from serotone.cli.rows import Answer
from serotone.errors import ConfigError, MissingExtraError

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


def write(
    answers: Iterable[Answer],
    file: TextIO,
    format: Format,
    *,
    labels: Sequence[str],
    files: Sequence[str],
    words: bool = False,
    sets: bool = False,
) -> None:
    """Write answers as they come, with a bar where a terminal would show nothing else.

    Args:
        answers: one per file, in order.
        file: open for writing text.
        format: a table, JSON, JSON lines or CSV.
        labels: what the model chooses among: the columns.
        files: the paths that are heard, for the width of a table and the length of a bar.
        words: whether the answers hold transcripts too.
        sets: whether they hold label sets too.
    """
    # Not beside rows on the same terminal: they show the progress themselves.
    if not file.isatty():
        answers = _with_bar(answers, len(files))
    match format:
        case Format.table if words:
            from serotone.cli.multimodal_table import write_words

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


def write_parquet(
    answers: Iterable[Answer], out: Path | None, *, labels: Sequence[str], n_files: int
) -> None:
    """Write answers to a Parquet file.

    Raises:
        ConfigError: without a place to write to.
        MissingExtraError: without pyarrow.
    """
    if out is None:
        raise ConfigError("--format parquet is for a file. Name it with --out FILE.parquet.")
    try:
        from serotone.jobs.prediction_table import write_predictions
    except ImportError as error:
        raise MissingExtraError("Parquet", "ray", error.name or "pyarrow") from None
    write_predictions(_with_bar(answers, n_files), out, labels)


def format_of(out: Path | None) -> Format:
    """What the ending of a file's name asks for; a table where it says nothing."""
    suffix = out.suffix.lower().removeprefix(".") if out else ""
    return Format(suffix) if suffix in list(Format) else Format.table


@contextlib.contextmanager
def open_output(out: Path | None, format: Format) -> Iterator[TextIO]:
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
