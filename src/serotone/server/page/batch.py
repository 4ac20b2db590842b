"""Many recordings: a table, and the same as CSV."""

from __future__ import annotations

import base64
import csv
import html
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from serotone.audio.io import read
from serotone.errors import AudioError
from serotone.html.page import Fragment
from serotone.server.page import view
from serotone.server.page.files import taken, without_place
from serotone.timeline.strip import colour
from serotone.types import Failure, Prediction

if TYPE_CHECKING:
    from serotone.inference.recognizer import Recognizer
    from serotone.types import Audio

CHUNK = 8
READY = "Drop several recordings: each becomes a row, and the table a CSV file."


@dataclass(frozen=True)
class Batches:
    """Hears many recordings for the page.

    Attributes:
        recognizer: what hears.
        folder: where uploads lie.
        most: files at once; more are refused.
    """

    recognizer: Recognizer
    folder: Path
    most: int = 200

    def upload(self, paths: Sequence[str] | None) -> Iterator[str]:
        """Hear what was dropped and delete it; the table grows as answers come."""
        if not paths:
            yield view.hint(READY)
            return
        try:
            with taken(paths, self.folder) as uploads:
                yield from self._tables(uploads)
        except AudioError as error:
            yield view.failure(str(error))

    def _tables(self, paths: Sequence[Path]) -> Iterator[str]:
        if len(paths) > self.most:
            raise AudioError(
                f"got {len(paths)} files, expected at most {self.most}. "
                "Use 'serotone predict' for more."
            )
        answers: list[Prediction | Failure] = []
        for start in range(0, len(paths), CHUNK):
            answers += self._hear(paths[start : start + CHUNK])
            done = len(answers) == len(paths)
            yield table(answers, self.recognizer.labels, n_files=len(paths), done=done)

    def _hear(self, paths: Sequence[Path]) -> list[Prediction | Failure]:
        heard = [self._read(path) for path in paths]
        audios = [item for item in heard if not isinstance(item, Failure)]
        predictions = iter(self.recognizer.predict_batch(audios) if audios else [])
        return [item if isinstance(item, Failure) else next(predictions) for item in heard]

    def _read(self, path: Path) -> Audio | Failure:
        try:
            audio = read(path, sample_rate=self.recognizer.sample_rate)
        except AudioError as error:
            return Failure(path.name, without_place(error, path))
        return replace(audio, source=path.name)


def table(
    answers: Sequence[Prediction | Failure], labels: Sequence[str], *, n_files: int, done: bool
) -> Fragment:
    """The rows so far, and the CSV once all are there."""
    rows = "".join(_row(answer, labels) for answer in answers)
    n_failed = sum(isinstance(answer, Failure) for answer in answers)
    state = f"{len(answers)} of {n_files} heard" if not done else f"{len(answers)} recordings"
    told = f"{state}, {n_failed} failed" if n_failed else state
    return Fragment(
        f'<div class="st-box"><h3>{told}</h3><div class="wide"><table><thead><tr>'
        '<th>file</th><th>emotion</th><th class="number">sure</th><th>intensity</th>'
        f'<th class="number">length</th></tr></thead><tbody>{rows}</tbody></table></div>'
        f"{_save(answers, labels) if done else ''}</div>"
    )


def _row(answer: Prediction | Failure, labels: Sequence[str]) -> str:
    name = html.escape(answer.source)
    if isinstance(answer, Failure):
        why = html.escape(answer.error.removeprefix(f"{answer.source}: "))
        return f'<tr class="st-failed"><td>{name}</td><td colspan="4">{why}</td></tr>'
    return (
        f'<tr><td>{name}</td><td><span class="st-key">'
        f'<i style="background:{colour(answer.label, labels)}"></i>{html.escape(answer.label)}'
        f'</span></td><td class="number">{answer.confidence:.0%}</td>'
        f"<td>{view.intensity_word(answer.intensity)}</td>"
        f'<td class="number">{answer.end_s - answer.start_s:.1f} s</td></tr>'
    )


def _save(answers: Sequence[Prediction | Failure], labels: Sequence[str]) -> str:
    # Inside the page: the server keeps no file that another visitor could ask for.
    data = base64.b64encode(to_csv(answers, labels).encode("utf-8")).decode("ascii")
    return (
        f'<a class="st-save" download="serotone.csv" href="data:text/csv;base64,{data}">'
        "Download CSV</a>"
    )


def to_csv(answers: Sequence[Prediction | Failure], labels: Sequence[str]) -> str:
    """A header and a row an answer; the probability of ``happy`` is in column ``p_happy``.

    A name that a spreadsheet would take for a formula has an apostrophe before it.
    """
    plain = ("path", "start_s", "end_s", "label", "confidence", "intensity", "error")
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*plain, *(f"p_{label}" for label in labels)])
    for answer in answers:
        row = answer.to_dict()
        shares = answer.probabilities if isinstance(answer, Prediction) else {}
        cells = [*(row[key] for key in plain), *(shares.get(label) for label in labels)]
        writer.writerow([_harmless(cell) for cell in cells])
    return file.getvalue()


def _harmless(cell: object) -> object:
    if isinstance(cell, float):
        return None if math.isnan(cell) else round(cell, 6)
    if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{cell}"
    return cell
