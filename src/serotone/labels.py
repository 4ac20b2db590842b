"""Emotion names: the canonical eight, further ones, and every alias the corpora use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from serotone.errors import LabelError, did_you_mean

CANONICAL: tuple[str, ...] = (
    "neutral",
    "calm",
    "happy",
    "sad",
    "angry",
    "fearful",
    "disgust",
    "surprised",
)
"""The labels of the default model, in the order of its outputs."""

FURTHER: tuple[str, ...] = ("bored", "excited", "frustrated")
"""Labels that single corpora have beyond the canonical eight."""

UNCERTAIN = "uncertain"
"""What a prediction is called when its confidence is below the caller's threshold."""

_ALIASES: Mapping[str, str] = {
    "neutrality": "neutral",
    "neu": "neutral",
    "calmness": "calm",
    "happiness": "happy",
    "hap": "happy",
    "joy": "happy",
    "joyful": "happy",
    "sadness": "sad",
    "anger": "angry",
    "ang": "angry",
    "fear": "fearful",
    "fea": "fearful",
    "fearfulness": "fearful",
    "anxious": "fearful",
    "anxiety": "fearful",
    "disgusted": "disgust",
    "dis": "disgust",
    "surprise": "surprised",
    "sur": "surprised",
    "ps": "surprised",
    "pleasant surprise": "surprised",
    "pleasant surprised": "surprised",
    "boredom": "bored",
    "excitement": "excited",
    "exc": "excited",
    "frustration": "frustrated",
    "fru": "frustrated",
}


def normalise(name: str) -> str:
    """The label that ``name`` stands for; a name nobody knows is kept, in lower case.

    Example:
        >>> normalise("Pleasant_Surprise"), normalise("ANG"), normalise("laughing")
        ('surprised', 'angry', 'laughing')
    """
    key = " ".join(name.strip().lower().replace("_", " ").replace("-", " ").split())
    return _ALIASES.get(key, key)


def resolve(name: str, known: Sequence[str]) -> str:
    """The member of ``known`` that ``name`` or its alias names.

    Raises:
        LabelError: when it names none of them.

    Example:
        >>> resolve("joy", CANONICAL)
        'happy'
    """
    if name in known:
        return name
    label = normalise(name)
    if label not in known:
        raise LabelError(f"unknown label '{name}'. {did_you_mean(label, known)}")
    return label
