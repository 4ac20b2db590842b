"""What a request may ask for: the options of ``serotone predict``."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from pydantic import Field

from serotone.config import Config
from serotone.labels import UNCERTAIN, resolve
from serotone.types import Prediction


class Options(Config):
    """How one recording is to be heard.

    Attributes:
        labels: choose among these alone, as ``happy,sad,angry``; all where empty.
        min_confidence: below it, the answer is ``uncertain``.
        words: hear the words too, and what they say (English).
        timeline: who felt what, when.
        channel: which one, from 0; the mean of all where None.
        speakers: with timeline, tell so many voices apart (experimental).
    """

    labels: str = Field(
        default="",
        max_length=200,
        description="Choose among these alone, as happy,sad,angry; all where empty.",
        examples=["happy,sad,angry"],
    )
    min_confidence: float = Field(
        default=0.0, ge=0, le=1, description="Below it, the answer is 'uncertain'."
    )
    words: bool = Field(
        default=False, description="Hear the words too, and what they say (English)."
    )
    timeline: bool = Field(default=False, description="Hear who felt what, when.")
    channel: int | None = Field(
        default=None,
        ge=0,
        le=63,
        description="One channel, from 0; the mean of all where left out.",
    )
    speakers: int = Field(
        default=0,
        ge=0,
        le=8,
        description="With timeline: tell so many voices apart (experimental).",
    )

    def chosen(self, known: Sequence[str]) -> tuple[str, ...]:
        """The labels to choose among, in the model's order.

        Raises:
            LabelError: when the model does not know one of them.
        """
        names = [name for name in map(str.strip, self.labels.split(",")) if name]
        wanted = {resolve(name, known) for name in names}
        return tuple(label for label in known if label in wanted) or tuple(known)


def narrow(prediction: Prediction, labels: Sequence[str], min_confidence: float) -> Prediction:
    """What a Recognizer narrowed to these labels would have said.

    So that requests with different options can share one run of the model.
    """
    kept = {label: prediction.probabilities[label] for label in labels}
    total = sum(kept.values())
    even = 1 / len(kept)
    shares = {label: p / total if total > 0 else even for label, p in kept.items()}
    best = max(shares, key=shares.__getitem__)
    return dataclasses.replace(
        prediction,
        probabilities=shares,
        label=best if shares[best] >= min_confidence else UNCERTAIN,
        confidence=shares[best],
    )
