"""Voice and words together: a Recognizer that also reads what it hears said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from serotone.audio.io import read
from serotone.errors import AudioError
from serotone.inference.fusion import DEFAULT, Fusion, fuse
from serotone.inference.recognizer import Recognizer
from serotone.types import Audio, Failure, Prediction
from serotone.words.emotion import (
    Contribution,
    TextClassifier,
    contributions,
    open_classifier,
    predict_transcript,
)
from serotone.words.transcribe import POCKETSPHINX, open_transcriber
from serotone.words.transcript import Transcriber, Transcript


@dataclass(frozen=True, slots=True)
class TwoSenses(Prediction):
    """What voice and words say together, and what each says alone.

    Attributes:
        voice: from the sound alone.
        words: from the transcript alone; None where nothing was said, or in a language that the
            text model does not know.
        transcript: what was said; ``text`` is the same.
        contributions: what each word of ``text`` adds to the words' own label.
    """

    voice: Prediction | None = None
    words: Prediction | None = None
    transcript: Transcript | None = None
    contributions: tuple[Contribution, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """The contract's keys, of both senses together, and ``senses`` with what each said."""
        # Named outright: a dataclass with slots is another class than the one super() knows.
        plain = Prediction.to_dict(self)
        transcript = self.transcript or Transcript("", "", 0.0)
        return {
            **plain,
            "senses": {
                "voice": _share(self.voice),
                "words": _share(self.words),
                "both": _share(self),
                "transcript": {
                    "text": transcript.text,
                    "language": transcript.language,
                    "confidence": round(transcript.confidence, 6),
                    "words": [
                        {
                            "text": word.text,
                            "start_s": round(word.start_s, 3),
                            "end_s": round(word.end_s, 3),
                            "confidence": round(word.confidence, 6),
                        }
                        for word in transcript.words
                    ],
                },
                "contributions": [
                    {"text": self.text[c.start : c.end], "weight": round(c.weight, 6)}
                    for c in self.contributions
                ],
            },
        }


@dataclass(frozen=True)
class Listener:
    """Predicts as a ``Recognizer`` does, with words. Make one with ``Listener.open``.

    Attributes:
        recognizer: hears the voice.
        transcriber: hears the words.
        classifier: reads them.
        fusion: how much each counts.
    """

    recognizer: Recognizer
    transcriber: Transcriber
    classifier: TextClassifier
    fusion: Fusion = DEFAULT

    @classmethod
    def open(
        cls, recognizer: Recognizer, *, transcriber: str = POCKETSPHINX, text_model: str = "shipped"
    ) -> Listener:
        """A Recognizer with words added.

        Args:
            recognizer: hears the voice.
            transcriber: as ``words.transcribe.open_transcriber`` takes it.
            text_model: as ``words.emotion.open_classifier`` takes it.

        Raises:
            MissingExtraError: when a package is not installed.
            ModelError: when there is no such engine or model.
        """
        return cls(recognizer, open_transcriber(transcriber), open_classifier(text_model))

    @property
    def labels(self) -> tuple[str, ...]:
        """Those that predictions choose among: the voice model's."""
        return self.recognizer.labels

    def predict(self, path: str | Path) -> TwoSenses:
        """Predict one file.

        Raises:
            AudioError: when it cannot be read.
        """
        return self.predict_audio(read(path))

    def predict_audio(self, audio: Audio) -> TwoSenses:
        """Predict sound that is in memory."""
        voice = self.recognizer.predict_audio(audio)
        transcript = self.transcriber(audio)
        words = predict_transcript(self.classifier, transcript, audio)
        both = fuse(
            voice,
            words,
            transcript_confidence=transcript.confidence,
            fusion=self.fusion,
            min_confidence=self.recognizer.min_confidence,
        )
        values = {f.name: getattr(both, f.name) for f in fields(Prediction)}
        parts = contributions(self.classifier, words.text, words.label) if words else []
        return TwoSenses(
            **{**values, "text": transcript.text},
            voice=voice,
            words=words,
            transcript=transcript,
            contributions=tuple(parts),
        )

    def predict_files(
        self, paths: Iterable[str | Path], *, batch_size: int = 1
    ) -> Iterator[TwoSenses | Failure]:
        """Predict files one by one, in their order; transcribing leaves nothing to batch.

        A file that cannot be read gives a ``Failure``, and the others go on.
        """
        for path in paths:
            try:
                yield self.predict(path)
            except AudioError as error:
                yield Failure(str(path), str(error))


def _share(prediction: Prediction | None) -> dict[str, object] | None:
    if prediction is None:
        return None
    plain = Prediction.to_dict(prediction)
    return {key: plain[key] for key in ("label", "confidence", "probabilities")}
