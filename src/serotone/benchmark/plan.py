"""What a benchmark has to run: recipes × folds × seeds, and what is put together of them."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from serotone.benchmark.suite import Entry
from serotone.corpora.split import folds
from serotone.errors import ConfigError, SerotoneError
from serotone.training.datasets import dealt, read_corpora, split_of, with_labels
from serotone.training.recipe import Recipe, load_recipe
from serotone.types import Sides, Utterance


@dataclass(frozen=True, slots=True)
class Run:
    """One cell of the matrix.

    Attributes:
        recipe: with its labels, its fold and its seed.
        utterances: all of its corpora.
        split: its sides.
        n_folds: how many the split has, None where it has none.
    """

    recipe: Recipe
    utterances: tuple[Utterance, ...]
    split: Sides
    n_folds: int | None

    @property
    def name(self) -> str:
        """Of the result's file and of the run's folder."""
        return f"{self.recipe.name}-{self.split.name}-{self.recipe.seed}".replace(":", "-")

    @property
    def recipe_hash(self) -> str:
        """First 16 hex digits of SHA-256 over what the recipe sets."""
        values = self.recipe.model_dump(mode="json", exclude_defaults=True)
        values.pop("description", None)
        text = json.dumps(values, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Together:
    """The models of one fold, of several seeds or recipes, as one.

    Attributes:
        members: the runs that made them.
        how: they are put together.
        model: name of the model.
    """

    members: tuple[Run, ...]
    how: Literal["average", "vote"]
    model: str

    @property
    def architecture(self) -> str:
        """Those of the members, each once."""
        return " + ".join(dict.fromkeys(member.recipe.model for member in self.members))

    @property
    def name(self) -> str:
        """Of the result's file and of the run's folder."""
        return f"{self.model}-{self.members[0].split.name}".replace(":", "-")


@dataclass(frozen=True, slots=True)
class Impossible:
    """An entry that cannot run: its name, and why in one line."""

    name: str
    why: str


def plan(entries: Iterable[Entry], corpora: Path) -> Iterator[Run | Together | Impossible]:
    """The runs of some entries; an entry that cannot run says why."""
    readings: dict[str, tuple[Utterance, ...]] = {}
    for entry in entries:
        try:
            yield from _runs(entry, corpora, readings)
        except SerotoneError as error:
            yield Impossible(_label(entry), str(error))


def _label(entry: Entry) -> str:
    return entry.together or entry.recipe + (f"+{entry.option}" if entry.option else "")


def _runs(
    entry: Entry, corpora: Path, readings: dict[str, tuple[Utterance, ...]]
) -> Iterator[Run | Together]:
    runs: list[Run] = []
    for recipe in (entry.recipe, *entry.beside):
        for run in _single_runs(replace(entry, recipe=recipe), corpora, readings):
            runs.append(run)
            yield run
    if entry.ensemble:
        model = entry.together or f"{runs[0].recipe.name}-{entry.ensemble}"
        yield from _fold_by_fold(runs, entry.ensemble, model)


def _fold_by_fold(
    runs: Iterable[Run], how: Literal["average", "vote"], model: str
) -> Iterator[Together]:
    of_fold: defaultdict[str, list[Run]] = defaultdict(list)
    for run in runs:
        of_fold[run.split.name].append(run)
    for split, members in of_fold.items():
        if len({frozenset(u.id for u in run.split.test) for run in members}) > 1:
            raise ConfigError(
                f"'{model}': its members deal the speakers of '{split}' out differently, so that "
                "what one learned from another is tested on. An ensemble needs a published split, "
                "or one without a draw."
            )
        yield Together(tuple(members), how, model)


def _single_runs(
    entry: Entry, corpora: Path, readings: dict[str, tuple[Utterance, ...]]
) -> Iterator[Run]:
    recipe = load_recipe(entry.recipe, entry.assignments)
    if entry.option:
        recipe = recipe.model_copy(update={"name": f"{recipe.name}+{entry.option}"})
    for seed in entry.seeds or (recipe.seed,):
        seeded = recipe.model_copy(update={"seed": seed})
        utterances = _read(seeded, corpora, readings)
        n_folds = _n_folds(seeded, utterances)
        for name in _splits(seeded, entry, n_folds):
            data = seeded.data.model_copy(update={"split": name})
            of_fold = seeded.model_copy(update={"data": data})
            split = split_of(of_fold, utterances)
            yield Run(with_labels(of_fold, split), utterances, split, n_folds)


def _read(
    recipe: Recipe, corpora: Path, readings: dict[str, tuple[Utterance, ...]]
) -> tuple[Utterance, ...]:
    """The recipe's utterances, read once for all recipes that want the same ones."""
    whole = recipe.data.model_dump(mode="json", exclude={"split", "max_s"})
    key = json.dumps([whole, recipe.seed], sort_keys=True)
    if key not in readings:
        names = recipe.data.corpora
        roots = {name: corpora / name for name in names if (corpora / name).exists()}
        readings[key] = tuple(read_corpora(recipe, roots))
    return readings[key]


def _n_folds(recipe: Recipe, utterances: Sequence[Utterance]) -> int | None:
    if recipe.data.split == "speakers":
        return None
    whole = recipe.data.split.partition(":")[0]
    n_folds = len(folds(dealt(recipe, utterances), whole, seed=recipe.seed))
    return n_folds if n_folds > 1 else None


def _splits(recipe: Recipe, entry: Entry, n_folds: int | None) -> list[str]:
    own = recipe.data.split
    if n_folds is None or not entry.folds:
        return [own]
    numbers = range(1, n_folds + 1) if entry.folds == "all" else entry.folds
    for number in numbers:
        if number > n_folds:
            raise ConfigError(f"split '{own}': got fold {number}, expected 1 to {n_folds}.")
    return [f"{own.partition(':')[0]}:{number}" for number in numbers]
