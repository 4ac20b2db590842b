from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from serotone.cli.multimodal_table import highlighted
from serotone.html.palette import colour
from serotone.inference import multimodal as senses
from serotone.inference.multimodal import TwoSenses
from serotone.timeline import captions
from serotone.types import Audio, Prediction
from serotone.words.emotion import Contribution
from serotone.words.transcript import Transcript, Word

Run = Callable[..., Result]

SAMPLE = str(Path(__file__).parents[2] / "samples" / "synthetic-en-even.wav")


def hear(audio: Audio) -> Transcript:
    return Transcript.of((Word("wonderful", 0.2, 1.0, 0.9), Word("news", 1.0, 1.5, 0.9)), "en")


@pytest.fixture(autouse=True)
def parrot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is decoded: every sound says the same."""
    for module in (senses, captions):
        monkeypatch.setattr(module, "open_transcriber", lambda name: hear)


def test_the_table_shows_each_sense_and_the_words(serotone: Run) -> None:
    done = serotone("predict", "--words", SAMPLE)
    assert done.exit_code == 0, done.stderr
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert lines[2].startswith("voice ")
    assert lines[3].startswith("words ") and "happy" in lines[3]
    assert lines[4] == '"wonderful news"'


def test_json(serotone: Run) -> None:
    done = serotone("predict", "--words", "-f", "json", SAMPLE)
    (row,) = json.loads(done.stdout)
    assert row["text"] == "wonderful news"
    assert row["senses"]["words"]["label"] == "happy"
    assert row["error"] is None


def test_csv_keeps_its_columns(serotone: Run) -> None:
    with_words, without = (
        serotone("predict", *words, "-f", "csv", SAMPLE).stdout.splitlines()
        for words in (["--words"], [])
    )
    assert with_words[0] == without[0]
    assert "wonderful news" in with_words[1]


def test_without_words_nothing_of_theirs(serotone: Run) -> None:
    (row,) = json.loads(serotone("predict", "-f", "json", SAMPLE).stdout)
    assert row["text"] is None and "senses" not in row


def test_the_timeline_shows_words_under_segments(serotone: Run) -> None:
    done = serotone("predict", "--timeline", "--words", SAMPLE)
    assert done.exit_code == 0, done.stderr
    assert "    wonderful news" in done.stdout.splitlines()
    srt = serotone("predict", "--timeline", "--words", "-f", "srt", SAMPLE).stdout
    assert srt.splitlines()[3] == "wonderful news"


def test_an_unknown_text_model(serotone: Run) -> None:
    done = serotone("predict", "--words", "--text-model", "gpt", SAMPLE)
    assert done.exit_code != 0
    assert "unknown text model 'gpt'" in str(done.exception)


def test_pocketsphinx_not_installed(serotone: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from serotone.words.transcribe import open_transcriber

    monkeypatch.setattr(senses, "open_transcriber", open_transcriber)
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    done = serotone("predict", "--words", SAMPLE)
    assert done.exit_code != 0
    assert "pip install 'serotone[words]'" in str(done.exception)


def answer(text: str, label: str | None, *contributions: Contribution) -> TwoSenses:
    shares = {"happy": 0.6, "sad": 0.4}
    words = Prediction("", 0, 0, shares, label, 0.6, text=text) if label else None
    return TwoSenses(
        "a.wav", 0, 1, shares, "happy", 0.6, text=text, words=words,
        transcript=Transcript(text, "pl", 0.9), contributions=contributions,
    )  # fmt: skip


def test_telling_words_stand_out() -> None:
    text = highlighted(
        answer("such good news", "happy", Contribution(0, 4, 0.1), Contribution(5, 9, 2.0))
    )
    assert text.plain == '"such good news"'
    assert [(span.start, span.end) for span in text.spans] == [(6, 10)]
    assert colour("happy", ()) in str(text.spans[0].style)


def test_what_stands_where_there_is_nothing_to_read() -> None:
    assert highlighted(answer("", None)).plain == "(no words)"
    assert highlighted(answer("dzień dobry", None)).plain == '"dzień dobry" (pl: voice alone)'
