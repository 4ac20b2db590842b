"""Clips of the speakers a model learned from, for calibration."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from serotone.audio.io import read
from serotone.audio.preprocess import PrepareConfig, prepare
from serotone.audio.segment import windows
from serotone.errors import AudioError, ConfigError
from serotone.inference.recognizer import LONGEST_S, WINDOW_S
from serotone.store.load import ModelInfo
from serotone.types import Audio, Utterance


def choose(
    utterances: Iterable[Utterance], speakers: Sequence[str], *, n: int, seed: int = 0
) -> list[Utterance]:
    """Clips of these speakers, one of each in turn, drawn.

    Raises:
        ConfigError: when none of them speaks.
    """
    wanted = set(speakers)
    by_speaker: dict[str, list[Utterance]] = {}
    for utterance in utterances:
        if utterance.speaker in wanted:
            by_speaker.setdefault(utterance.speaker, []).append(utterance)
    if not by_speaker:
        raise ConfigError(
            "got a corpus without any of the speakers that the model learned from, expected some. "
            "Name a corpus of its card, or a --split whose train side is to be taken."
        )
    draw = random.Random(seed)
    for rows in by_speaker.values():
        draw.shuffle(rows)
    turns = itertools.zip_longest(*by_speaker.values())
    rows = [row for turn in turns for row in turn if row is not None]
    return rows[:n]


def signals_of(utterances: Iterable[Utterance], model: ModelInfo) -> list[NDArray[np.float32]]:
    """The clips (N,) as the model hears them; those that cannot be read are left out."""
    steps = PrepareConfig.parse(model.prepare, "prepare")
    found = []
    for utterance in utterances:
        try:
            audio = read(utterance.path, sample_rate=model.sample_rate)
        except AudioError:
            continue
        found.append(prepare(_part(audio, utterance), steps).signal)
    return found


def _part(audio: Audio, utterance: Utterance) -> Audio:
    """The utterance's own stretch, its first window where that is long."""
    if not np.isnan(utterance.end_s):
        first = round(utterance.start_s * audio.sample_rate)
        last = round(utterance.end_s * audio.sample_rate)
        audio = Audio(audio.signal[first:last], audio.sample_rate, audio.source)
    if audio.duration_s <= LONGEST_S:
        return audio
    return next(iter(windows(audio, length_s=WINDOW_S, hop_s=WINDOW_S)))
