"""Voice and words to one prediction: late fusion, a pure function of what each sense said.

Each sense votes with evidence, the logarithm of how much likelier it makes a label than the label
was before, times a weight; the sum, exponentiated and renormalised, is the answer (Hinton 2002,
Training Products of Experts by Minimizing Contrastive Divergence, doi:10.1162/089976602760128018).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from serotone.audio.sound_check import NO_SPEECH
from serotone.errors import ConfigError
from serotone.labels import UNCERTAIN
from serotone.types import Prediction

SMALLEST = 1e-6
"""Probabilities below are taken for this, so that no sense can rule a label out by itself."""

STAND_INS: Mapping[str, str] = {"calm": "neutral"}
"""Where the words' model lacks a label, it says of it what it says of another."""

WITHOUT_EMOTION = ("neutral", "calm")
"""Labels that show none."""

WORDS_PRIOR: Mapping[str, float] = {
    "neutral": 0.3755,
    "happy": 0.214,
    "sad": 0.072,
    "angry": 0.1192,
    "fearful": 0.0251,
    "disgust": 0.0244,
    "surprised": 0.1698,
}
"""Mean of what the shipped text model says of lines of dialogue."""


@dataclass(frozen=True, slots=True)
class Fusion:
    """How much each sense counts; the defaults were learned by ``benchmarks/words_fusion.py``.

    Attributes:
        voice_weight, words_weight: of each sense's evidence.
        voice_temperature, words_temperature: that each sense's probabilities are tempered with
            before they are weighed, 1 leaves them.
        neutral_voice, neutral_words: share of a sense's weight left where it shows no emotion at
            all. What is said is often neutral where how it is said is not, and the other way
            round; so the sense that shows some is listened to.
        sharpness: how fast a sense's weight rises from there as its likeliest emotion overtakes
            neutral.
        least_confidence: of a transcript; below it words do not count, above it their weight
            grows with it up to 1.
        words_prior: what the words' model expects before it has read anything, by label.
        prior_share: how much of that expectation is taken out of the words' evidence, 0 to 1.
    """

    voice_weight: float = 1.0
    words_weight: float = 1.4
    voice_temperature: float = 0.8964
    words_temperature: float = 1.3289
    neutral_voice: float = 0.02
    neutral_words: float = 0.5
    sharpness: float = 1.0
    least_confidence: float = 0.75
    words_prior: Mapping[str, float] = field(default_factory=lambda: WORDS_PRIOR, hash=False)
    prior_share: float = 0.75


DEFAULT = Fusion()


def fuse(
    voice: Prediction | None,
    words: Prediction | None,
    *,
    transcript_confidence: float = 1.0,
    fusion: Fusion = DEFAULT,
    min_confidence: float = 0.0,
) -> Prediction:
    """One prediction from two, on the labels of the voice where it spoke.

    The place in time and the intensity are the voice's, the text is the words'. Where a sense is
    missing, has no text, or its transcript is too unsure, the other's answer stands as it is.

    Args:
        voice: what was heard in the sound.
        words: what was read in the words; None where there were none, or in a language that the
            text model does not know.
        transcript_confidence: 0 to 1.
        fusion: weights and temperatures.
        min_confidence: below it the label is ``uncertain``.

    Raises:
        ConfigError: when both senses are missing.

    Example:
        >>> voice = Prediction("a.wav", 0, 2, {"happy": 0.5, "sad": 0.5}, "happy", 0.5)
        >>> words = Prediction("", 0, 0, {"happy": 0.1, "sad": 0.9}, "sad", 0.9, text="I miss you")
        >>> fuse(voice, words).label
        'sad'
    """
    gate = words_gate(words, transcript_confidence, fusion) if words else 0.0
    if voice is None:
        if words is None:
            raise ConfigError("got neither voice nor words, expected at least one of them.")
        return _answer(words, words.probabilities, words.text, min_confidence)
    text = words.text if words else voice.text
    if words is None or gate == 0:
        return _answer(voice, voice.probabilities, text, min_confidence)
    heard = _tempered(voice.probabilities, fusion.voice_temperature)
    evidence = words_evidence(words.probabilities, tuple(heard), fusion)
    voice_weight = fusion.voice_weight * shown(voice, fusion.neutral_voice, fusion.sharpness)
    words_weight = fusion.words_weight * gate
    logits = {
        label: voice_weight * logit + words_weight * evidence[label]
        for label, logit in heard.items()
    }
    return _answer(voice, _softmax(logits), text, min_confidence)


def words_gate(words: Prediction, transcript_confidence: float, fusion: Fusion) -> float:
    """The share of their weight that words keep, 0 to 1."""
    if not words.text.strip() or transcript_confidence < fusion.least_confidence:
        return 0.0
    return min(1.0, transcript_confidence) * shown(words, fusion.neutral_words, fusion.sharpness)


def shown(prediction: Prediction, left: float, sharpness: float) -> float:
    """How much emotion a sense shows: ``left`` where it is sure of none, near 1 where of some."""
    shares = prediction.probabilities
    none = sum(shares.get(label, 0.0) for label in WITHOUT_EMOTION) ** sharpness
    some = max((shares[label] for label in shares if label not in WITHOUT_EMOTION), default=0.0)
    some **= sharpness
    return left + (1 - left) * (some / (some + none) if some + none else 1.0)


def words_evidence(
    probabilities: Mapping[str, float], labels: tuple[str, ...], fusion: Fusion
) -> dict[str, float]:
    """What the words say for each label, in nats; as of an even guess where they lack it."""
    evidence = {}
    known = _tempered(probabilities, fusion.words_temperature)
    shares = _softmax(known)
    even = 1 / len(shares)
    for label in labels:
        source = label if label in shares else STAND_INS.get(label, "")
        if source in shares:
            before = fusion.words_prior.get(source, even)
            expected = fusion.prior_share * math.log(max(before, SMALLEST))
            evidence[label] = math.log(max(shares[source], SMALLEST)) - expected
        else:
            evidence[label] = (1 - fusion.prior_share) * math.log(even)
    return evidence


def _tempered(probabilities: Mapping[str, float], temperature: float) -> dict[str, float]:
    return {
        label: math.log(max(share, SMALLEST)) / temperature
        for label, share in probabilities.items()
    }


def _softmax(logits: Mapping[str, float]) -> dict[str, float]:
    highest = max(logits.values())
    raised = {label: math.exp(logit - highest) for label, logit in logits.items()}
    total = sum(raised.values())
    return {label: value / total for label, value in raised.items()}


def _answer(
    base: Prediction, shares: Mapping[str, float], text: str, min_confidence: float
) -> Prediction:
    label = max(shares, key=shares.__getitem__)
    confidence = shares[label]
    unheard = NO_SPEECH in base.warnings and not text.strip()
    return replace(
        base,
        probabilities=shares,
        label=UNCERTAIN if unheard or confidence < min_confidence else label,
        confidence=confidence,
        text=text,
    )
