"""A recogniser that answers from the file's name, and utterances of such names."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from serotone.types import Audio, Failure, Prediction, Utterance

LABELS = ("neutral", "calm", "happy", "sad")


@dataclass(frozen=True)
class FakeModel:
    name: str = "fake"
    recipe: str = "fake-recipe"
    n_parameters: int = 7
    sample_rate: int = 16_000
    prepare: Mapping[str, Any] = field(default_factory=dict)
    thresholds: Mapping[float, float] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(
        default_factory=lambda: {"train_speakers": ["toy-9"], "seed": 3, "train_s": 1.5}
    )

    def reader(self, corpus: str) -> dict[str, Any]:
        return dict(self.provenance.get("readers", {}).get(corpus, {}))


class FakeRecognizer:
    """Gives 0.7 to the label that stands in the name after ``as-``; ``bad`` files fail."""

    def __init__(
        self,
        labels: Sequence[str] = LABELS,
        model: FakeModel | None = None,
        intensity: bool = False,
    ) -> None:
        self.labels = tuple(labels)
        self.model = model or FakeModel()
        self.intensity = intensity
        self.heard: list[Audio] = []
        self.told: list[list[str]] = []

    def for_speaker(self, audios: Iterable[Audio]) -> FakeRecognizer:
        self.told.append([audio.source for audio in audios])
        return self

    def predict_files(
        self, paths: Iterable[Path], *, batch_size: int
    ) -> Iterator[Prediction | Failure]:
        for path in paths:
            if "bad" in path.name:
                yield Failure(str(path), f"{path}: not sound")
            else:
                yield self._prediction(path.stem.rpartition("as-")[2].split("_")[0], str(path))

    def predict_audio(self, audio: Audio) -> Prediction:
        self.heard.append(audio)
        return self._prediction("sad", audio.source)

    def _prediction(self, label: str, source: str) -> Prediction:
        rest = 0.3 / (len(self.labels) - 1)
        probabilities = {name: 0.7 if name == label else rest for name in self.labels}
        strength = (0.9 if "strong" in source else 0.2) if self.intensity else math.nan
        return Prediction(source, 0.0, 1.0, probabilities, label, 0.7, strength)


def clip(
    speaker: int, truth: str | None, heard: str, *, n: int = 0, sex: str = "", **more: Any
) -> Utterance:
    name = f"{speaker}-{truth}-{n}-as-{heard}"
    if more.get("intensity") == 1:
        name += "_strong"
    path = Path(f"{name}.wav")
    return Utterance(f"toy/{name}", path, "toy", f"toy-{speaker}", truth, sex=sex, **more)
