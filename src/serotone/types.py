"""The values that flow through serotone. All are frozen; none knows where it goes.

Letters: N samples, T frames, F features, B batch, C classes, E embedding.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from serotone.errors import AudioError, ConfigError, LeakError, did_you_mean

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PARTS: tuple[str, ...] = ("train", "dev", "test")


@dataclass(frozen=True, slots=True, eq=False)
class Audio:
    """One channel of sound.

    Attributes:
        signal: float32 of shape (N,), within [-1, 1], finite.
        sample_rate: in Hz.
        source: where it came from, for messages and results.
        start_s: where in the source it begins; a segment knows its place.

    Raises:
        AudioError: when the signal has no samples or the rate is not positive.
    """

    signal: NDArray[np.float32]
    sample_rate: int
    source: str = ""
    start_s: float = 0.0

    def __post_init__(self) -> None:
        if self.signal.ndim != 1 or self.signal.size == 0:
            raise AudioError(
                f"{self.source or 'audio'}: got a signal of shape {self.signal.shape}, "
                "expected one channel with at least one sample. Check the recording."
            )
        if self.sample_rate <= 0:
            raise AudioError(
                f"{self.source or 'audio'}: got sample rate {self.sample_rate}, "
                "expected a positive number of Hz."
            )

    @property
    def duration_s(self) -> float:
        return len(self.signal) / self.sample_rate

    @property
    def end_s(self) -> float:
        return self.start_s + self.duration_s


@dataclass(frozen=True, slots=True)
class Utterance:
    """One annotated clip of a corpus: a row, never the sound.

    Attributes:
        id: ``corpus/path without its ending``; the same on every machine and in every format.
        path: the file.
        corpus: the corpus's short name.
        speaker: unique across corpora (``ravdess-07``), so that a split can compare them.
        label: an emotion of ``serotone.labels``, a class of the user's own, or None.
        intensity: 0 (weak) to 1 (strong), NaN where unknown.
        votes: share of raters per label, empty where nobody voted.
        sentence: what is said, as an identifier comparable within the corpus.
        language: ISO 639-1 code.
        sex: ``female``, ``male`` or empty.
        age: in years, NaN where unknown.
        start_s, end_s: the part of the file, to its end where ``end_s`` is NaN.
        speaker_known: false where nobody says who speaks, and the clip counts as a speaker's only
            one.
    """

    id: str
    path: Path
    corpus: str
    speaker: str
    label: str | None
    intensity: float = math.nan
    votes: Mapping[str, float] = field(default_factory=dict, hash=False)
    sentence: str = ""
    language: str = ""
    sex: str = ""
    age: float = math.nan
    start_s: float = 0.0
    end_s: float = math.nan
    speaker_known: bool = True


@dataclass(frozen=True)
class Sides:
    """Utterances to learn from, to choose on, and to be measured on.

    Attributes:
        name: as in results, for example ``luna5:1``.
        train, dev, test: utterances; a side may be empty.
    """

    name: str
    train: tuple[Utterance, ...]
    dev: tuple[Utterance, ...]
    test: tuple[Utterance, ...]

    protocol: ClassVar[str]

    def part(self, name: str) -> tuple[Utterance, ...]:
        """The utterances of ``train``, ``dev``, ``test``, or of ``all`` three.

        Raises:
            ConfigError: when there is no such side.
        """
        if name == "all":
            return self.train + self.dev + self.test
        if name not in PARTS:
            raise ConfigError(f"unknown part '{name}'. {did_you_mean(name, (*PARTS, 'all'))}")
        side: tuple[Utterance, ...] = getattr(self, name)
        return side

    @property
    def hash(self) -> str:
        """First 16 hex digits of SHA-256 over the sorted ids of each side."""
        digest = hashlib.sha256()
        for part in PARTS:
            digest.update(f"[{part}]\n".encode())
            for name in sorted(u.id for u in self.part(part)):
                digest.update(f"{name}\n".encode())
        return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Split(Sides):
    """Sides that share no speaker and no clip. One that leaks cannot be made.

    Raises:
        LeakError: when a speaker or a clip stands on two sides, or a clip twice on one.
    """

    protocol: ClassVar[str] = "honest"

    def __post_init__(self) -> None:
        for field_name in ("speaker", "id"):
            _refuse_shared(self, field_name)
        _refuse_repeats(self)


@dataclass(frozen=True)
class TextSplit(Sides):
    """Sides that share no sentence and no clip, but the same people speak on them.

    It answers what a model makes of words it never heard, not of voices it never heard.

    Attributes:
        n_dropped: utterances left out so that no sentence stands on two sides.

    Raises:
        LeakError: when a sentence or a clip stands on two sides, or a clip twice on one.
    """

    n_dropped: int = 0

    protocol: ClassVar[str] = "text-independent"

    def __post_init__(self) -> None:
        for field_name in ("sentence", "id"):
            _refuse_shared(self, field_name)
        _refuse_repeats(self)


@dataclass(frozen=True)
class SpeakerTextSplit(Split):
    """Sides that share no speaker, no sentence and no clip.

    Attributes:
        n_dropped: utterances left out because they would tie two sides together.

    Raises:
        LeakError: when a speaker, a sentence or a clip stands on two sides.
    """

    n_dropped: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        _refuse_shared(self, "sentence")


@dataclass(frozen=True)
class ClaimedSplit(Sides):
    """Sides as a published system made them, leaks included. Never judge a model by one.

    Every report made from one says so on its face: ``protocol`` is ``claimed``.
    Rows may repeat (augmented copies of one clip).
    """

    protocol: ClassVar[str] = "claimed"


def _refuse_shared(split: Sides, field_name: str) -> None:
    sides = {part: {getattr(u, field_name) for u in split.part(part)} for part in PARTS}
    for first, second in itertools.combinations(PARTS, 2):
        shared = sides[first] & sides[second]
        if shared:
            raise LeakError(
                f"split '{split.name}' has {len(shared)} {field_name}(s) in {first} and {second}, "
                f"for example '{min(shared)}'; expected none. Assign each to one side."
            )


def _refuse_repeats(split: Sides) -> None:
    # By place in the file too: one recording may hold many utterances, but none twice.
    counts = Counter((str(u.path), u.start_s) for u in split.part("all"))
    repeated = [path for (path, _), n in counts.items() if n > 1]
    if repeated:
        raise LeakError(
            f"split '{split.name}' holds {len(repeated)} clip(s) more than once, "
            f"for example '{min(repeated)}'; expected each once. Remove the copies."
        )


@dataclass(frozen=True, slots=True)
class Prediction:
    """What serotone says of one stretch of sound.

    Attributes:
        source: the file or stream.
        start_s, end_s: the stretch, in seconds of the source.
        probabilities: by label, summing to 1, calibrated.
        label: the most probable label, or ``uncertain`` below the caller's threshold.
        confidence: the highest probability.
        intensity: 0 to 1, NaN where the model has no opinion.
        text: the transcript, empty without words.
        warnings: why not to believe it: ``short``, ``no-speech``.
        label_set: labels that hold the truth as often as was asked for, likeliest first; empty
            where no sets were asked for.
    """

    source: str
    start_s: float
    end_s: float
    probabilities: Mapping[str, float]
    label: str
    confidence: float
    intensity: float = math.nan
    text: str = ""
    warnings: tuple[str, ...] = ()
    label_set: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """The JSON object of the command-line contract; NaN becomes null.

        ``warnings`` and ``set`` are there only where there are any.
        """
        further = {"warnings": list(self.warnings), "set": list(self.label_set)}
        return {
            "path": self.source,
            "start_s": round(self.start_s, 3),
            "end_s": round(self.end_s, 3),
            "label": self.label,
            "confidence": round(self.confidence, 6),
            "probabilities": {k: round(v, 6) for k, v in self.probabilities.items()},
            "intensity": None if math.isnan(self.intensity) else round(self.intensity, 6),
            "text": self.text or None,
            "error": None,
            **{key: value for key, value in further.items() if value},
        }


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that gave no prediction, and the one line that says why."""

    source: str
    error: str

    def to_dict(self) -> dict[str, object]:
        """The same keys as ``Prediction.to_dict``, all null but the path and the error."""
        keys = ("start_s", "end_s", "label", "confidence", "probabilities", "intensity", "text")
        empty: dict[str, object] = dict.fromkeys(keys)
        return {"path": self.source, **empty, "error": self.error}


def speakers(utterances: Iterable[Utterance]) -> list[str]:
    """The distinct speakers, sorted."""
    return sorted({u.speaker for u in utterances})
