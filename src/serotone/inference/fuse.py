"""Voice and words to one prediction: late fusion, a pure function of what each sense said.

Each sense votes with evidence, the logarithm of how much likelier it makes a label than the label
was before, times a weight; the sum, exponentiated and renormalised, is the answer (Hinton 2002,
Training Products of Experts by Minimizing Contrastive Divergence, doi:10.1162/089976602760128018).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from serotone.errors import ConfigError
from serotone.labels import UNCERTAIN
from serotone.types import Prediction

SMALLEST = 1e-6
"""Probabilities below are taken for this, so that no sense can rule a label out by itself."""

STAND_INS: Mapping[str, str] = {"calm": "neutral"}
"""Where the words' model lacks a label, it says of it what it says of another."""


@dataclass(frozen=True, slots=True)
class Fusion:
    """How much each sense counts; the defaults were learned by ``benchmarks/words_fusion.py``.

    Attributes:
        voice_weight, words_weight: of each sense's evidence.
        voice_temperature, words_temperature: that calibrate each sense by itself, 1 leaves it.
        neutral_words: share of the words' weight left where they show no emotion at all. What is
            said is often neutral where how it is said is not.
        least_confidence: of a transcript; below it words do not count, above it their weight
            grows with it up to 1.
        words_prior: what the words' model expects before it has read anything, by label.
    """

    voice_weight: float = 1.0
    words_weight: float = 1.0
    voice_temperature: float = 1.0
    words_temperature: float = 1.0
    neutral_words: float = 0.5
    least_confidence: float = 0.2
    words_prior: Mapping[str, float] = field(default_factory=dict, hash=False)


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
    missing, has no text, or its transcript is too unsure, the other's answer is given alone.

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
        shares = _softmax(_tempered(words.probabilities, fusion.words_temperature))
        return _answer(words, shares, text=words.text, min_confidence=min_confidence)
    logits = _tempered(voice.probabilities, fusion.voice_temperature)
    if words is not None and gate > 0:
        evidence = words_evidence(words.probabilities, tuple(logits), fusion)
        logits = {
            label: fusion.voice_weight * logit + gate * fusion.words_weight * evidence[label]
            for label, logit in logits.items()
        }
    text = words.text if words else voice.text
    return _answer(voice, _softmax(logits), text=text, min_confidence=min_confidence)


def words_gate(words: Prediction, transcript_confidence: float, fusion: Fusion) -> float:
    """The share of their weight that words keep, 0 to 1."""
    if not words.text.strip() or transcript_confidence < fusion.least_confidence:
        return 0.0
    neutral = words.probabilities.get("neutral", 0.0)
    shown = 1 - neutral * (1 - fusion.neutral_words)
    return min(1.0, transcript_confidence) * shown


def words_evidence(
    probabilities: Mapping[str, float], labels: tuple[str, ...], fusion: Fusion
) -> dict[str, float]:
    """By how many nats the words make each label likelier than it was; 0 where they cannot tell."""
    evidence = {}
    known = _tempered(probabilities, fusion.words_temperature)
    shares = _softmax(known)
    even = 1 / len(shares)
    for label in labels:
        source = label if label in shares else STAND_INS.get(label, "")
        if source in shares:
            before = fusion.words_prior.get(source, even)
            evidence[label] = math.log(max(shares[source], SMALLEST) / max(before, SMALLEST))
        else:
            evidence[label] = 0.0
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
    base: Prediction, shares: Mapping[str, float], *, text: str, min_confidence: float
) -> Prediction:
    label = max(shares, key=shares.__getitem__)
    confidence = shares[label]
    return replace(
        base,
        probabilities=shares,
        label=label if confidence >= min_confidence else UNCERTAIN,
        confidence=confidence,
        text=text,
    )
