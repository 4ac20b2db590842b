"""Words to emotions: what every text model offers, and how one is opened."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from serotone.errors import ModelError
from serotone.types import Audio, Prediction
from serotone.words.ngrams import tokens

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from serotone.words.transcript import Transcript

SHIPPED, HUGGING_FACE = "shipped", "hf"
DEFAULT_HUGGING_FACE = "j-hartmann/emotion-english-distilroberta-base"

BATCH_SIZE = 64
"""Texts that go through a model at once."""


class TextClassifier(Protocol):
    """A model of the emotion in a text."""

    @property
    def labels(self) -> tuple[str, ...]:
        """What it chooses among, as ``serotone.labels`` names them."""
        ...

    @property
    def languages(self) -> frozenset[str]:
        """ISO 639-1 codes of the languages it knows; empty where it knows any."""
        ...

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Calibrated, of shape (B, C), rows summing to 1."""
        ...


class Contribution(NamedTuple):
    """What a word adds to a label.

    Attributes:
        start, end: letters of the text.
        weight: by how much the label's log-odds fall when the word is left out, in nats.
    """

    start: int
    end: int
    weight: float


def open_classifier(name: str = SHIPPED) -> TextClassifier:
    """A text model by name.

    Args:
        name: ``shipped``, which needs nothing but the core; ``hf`` for the default model of the
            Hugging Face hub; or ``hf:`` and a model's name there or its folder.

    Raises:
        MissingExtraError: when transformers is not installed.
        ModelError: when there is no such model, or it cannot be used.
    """
    kind, _, model = name.partition(":")
    if kind == SHIPPED and not model:
        from serotone.words.embedded import Embedded

        return Embedded()
    if kind == HUGGING_FACE:
        from serotone.words.huggingface import HuggingFace

        return HuggingFace(model or DEFAULT_HUGGING_FACE)
    raise ModelError(
        f"unknown text model '{name}', expected {SHIPPED}, {HUGGING_FACE} or "
        f"{HUGGING_FACE}:MODEL. Choose one of these."
    )


def understands(classifier: TextClassifier, transcript: Transcript) -> bool:
    """Whether there are words, in a language that the model knows."""
    known = not classifier.languages or transcript.language in classifier.languages
    return known and bool(transcript.text.strip())


def predict_texts(classifier: TextClassifier, texts: Sequence[str]) -> list[Prediction]:
    """What texts say, each as a prediction without a source or a place in time.

    An empty text gives a prediction like any other: what the model expects of nothing.

    Example:
        >>> predict_texts(open_classifier(), ["This is wonderful news!"])[0].label
        'happy'
    """
    rows = [
        row
        for start in range(0, len(texts), BATCH_SIZE)
        for row in classifier.probabilities(texts[start : start + BATCH_SIZE])
    ]
    return [_prediction(classifier, row, text) for row, text in zip(rows, texts, strict=True)]


def predict_transcript(
    classifier: TextClassifier, transcript: Transcript, audio: Audio
) -> Prediction | None:
    """What the words of a sound say; None where the model cannot know."""
    if not understands(classifier, transcript):
        return None
    row = classifier.probabilities([transcript.text])[0]
    return _prediction(classifier, row, transcript.text, audio=audio)


def contributions(classifier: TextClassifier, text: str, label: str) -> list[Contribution]:
    """What each word and sign of a text adds to a label, by leaving it out.

    Works for any model. The weights need not add up: words that say the same thing share what
    neither takes away alone.

    Args:
        classifier: the model.
        text: what was said.
        label: one of the model's.

    Source:
        Li, Monroe & Jurafsky 2016, Understanding Neural Networks through Representation Erasure,
        arXiv:1612.08220.
    """
    parts = tokens(text)
    texts = [text, *(text[: part.start] + text[part.end :] for part in parts)]
    column = classifier.labels.index(label)
    rows = [
        row
        for start in range(0, len(texts), BATCH_SIZE)
        for row in classifier.probabilities(texts[start : start + BATCH_SIZE])
    ]
    whole, *without = (_log_odds(float(row[column])) for row in rows)
    return [
        Contribution(part.start, part.end, whole - rest)
        for part, rest in zip(parts, without, strict=True)
    ]


def _prediction(
    classifier: TextClassifier, row: NDArray[np.float64], text: str, audio: Audio | None = None
) -> Prediction:
    best = int(row.argmax())
    return Prediction(
        source=audio.source if audio else "",
        start_s=audio.start_s if audio else 0.0,
        end_s=audio.end_s if audio else 0.0,
        probabilities=dict(zip(classifier.labels, row.tolist(), strict=True)),
        label=classifier.labels[best],
        confidence=float(row[best]),
        text=text,
    )


def _log_odds(probability: float) -> float:
    bounded = min(max(probability, 1e-9), 1 - 1e-9)
    return math.log(bounded / (1 - bounded))
