"""``serotone predict --words``: voice, words and both, with what was said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TextIO

from rich.text import Text

from serotone.cli.console import GAP, Table, write_table
from serotone.cli.rows import Answer
from serotone.html.palette import colour
from serotone.inference.multimodal import Listener, TwoSenses
from serotone.types import Prediction

if TYPE_CHECKING:
    from serotone.inference.recognizer import Recognizer

SHOWN_FROM = 0.5
"""Words that add at least so many nats to their label are shown in its colour."""

INDENT = "  "


def with_words(recognizer: Recognizer, *, transcriber: str, text_model: str) -> Listener:
    """What hears voice and words.

    Raises:
        MissingExtraError: when a package is not installed.
        ModelError: when there is no such engine or text model.
    """
    return Listener.open(recognizer, transcriber=transcriber, text_model=text_model)


class WordsTable(Table):
    """Under each file, what each sense said alone, and the words; the first row is both."""

    def _prediction(self, answer: Prediction) -> None:
        super()._prediction(answer)
        if not isinstance(answer, TwoSenses):
            return
        if answer.voice:
            self._bars(f"{INDENT}voice", answer.voice)
        if answer.words:
            self._bars(f"{INDENT}words", answer.words)
        for line in highlighted(answer).wrap(self._console, self._console.width - len(GAP)):
            self._print(Text(GAP) + line)


def highlighted(answer: TwoSenses) -> Text:
    """The transcript, the words that tell in their label's colour; or why there is none."""
    if not answer.text:
        return Text("(no words)", "dim")
    text = Text(f'"{answer.text}"')
    if answer.words is None:
        language = answer.transcript.language if answer.transcript else "?"
        text.append(f" ({language}: voice alone)", "dim")
        return text
    style = colour(answer.words.label, ())
    for part in answer.contributions:
        if part.weight >= SHOWN_FROM and answer.words.label != "neutral":
            text.stylize(f"bold {style}", part.start + 1, part.end + 1)
    return text


def write_words(
    answers: Iterable[Answer], file: TextIO, *, labels: Sequence[str], files: Sequence[str]
) -> None:
    """Print a table of answers with their words."""
    write_table(answers, file, labels=labels, files=files, kind=WordsTable)
