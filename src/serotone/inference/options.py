"""How a Recognizer is opened: a value that crosses to other processes, and costs no import."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from serotone.inference.recognizer import Recognizer


@dataclass(frozen=True, slots=True)
class Opening:
    """A model and what to make of its answers.

    Attributes:
        model: a name or a folder.
        labels: what to narrow it to; empty keeps all.
        min_confidence: below it the answer is ``uncertain``.
        coverage: of sets of labels; None gives none.
        sound_check: warn of short sound and of what is no speech.
    """

    model: str | Path = "default"
    labels: tuple[str, ...] = ()
    min_confidence: float = 0.0
    coverage: float | None = None
    sound_check: bool = True

    def open(self, *, n_threads: int | None = None) -> Recognizer:
        """The Recognizer that this describes.

        Raises:
            ModelError: when there is no such model, or its files were altered.
            LabelError: when the model does not know one of the labels.
            ConfigError: when it was not calibrated for sets of this coverage.
        """
        from serotone.inference.recognizer import Recognizer

        recognizer = Recognizer.open(self.model, n_threads=n_threads, sound_check=self.sound_check)
        if self.labels:
            recognizer = recognizer.narrow(self.labels)
        if self.min_confidence:
            recognizer = recognizer.with_min_confidence(self.min_confidence)
        if self.coverage is not None:
            recognizer = recognizer.with_sets(self.coverage)
        return recognizer
