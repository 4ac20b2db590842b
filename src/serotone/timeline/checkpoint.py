"""What was heard so far, on disk: a long job that is killed goes on where it stopped.

JSON lines. The first says what is being heard and how; then windows as the model answers, each
stretch of speech after its windows, and a last line for each channel. A line that was cut by the
end of the process is passed over.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO, cast

import numpy as np
from numpy.typing import NDArray

from serotone.audio.vad import Span
from serotone.errors import ConfigError

VERSION = 1

Answer = tuple[NDArray[np.float64], float, NDArray[np.float32]]
"""Probabilities (C,), intensity, embedding (E,) of one window."""


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """A stretch of speech and what its windows said.

    Attributes:
        span: from when to when.
        windows: start and end of each, in seconds.
        answers: one for each window.
    """

    span: Span
    windows: tuple[tuple[float, float], ...]
    answers: tuple[Answer, ...]


class Journal:
    """A file that grows by what was heard; without a path it keeps nothing.

    Args:
        path: of the file.
        about: what is heard and how; must be the same to go on.
        resume: go on with what an earlier run left, where there is anything.

    Raises:
        ConfigError: when the file cannot be written, or an earlier run heard something else.
    """

    def __init__(self, path: Path | None, *, about: Mapping[str, Any], resume: bool) -> None:
        self._path = path
        self._file: TextIO | None = None
        self._stretches: dict[int, list[Stretch]] = {}
        self._ended: set[int] = set()
        if path is None:
            return
        head = {"serotone-timeline": VERSION, **about}
        if resume and path.exists():
            self._read(path, head)
        # What was read is written anew, so that a cut line does not stay in the middle; beside the
        # old file, so that no moment loses it.
        draft = path.with_name(path.name + ".new")
        with _opened(draft, "w") as self._file:
            self._write(head)
            for place, stretches in self._stretches.items():
                for stretch in stretches:
                    self._write_stretch(place, stretch)
            for place in self._ended:
                self._write({"channel": place, "ended": True})
        draft.replace(path)
        self._file = _opened(path, "a")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file:
            self._file.close()

    def stretches(self, place: int) -> list[Stretch]:
        """What an earlier run heard in the channel at this place."""
        return list(self._stretches.get(place, ()))

    def ended(self, place: int) -> bool:
        """Whether an earlier run heard that channel to its end."""
        return place in self._ended

    def add_window(self, place: int, window: tuple[float, float], answer: Answer) -> None:
        """Note a window as soon as it is answered."""
        probabilities, intensity, embedding = answer
        line: dict[str, Any] = {
            "channel": place,
            "window": window,
            "probabilities": [round(value, 7) for value in probabilities.tolist()],
            "intensity": None if math.isnan(intensity) else intensity,
        }
        if embedding.size:
            line["embedding"] = [round(value, 6) for value in embedding.tolist()]
        self._write(line)

    def add_span(self, place: int, span: Span) -> None:
        """Note that the windows since the last stretch make up this one."""
        self._write({"channel": place, "speech": [span.start_s, span.end_s]})

    def end(self, place: int) -> None:
        """Note that a channel was heard to its end."""
        self._write({"channel": place, "ended": True})

    def _write(self, line: Mapping[str, Any]) -> None:
        if self._file:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()

    def _write_stretch(self, place: int, stretch: Stretch) -> None:
        for window, answer in zip(stretch.windows, stretch.answers, strict=True):
            self.add_window(place, window, answer)
        self.add_span(place, stretch.span)

    def _read(self, path: Path, head: Mapping[str, Any]) -> None:
        lines = _lines(path)
        found = next(lines, None)
        if found is None:
            return
        if found != json.loads(json.dumps(head)):
            wrong = [key for key in head if found.get(key) != json.loads(json.dumps(head[key]))]
            raise ConfigError(
                f"--resume: '{path}' is of another recording, model or setting "
                f"({', '.join(wrong) or 'further keys'} differ). Delete it, or leave --resume out."
            )
        self._stretches, self._ended = collect(lines)


def collect(lines: Iterator[Mapping[str, Any]]) -> tuple[dict[int, list[Stretch]], set[int]]:
    """The whole stretches of each channel, and which channels are at their end.

    Windows whose stretch was not finished are left out: they will be heard again.
    """
    stretches: dict[int, list[Stretch]] = {}
    ended: set[int] = set()
    waiting: list[tuple[tuple[float, float], Answer]] = []
    for line in lines:
        place = line["channel"]
        if "window" in line:
            start_s, end_s = line["window"]
            waiting.append(((start_s, end_s), _answer(line)))
        elif "speech" in line:
            windows, answers = zip(*waiting, strict=True) if waiting else ((), ())
            start_s, end_s = line["speech"]
            stretches.setdefault(place, []).append(Stretch(Span(start_s, end_s), windows, answers))
            waiting = []
        else:
            ended.add(place)
    return stretches, ended


def _answer(line: Mapping[str, Any]) -> Answer:
    intensity = math.nan if line["intensity"] is None else float(line["intensity"])
    embedding: Sequence[float] = line.get("embedding", ())
    return np.array(line["probabilities"]), intensity, np.array(embedding, np.float32)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ConfigError(f"'{path}' cannot be read: {error.strerror}. Check the place.") from None
    for line in text.splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            return


def _opened(path: Path, mode: str) -> TextIO:
    try:
        return cast("TextIO", path.open(mode, encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"'{path}' cannot be written: {error.strerror}. Give another place with --out."
        ) from None
