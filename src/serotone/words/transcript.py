"""What was said, word by word, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from serotone.types import Audio


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it was heard.

    Attributes:
        text: as the engine spells it.
        start_s, end_s: in seconds of the source.
        confidence: the engine's own probability that this word is right, 0 to 1.
    """

    text: str
    start_s: float
    end_s: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Transcript:
    """The words of a stretch of speech; ``text`` is empty where none were heard.

    Attributes:
        text: the words with spaces between, or as the engine punctuates them.
        language: ISO 639-1 code of what was spoken, or was taken to be.
        confidence: mean over the words, 0 where there are none.
        words: in order.
    """

    text: str
    language: str
    confidence: float
    words: tuple[Word, ...] = ()

    @classmethod
    def of(cls, words: tuple[Word, ...], language: str, *, text: str | None = None) -> Transcript:
        """Words as a transcript: their text joined, their confidence averaged."""
        joined = " ".join(word.text for word in words) if text is None else text
        mean = sum(word.confidence for word in words) / len(words) if words else 0.0
        return cls(joined, language, mean, words)

    def between(self, start_s: float, end_s: float) -> Transcript:
        """The words whose middle lies from ``start_s`` to before ``end_s``, as for a segment."""
        inside = tuple(w for w in self.words if start_s <= (w.start_s + w.end_s) / 2 < end_s)
        if inside == self.words:
            return self
        return Transcript.of(inside, self.language)


class Transcriber(Protocol):
    """An engine that writes down what it hears."""

    def __call__(self, audio: Audio) -> Transcript:
        """The words of a sound of any rate and length."""
        ...
