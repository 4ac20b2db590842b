"""What trained models say of the clips that another is to learn from: distillation."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from serotone.errors import ConfigError
from serotone.inference.recognizer import BATCH_SIZE, Recognizer
from serotone.inference.threads import chunked
from serotone.training.data import read_utterance
from serotone.training.init_weights import beginning
from serotone.training.recipe import Recipe
from serotone.types import Sides, Utterance


def opinions(recipe: Recipe, split: Sides, side: Sequence[Utterance]) -> dict[str, Tensor]:
    """Mean probabilities of the recipe's teachers for each clip.

    Args:
        recipe: with teachers.
        split: of the run, whose dev and test speakers no teacher may know.
        side: the clips.

    Returns:
        float32 (C,) by the clip's id, in the order of the recipe's labels.

    Raises:
        ConfigError: when a teacher knows other labels, or knows whom the split keeps apart.
        AudioError: when a clip cannot be read.
    """
    labels = recipe.data.labels
    rooms = [_teacher(name, split, labels) for name in recipe.taught_by]
    said: dict[str, Tensor] = {}
    for clips in chunked((u for u in side if u.label in labels), BATCH_SIZE):
        sounds = [read_utterance(u, rooms[0].sample_rate) for u in clips]
        answers = [room.predict_batch(sounds) for room in rooms]
        for utterance, *predictions in zip(clips, *answers, strict=True):
            rows = [[p.probabilities[label] for label in labels] for p in predictions]
            said[utterance.id] = torch.tensor(rows).mean(dim=0)
    return said


def _teacher(name: str, split: Sides, labels: Sequence[str]) -> Recognizer:
    model = beginning([name], split)
    if missing := sorted(set(labels) - set(model.labels)):
        raise ConfigError(
            f"teacher '{name}' does not know {', '.join(missing)}. Expected all labels of the "
            "recipe. Take another teacher, or fewer labels."
        )
    return Recognizer.open(model.path, sound_check=False).narrow(tuple(labels))
