from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serotone.errors import ModelError
from serotone.types import Audio
from serotone.words.embedded import SHIPPED_FILE, Embedded
from serotone.words.emotion import (
    contributions,
    open_classifier,
    predict_texts,
    predict_transcript,
    understands,
)
from serotone.words.transcript import Transcript


@pytest.fixture(scope="module")
def shipped() -> Embedded:
    return Embedded()


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("I am so happy for you, congratulations!", "happy"),
        ("I miss him so much, I cried all night.", "sad"),
        ("This makes me so angry, I hate you!", "angry"),
        ("I'm terrified, I was so scared.", "fearful"),
        ("That is disgusting.", "disgust"),
        ("Wow, I'm so surprised!", "surprised"),
        ("The train leaves at nine from the second platform.", "neutral"),
        ("i am so happy for you", "happy"),
    ],
)
def test_plain_emotions(shipped: Embedded, text: str, label: str) -> None:
    assert predict_texts(shipped, [text])[0].label == label


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=200))
def test_any_text_gives_a_distribution(text: str) -> None:
    rows = Embedded().probabilities([text])
    assert rows.shape == (1, 7)
    assert (rows >= 0).all()
    assert rows.sum() == pytest.approx(1)


def test_a_text_scores_the_same_alone_and_in_a_batch(shipped: Embedded) -> None:
    texts = ["No!", "I really do not know what to say about all of this, you know?", ""]
    together = shipped.probabilities(texts)
    alone = np.concatenate([shipped.probabilities([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    assert shipped.probabilities([]).shape == (0, 7)


def test_the_file_is_small_and_says_what_it_is(shipped: Embedded) -> None:
    assert SHIPPED_FILE.stat().st_size <= 10_000_000
    assert shipped.languages == {"en"}
    assert set(shipped.description["thresholds"]) and shipped.description["temperature"] > 0
    assert shipped.description["recipe"]["n_buckets"] == shipped.description["n_buckets"]


def test_it_needs_no_torch() -> None:
    code = (
        "import sys; from serotone.words.emotion import open_classifier, predict_texts; "
        "predict_texts(open_classifier(), ['hello']); "
        "print([m for m in ('torch', 'pandas', 'librosa', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_sentence_takes_little_time(shipped: Embedded) -> None:
    text = "I never thought that you would come all this way just to see me, thank you!"
    shipped.probabilities([text])
    began = time.process_time()
    for _ in range(50):
        shipped.probabilities([text])
    assert (time.process_time() - began) / 50 < 0.002


def test_a_transcript_keeps_its_place(shipped: Embedded) -> None:
    audio = Audio(np.zeros(32000, np.float32), 16000, "call.wav", 5.0)
    said = predict_transcript(shipped, Transcript("what a lovely day", "en", 0.9), audio)
    assert said is not None and (said.source, said.start_s, said.end_s) == ("call.wav", 5.0, 7.0)
    assert said.label == "happy" and said.text == "what a lovely day"


@pytest.mark.parametrize(
    ("text", "language", "known"),
    [("hello", "en", True), ("hallo", "de", False), ("", "en", False), ("  ", "en", False)],
)
def test_what_the_model_can_read(shipped: Embedded, text: str, language: str, known: bool) -> None:
    transcript = Transcript(text, language, 0.9)
    assert understands(shipped, transcript) is known
    audio = Audio(np.zeros(100, np.float32), 100)
    assert (predict_transcript(shipped, transcript, audio) is not None) is known


class Counting:
    """Each 'good' makes happy three times likelier; any language."""

    labels = ("happy", "sad")
    languages: frozenset[str] = frozenset()

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        odds = np.array([3.0 ** text.lower().split().count("good") for text in texts])
        return np.stack([odds / (1 + odds), 1 / (1 + odds)], axis=1)


def test_a_word_contributes_what_it_takes_away() -> None:
    text = "It is good , Good"
    found = contributions(Counting(), text, "happy")
    assert [text[c.start : c.end] for c in found] == ["It", "is", "good", ",", "Good"]
    expected = [0, 0, np.log(3), 0, np.log(3)]
    assert [c.weight for c in found] == pytest.approx(expected)
    against = contributions(Counting(), text, "sad")
    assert [c.weight for c in against] == pytest.approx([-e for e in expected])


def test_the_telling_word_contributes_most(shipped: Embedded) -> None:
    text = "I think that is disgusting, you know"
    found = contributions(shipped, text, "disgust")
    best = max(found, key=lambda c: c.weight)
    assert text[best.start : best.end] == "disgusting"
    assert contributions(shipped, "", "sad") == []


def test_a_model_of_any_language_reads_all() -> None:
    assert understands(Counting(), Transcript("hola", "es", 0.5))


@pytest.mark.parametrize("name", ["bert", "shipped:2", ""])
def test_an_unknown_text_model(name: str) -> None:
    with pytest.raises(ModelError, match=r"unknown text model .* expected shipped, hf"):
        open_classifier(name)


def test_files_that_are_no_text_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no text model"):
        Embedded(tmp_path / "absent.onnx")
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not onnx at all")
    with pytest.raises(ModelError, match="cannot load"):
        Embedded(broken)
