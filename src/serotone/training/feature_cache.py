"""Features of clips, kept from one fold of a recipe to the next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from serotone.training.recipe import Recipe

Made = dict[tuple[str, Path], list[Tensor]]
"""By utterance and file: features of the clip, then of its altered copies."""


class Kept:
    """Features that were made, as long as recipes ask for the same.

    The folds of a recipe hear the same clips on other sides, and reading a clip with its altered
    copies takes longer than an epoch of a small model. What was made is kept in memory until a
    recipe comes that hears clips in another way.
    """

    def __init__(self) -> None:
        self._way: Any = None
        self._made: Made = {}

    def of(self, recipe: Recipe) -> Made:
        """What was made as the recipe asks, to take from and to add to."""
        if recipe.prepare.equalise_speaker:
            return {}  # the others on the side decide how a clip is heard
        seed = recipe.seed if recipe.waveform.copies else None
        heard = (recipe.prepare, recipe.waveform, seed, recipe.data.storage)
        way = (recipe.model, recipe.architecture, *heard)
        if way != self._way:
            self._way, self._made = way, {}
        return self._made
