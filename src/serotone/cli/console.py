"""What a person sees: the table of answers, row by row, and the progress bar."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TextIO

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from serotone.audio.sound_check import WARNINGS
from serotone.cli.rows import Answer
from serotone.html.palette import colour
from serotone.labels import UNCERTAIN
from serotone.types import Failure, Prediction

WIDTH_IN_FILES = 100
GAP = "  "
ACROSS = " ▏▎▍▌▋▊▉█"
UP = " ▁▂▃▄▅▆▇█"


class Layout(NamedTuple):
    """Columns' widths in cells. Bars of one cell stand upright, side by side."""

    name: int
    label: int
    bar: int


def lay_out(width: int, names: Iterable[str], labels: Sequence[str]) -> Layout:
    """The widest bars that leave room for the file names.

    Args:
        width: of the terminal, in cells.
        names: of all files.
        labels: the model's.
    """
    longest = min(44, max((cell_len(name) for name in names), default=0))
    label = max(map(len, (*labels, UNCERTAIN)))
    left = width - label - len("100%") - 3 * len(GAP)
    for bar in range(9, 2, -1):
        room = left - len(labels) * (bar + 1) + 1
        if room >= longest:
            return Layout(longest, label, bar)
    room = left - len(labels) * 4 + 1
    if room >= min(longest, 18):
        return Layout(room, label, 3)
    return Layout(max(8, min(longest, left - len(labels))), label, 1)


class Table:
    """A table that is printed as it grows, so that a folder of any size needs no memory."""

    def __init__(self, console: Console, files: Sequence[str], labels: Sequence[str]) -> None:
        self._console = console
        self._folder = _common_folder(files)
        self._labels = labels
        self._ascii = console.options.ascii_only
        names = [_printable(file.removeprefix(self._folder)) for file in files]
        head = _printable(Path(self._folder).name + os.sep)
        self._layout = lay_out(console.width, [*names, head, "file"], labels)

    def head(self) -> None:
        row = Text(self._name(self._folder or "file"))
        row.append(GAP + "emotion".ljust(self._layout.label) + GAP + "conf" + GAP)
        if self._layout.bar > 1:
            whole = max(map(len, self._labels)) <= self._layout.bar
            heads = self._labels if whole else [label[:3] for label in self._labels]
            row.append(" ".join(_fit(head, self._layout.bar) for head in heads))
        row.stylize("bold")
        self._print(row)

    def row(self, answer: Answer) -> None:
        if isinstance(answer, Failure):
            self._failure(answer)
        else:
            self._prediction(answer)

    def _prediction(self, answer: Prediction) -> None:
        self._bars(answer.source.removeprefix(self._folder), answer)
        for warning in answer.warnings:
            self._print(Text(f"{GAP}{WARNINGS.get(warning, warning)}", "yellow"))
        if answer.label_set:
            self._print(Text(f"{GAP}one of: {', '.join(answer.label_set)}", "dim"))

    def _bars(self, name: str, answer: Prediction) -> None:
        style = emotion_style(answer.label, self._labels)
        row = Text(self._name(name))
        row.append(GAP + answer.label.ljust(self._layout.label), f"bold {style}")
        row.append(f"{GAP}{answer.confidence:4.0%}{GAP}")
        gap, shares = " " if self._layout.bar > 1 else "", answer.probabilities
        for place, label in enumerate(self._labels):
            bar = _bar(shares.get(label, 0.0), self._layout.bar, ascii_only=self._ascii)
            row.append(gap * (place > 0) + bar, emotion_style(label, self._labels))
        self._print(row)

    def _failure(self, answer: Failure) -> None:
        name = self._name(answer.source.removeprefix(self._folder))
        why = _printable(answer.error.removeprefix(f"{answer.source}: "))
        indent = self._layout.name + len(GAP)
        width = self._console.width - indent
        if width < 24:
            self._print(Text(name, "red"))
            name, indent, width = "", len(GAP), self._console.width - len(GAP)
        for line in Text(why).wrap(self._console, width):
            self._print(Text(_fit(name, indent) + line.plain.rstrip(), "red"))
            name = ""

    def foot(self, *, n_answered: int, n_failed: int, duration_s: float) -> None:
        n_files = n_answered + n_failed
        row = Text(f"{n_files} file{'s' * (n_files != 1)} in {duration_s:.1f} s", "dim")
        if n_failed:
            row.append(f", {n_failed} failed", "red")
        self._print(row)

    def _name(self, name: str) -> str:
        """A file's name, without its beginning where that is too long."""
        name, width = _printable(name), self._layout.name
        if cell_len(name) > width:
            while cell_len(name) >= width:
                name = name[1:]
            name = ("~" if self._ascii else "…") + name
        return _fit(name, width)

    def _print(self, row: Text) -> None:
        self._console.print(row, no_wrap=True, overflow="crop", crop=True)


def write_table(
    answers: Iterable[Answer],
    file: TextIO,
    *,
    labels: Sequence[str],
    files: Sequence[str],
    kind: type[Table] = Table,
) -> None:
    """Print a table of the answers.

    Args:
        answers: printed one by one as they come.
        file: a terminal gets colours and its width; other files neither.
        labels: the model's, one bar each.
        files: the paths of all, for the width of their column.
        kind: what prints an answer.
    """
    began = time.perf_counter()
    width = None if file.isatty() or "COLUMNS" in os.environ else WIDTH_IN_FILES
    console = Console(file=file, width=width, highlight=False, markup=False, emoji=False)
    table = kind(console, files, labels)
    table.head()
    n_failed = n_answered = 0
    for answer in answers:
        n_failed += isinstance(answer, Failure)
        n_answered += isinstance(answer, Prediction)
        table.row(answer)
    duration_s = time.perf_counter() - began
    table.foot(n_answered=n_answered, n_failed=n_failed, duration_s=duration_s)


def with_progress(answers: Iterable[Answer], n_files: int) -> Iterator[Answer]:
    """The same answers, with a bar on standard error that goes when they end."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # Standard output is left alone: it carries the answers.
    progress = Progress(
        *columns, console=Console(file=sys.stderr), transient=True, redirect_stdout=False
    )
    with progress:
        task = progress.add_task("", total=n_files)
        for answer in answers:
            yield answer
            progress.advance(task)


def emotion_style(label: str, labels: Sequence[str]) -> str:
    """How rich writes an emotion: in its colour, which terminals of few colours come near to."""
    return "dim" if label == UNCERTAIN else colour(label, labels)


def _bar(share: float, width: int, *, ascii_only: bool) -> str:
    """A bar of ``width`` cells, in eighths of a cell; upright where there is only one."""
    if ascii_only:
        bar = str(min(9, int(share * 10))) if width == 1 else "#" * round(share * width)
        return bar.ljust(width)
    eighths = round(share * width * 8)
    if width == 1:
        return UP[eighths]
    full, rest = divmod(eighths, 8)
    return ("█" * full + ACROSS[rest] * (rest > 0)).ljust(width)


def _fit(text: str, width: int) -> str:
    """The text in ``width`` cells, filled up or cut at its end."""
    return set_cell_size(text, width)


def _common_folder(files: Sequence[str]) -> str:
    """The beginning that all paths share, up to a separator; empty where there is none."""
    # Letter by letter is right here: what follows the last separator goes.
    folder, separator, _ = os.path.commonprefix(list(files)).rpartition(os.sep)  # noqa: RUF071
    return folder + separator


def _printable(text: str) -> str:
    """The text without what would move the cursor or change a terminal's state."""
    return "".join(c if c.isprintable() else "?" for c in text)
