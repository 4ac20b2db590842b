"""A tiny recipe, and a model folder from its untrained net."""

from __future__ import annotations

from pathlib import Path

from serotone.store.load import ModelInfo
from serotone.training.recipe import Recipe
from serotone.training.save_model import publish
from serotone.training.train import Trained, build
from serotone.types import Split, Utterance

RECIPE = Recipe.parse(
    {
        "name": "tiny",
        "architecture": {
            "log_mel": {"n_mels": 8},
            "stem_width": 8,
            "widths": [8],
            "time_strides": [2],
            "embedding_size": 4,
        },
        "data": {"corpora": ["ravdess"], "labels": ["happy", "sad", "angry"]},
    }
)


def publish_tiny(folder: Path, recipe: Recipe = RECIPE) -> ModelInfo:
    """Export an untrained tiny net to ``folder``."""

    def row(speaker: str) -> Utterance:
        return Utterance(f"ravdess/{speaker}", Path(speaker), "ravdess", speaker, "happy")

    trained = Trained(
        model=build(recipe).eval(), temperature=1.5, dev={"uar": 0.5}, epoch=0, train_s=1.0
    )
    split = Split("luna5:1", (row("ravdess-01"),), (row("ravdess-03"),), (row("ravdess-02"),))
    return publish(trained, recipe, split, folder=folder)
