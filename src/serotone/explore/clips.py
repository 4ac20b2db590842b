"""Which clips of a corpus to show, and their sound for a page."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import median

import numpy as np
import soundfile

from serotone.errors import AudioError
from serotone.explore.measure import Clip, sound_of
from serotone.labels import CANONICAL, FURTHER
from serotone.types import Audio

SAMPLE_RATE = 16_000
LONGEST_S = 8.0
MP3_EFFORT = 0.7
"""0 is the largest and best MP3, 1 the smallest."""


def labels_of(clips: Iterable[Clip]) -> list[str]:
    """Their labels: the canonical ones first, then others by name."""
    found = {clip.label for clip in clips}
    known = [label for label in (*CANONICAL, *FURTHER) if label in found]
    return [*known, *sorted(found.difference(known))]


def one_of_each(clips: Sequence[Clip]) -> dict[str, Clip]:
    """A clip for each label, as alike as can be in all but the emotion.

    The voice and sentence with most labels is taken; what it lacks comes from the same voice, then
    from the whole corpus. Among several, the strongest, then the one nearest in length to the
    middle of its label.
    """
    labels = labels_of(clips)
    covered: dict[tuple[str, str], set[str]] = defaultdict(set)
    voiced: dict[str, set[str]] = defaultdict(set)
    lengths: dict[str, list[float]] = defaultdict(list)
    for clip in clips:
        covered[clip.utterance.speaker, clip.utterance.sentence].add(clip.label)
        voiced[clip.utterance.speaker].add(clip.label)
        lengths[clip.label].append(clip.duration_s)
    middle = {label: median(values) for label, values in lengths.items()}
    speaker, sentence = min(
        covered, key=lambda key: (-len(covered[key]), -len(voiced[key[0]]), key)
    )

    def rank(clip: Clip) -> tuple[bool, bool, float, float, str]:
        utterance = clip.utterance
        strength = np.nan_to_num(utterance.intensity, nan=0.0)
        apart = abs(clip.duration_s - middle[clip.label])
        other_voice = utterance.speaker != speaker
        return other_voice, utterance.sentence != sentence, -strength, apart, utterance.id

    return {label: min((c for c in clips if c.label == label), key=rank) for label in labels}


def excerpt(clip: Clip) -> Audio:
    """The first eight seconds of a clip at 16 kHz, as loud as it was recorded.

    Raises:
        AudioError: when it cannot be read.
    """
    blocks = list(sound_of(clip.utterance, sample_rate=SAMPLE_RATE, longest_s=LONGEST_S))
    if not blocks:
        raise AudioError(f"{clip.utterance.path}: nothing left of it. Check the recording.")
    signal = np.concatenate([block.signal for block in blocks])
    return Audio(signal, SAMPLE_RATE, str(clip.utterance.path))


def mp3(audio: Audio) -> bytes:
    """The sound as MP3, which every browser plays; Opus in Ogg is missing on older phones."""
    stream = io.BytesIO()
    soundfile.write(
        stream, audio.signal, audio.sample_rate, format="MP3", compression_level=MP3_EFFORT
    )
    return stream.getvalue()
