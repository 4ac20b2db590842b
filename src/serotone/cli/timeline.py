"""``serotone predict --timeline``: long recordings in, who felt what and when out."""

from __future__ import annotations

import contextlib
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from serotone.errors import AudioError, ConfigError
from serotone.types import Failure

if TYPE_CHECKING:
    from serotone.inference.recognizer import Recognizer
    from serotone.timeline.analyse import Channels, Progress
    from serotone.timeline.segments import Timeline

ONE_EACH = frozenset({"srt", "vtt", "audacity", "html"})
"""Formats of which a file holds one recording."""

ENDINGS = {"table": "txt", "audacity": "txt"}


@dataclass(frozen=True, slots=True)
class TimelineOptions:
    """What was asked for.

    Attributes:
        format: ``table``, ``json``, ``jsonl``, ``csv``, ``srt``, ``vtt``, ``rttm``, ``audacity``
            or ``html``.
        out: a file or a folder, or None for standard output.
        into_folder: whether ``out`` is a folder, for one file a recording; made if missing.
        channels: ``mix``, ``split`` or a number.
        n_speakers: voices to tell apart; 0 does not try.
        resume: go on with jobs that were stopped.
        transcriber: what hears the words, as ``words.transcribe`` names it; empty for none.
    """

    format: str
    out: Path | None = None
    into_folder: bool = False
    channels: str = "mix"
    n_speakers: int = 0
    resume: bool = False
    transcriber: str = ""


def write_timelines(files: Sequence[str], recognizer: Recognizer, options: TimelineOptions) -> int:
    """Hear recordings and write their timelines.

    What was heard of a recording stands in ``OUT.partial.jsonl`` until the result is written.

    Args:
        files: paths.
        recognizer: what hears.
        options: how.

    Returns:
        The exit status: 1 where a recording failed or broke off.

    Raises:
        ConfigError: when the options do not fit together or a place cannot be written.
    """
    _check(files, options)
    places = _places(files, options)
    answers: list[Timeline | Failure] = []
    journals: list[Path] = []
    for number, (file, out) in enumerate(zip(files, places, strict=True)):
        journal = _journal(out, number, alone=options.into_folder or len(files) == 1)
        answer = _hear(file, recognizer, options, journal)
        _complain(answer)
        answers.append(answer)
        journals += [journal] if journal else []
        if options.into_folder:
            _save(render([answer], options.format, out), out)
            _forget(journals)
    if not options.into_folder:
        _save(render(answers, options.format, options.out), options.out)
        _forget(journals)
    return int(any(isinstance(a, Failure) or bool(a.warning) for a in answers))


def render(answers: Sequence[Timeline | Failure], format: str, out: Path | None = None) -> str:
    """Timelines in a format; failures show in JSON alone.

    Args:
        answers: one for each recording.
        format: as in ``TimelineOptions``.
        out: where the text will lie, for links from it.
    """
    from serotone.timeline import formats as writers

    good = [answer for answer in answers if not isinstance(answer, Failure)]
    match format:
        case "json":
            return writers.to_json(answers)
        case "jsonl":
            return writers.to_jsonl(answers)
        case "csv":
            return writers.to_csv(good)
        case "rttm":
            return writers.to_rttm(good)
        case "srt":
            return "".join(map(writers.to_srt, good))
        case "vtt":
            return "".join(map(writers.to_vtt, good))
        case "audacity":
            return "".join(map(writers.to_audacity, good))
        case "html":
            from serotone.timeline.html import timeline_page

            return "".join(timeline_page(answer, out=out) for answer in good)
    from serotone.cli.timeline_table import table

    in_terminal = out is None and sys.stdout.isatty()
    return "\n".join(table(answer, colours=in_terminal) for answer in good)


def _check(files: Sequence[str], options: TimelineOptions) -> None:
    if "-" in files:
        raise ConfigError("--timeline needs files, got standard input. Save it to a file first.")
    if options.resume and options.out is None:
        raise ConfigError("--resume needs --out: what was heard is kept beside it.")
    if options.format in ONE_EACH and len(files) > 1 and not options.into_folder:
        raise ConfigError(
            f"--format {options.format} holds one recording, got {len(files)}. "
            "Give a folder, as --out pages/."
        )


def _hear(
    file: str, recognizer: Recognizer, options: TimelineOptions, journal: Path | None
) -> Timeline | Failure:
    from serotone.timeline.analyse import analyse
    from serotone.timeline.segments import TimelineConfig

    try:
        with _progress(file) as on_progress:
            timeline = analyse(
                file,
                recognizer,
                TimelineConfig(n_speakers=options.n_speakers),
                channels=_channels(options.channels),
                journal=journal,
                resume=options.resume,
                on_progress=on_progress,
            )
        if options.transcriber:
            from serotone.timeline.captions import add_words

            return add_words(timeline, file, options.transcriber)
        return timeline
    except AudioError as error:
        return Failure(file, str(error))
    except KeyboardInterrupt:
        if journal:
            print(
                f"serotone: stopped; what was heard is in {journal}. Go on with --resume.",
                file=sys.stderr,
            )
        raise


def _channels(text: str) -> Channels:
    if text == "mix":
        return "mix"
    if text == "split":
        return "split"
    if text.isdecimal():
        return int(text)
    raise ConfigError(f"--channels got '{text}', expected mix, split or a number from 0.")


def _complain(answer: Timeline | Failure) -> None:
    said = answer.error if isinstance(answer, Failure) else answer.warning
    if said:
        print(f"serotone: {said}", file=sys.stderr)


def _places(files: Sequence[str], options: TimelineOptions) -> list[Path | None]:
    """Where the timeline of each recording goes; in a folder no two go to the same place."""
    if options.out is None or not options.into_folder:
        return [options.out] * len(files)
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--out {options.out}: cannot be made: {error.strerror}.") from None
    ending = ENDINGS.get(options.format, options.format)
    paths = [Path(file).absolute() for file in files]
    often = Counter(path.stem.casefold() for path in paths)
    above = Path(os.path.commonpath([path.parent for path in paths]))
    names = [
        path.stem if often[path.stem.casefold()] == 1 else "-".join(path.relative_to(above).parts)
        for path in paths
    ]
    return [options.out / f"{name}.{ending}" for name in names]


def _journal(out: Path | None, number: int, *, alone: bool) -> Path | None:
    if out is None:
        return None
    middle = "" if alone else f".{number + 1}"
    return out.with_name(f"{out.name}{middle}.partial.jsonl")


def _save(text: str, out: Path | None) -> None:
    if out is None:
        sys.stdout.write(text)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--out {out}: cannot be written: {error.strerror}.") from None


def _forget(journals: list[Path]) -> None:
    while journals:
        journals.pop().unlink(missing_ok=True)


@contextlib.contextmanager
def _progress(file: str) -> Iterator[Progress | None]:
    """A bar on standard error, none where that is no terminal."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    console = Console(file=sys.stderr)
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as bar:
        task = bar.add_task(Path(file).name, total=None)
        tell: Callable[[float, float], None] = lambda done_s, all_s: bar.update(  # noqa: E731
            task, completed=done_s, total=all_s
        )
        yield tell
