"""``serotone predict``: recordings in, emotions out."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serotone.cli.cluster import Engine, predict_wide
from serotone.cli.output import FOR_TIMELINES, Format, format_of, open_output, write, write_parquet
from serotone.cli.rows import Answer
from serotone.errors import AudioError, ConfigError
from serotone.inference.options import Opening
from serotone.types import Failure

if TYPE_CHECKING:
    from serotone.inference.multimodal import Listener
    from serotone.inference.recognizer import Recognizer

    Hearing = Recognizer | Listener

STANDARD_INPUT = "-"

FEW_FILES = 200
"""Below this many, starting further processes takes longer than it saves."""


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
            help="Write here, not to standard output; with --timeline also a folder, as pages/; "
            "with --engine ray a folder or URI.",
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
    format = format or format_of(out)
    if timeline:
        from serotone.cli.timeline import TimelineOptions, write_timelines

        chosen = TimelineOptions(
            format=format.value,
            out=out,
            into_folder=out is not None and (out.is_dir() or str(place).endswith(("/", os.sep))),
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
        from serotone.cli.multimodal_table import with_words

        listener = with_words(recognizer, transcriber=transcriber, text_model=text_model)
        jobs = 1
    heard = _Counted(hear(files, listener, opening=opening, n_jobs=jobs, batch_size=batch_size))
    if format is Format.parquet:
        write_parquet(heard, out, labels=recognizer.labels, n_files=len(files))
        raise typer.Exit(int(heard.n_failed > 0))
    with open_output(out, format) as file:
        write(
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
