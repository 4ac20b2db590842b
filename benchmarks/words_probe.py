"""A lexical probe: how far each sense moves when only the words change, or only the voice.

Distances are total variation, half the summed difference of two distributions: 0 the same, 1 apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from serotone.inference.fusion import fuse
from serotone.types import Audio, Prediction
from serotone.words.embedded import Embedded
from serotone.words.emotion import predict_texts

PLAIN = (
    "The meeting is on the second floor.",
    "There are two chairs in this room.",
    "The bus stops at the corner.",
    "He put the box on the table.",
)
TELLING: Mapping[str, tuple[str, ...]] = {
    "happy": ("I am so happy for you, this is wonderful!", "We won, what a fantastic day!"),
    "sad": ("I miss him so much, I can't stop crying.", "She died last night and I feel lost."),
    "angry": ("I hate you, get out of my house!", "You stupid idiot, you ruined everything!"),
    "fearful": ("I am terrified, something is out there.", "I'm scared that they will hurt us."),
    "disgust": ("That is disgusting, it makes me sick.", "What a revolting and nasty smell."),
    "surprised": ("Oh my God, I can't believe it!", "Wow, I never expected that!"),
}
"""Sentences written for this probe: plain ones, and some that name an emotion outright."""


def measure(
    speak: Callable[[str], Audio],
    voice: Callable[[dict[str, Callable[[], Audio]]], list[Prediction]],
    acted: Sequence[Any],
) -> dict[str, Any]:
    """Both halves of the probe.

    Args:
        speak: a neutral voice saying a text.
        voice: what the voice model says of sounds, by key.
        acted: cases of RAVDESS, whose words are the same for every emotion.
    """
    return {"one_voice_many_words": _words_change(speak, voice), "one_text": _voice_changes(acted)}


def _words_change(speak: Callable[[str], Audio], voice: Callable[..., Any]) -> dict[str, Any]:
    pairs = [(label, text) for label, texts in TELLING.items() for text in texts]
    texts = [*PLAIN, *(text for _, text in pairs)]
    sounds = {f"espeak:{text}": (lambda text=text: speak(text)) for text in texts}
    heard, read = voice(sounds), predict_texts(Embedded(), texts)
    both = [fuse(said, words) for said, words in zip(heard, read, strict=True)]
    n = len(PLAIN)
    right = {
        name: float(
            np.mean([p.label == label for p, (label, _) in zip(said[n:], pairs, strict=True)])
        )
        for name, said in (("voice", heard), ("words", read), ("both", both))
    }
    return {
        "n_plain": n,
        "n_telling": len(pairs),
        "moved": {
            name: _mean_distance(said[:n], said[n:])
            for name, said in (("voice", heard), ("words", read), ("both", both))
        },
        "named_emotion_found": {name: round(share, 4) for name, share in right.items()},
    }


def _voice_changes(acted: Sequence[Any]) -> dict[str, Any]:
    neutral = [case for case in acted if case.truth == "neutral"]
    moved = [case for case in acted if case.truth not in ("neutral", "calm")]
    sides = []
    for cases in (neutral, moved):
        both = [fuse(c.voice, c.words, transcript_confidence=c.confidence) for c in cases]
        sides.append(
            {"voice": [c.voice for c in cases], "words": [c.words for c in cases], "both": both}
        )
    return {
        "n_neutral": len(neutral),
        "n_emotional": len(moved),
        "moved": {name: _mean_distance(sides[0][name], sides[1][name]) for name in sides[0]},
    }


def _mean_distance(first: Sequence[Prediction], second: Sequence[Prediction]) -> float:
    """Between the mean distribution of the first and each of the second, averaged."""
    labels = sorted({*first[0].probabilities})
    middle = np.mean([[p.probabilities[label] for label in labels] for p in first], axis=0)
    rows = np.array([[p.probabilities[label] for label in labels] for p in second])
    return round(float(np.abs(rows - middle).sum(axis=1).mean() / 2), 4)
