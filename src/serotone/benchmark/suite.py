"""Suites: which recipes run on which folds with which seeds, in one TOML file."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from serotone.config import Config, read_toml
from serotone.errors import ConfigError, did_you_mean
from serotone.training.recipe import recipe_folders

SUITES = "suites"
"""Folder of suites, inside each folder of recipes."""

Folds = Literal["all"] | tuple[int, ...]


class BlockConfig(Config):
    """Some recipes of a suite, on the same folds with the same seeds.

    Attributes:
        recipes: names, patterns of names (``*-honest``), or ``.toml`` files.
        folds: of the recipe's split, by number, or ``all``; empty takes the recipe's own fold.
            A split without folds, such as ``random8020``, runs once whatever stands here.
        seeds: empty takes the recipe's own.
        set: assignments for every run of the block, as ``serotone train --set`` takes them.
        options: variants: each run comes again as ``RECIPE+OPTION`` with these assignments.
        ensemble: put the models of a fold's seeds together (``serotone.ensembles.combine``), and
            measure them so as ``RECIPE-average`` as well.
        together: name of one ensemble a fold of all recipes and seeds of the block, in place of
            one a recipe.
    """

    recipes: tuple[str, ...]
    folds: Folds = ()
    seeds: tuple[int, ...] = ()
    set: tuple[str, ...] = ()
    options: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    ensemble: Literal["", "average", "vote"] = ""
    together: str = ""

    @model_validator(mode="after")
    def _together_somehow(self) -> BlockConfig:
        if self.together and (not self.ensemble or self.options):
            raise ValueError("together needs ensemble = 'average' or 'vote', and no options")
        return self


class SuiteConfig(Config):
    """A suite as it stands in its file.

    Attributes:
        description: one line for people.
        run: its blocks, in order.
    """

    description: str = ""
    run: tuple[BlockConfig, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One recipe, changed or not, and the folds and seeds that it runs on.

    Attributes:
        recipe: name or file.
        folds, seeds: as in ``BlockConfig``.
        assignments: changes to the recipe.
        option: name of these changes, empty without.
        ensemble: how the seeds of a fold are put together, empty for not.
        beside: recipes whose runs of a fold join the ensemble.
        together: name of the ensemble; empty takes ``RECIPE-average``.
    """

    recipe: str
    folds: Folds = ()
    seeds: tuple[int, ...] = ()
    assignments: tuple[str, ...] = ()
    option: str = ""
    ensemble: Literal["", "average", "vote"] = ""
    beside: tuple[str, ...] = ()
    together: str = ""


def load_suite(name: str) -> list[Entry]:
    """The entries of a suite given by name or by file.

    Raises:
        ConfigError: when there is none, or it has an unknown key or a recipe that does not exist.
    """
    path = Path(name)
    if path.suffix != ".toml":
        known = {file.stem: file for file in _files(SUITES)}
        if name not in known:
            raise ConfigError(f"unknown suite '{name}'. {did_you_mean(name, known)}")
        path = known[name]
    suite = SuiteConfig.parse(read_toml(path), where=str(path))
    return [entry for block in suite.run for entry in _entries(block)]


def entries_of(recipes: Iterable[str]) -> list[Entry]:
    """Entries for recipes named on the command line, on their own folds and seeds.

    Raises:
        ConfigError: when a pattern fits no recipe.
    """
    return list(_entries(BlockConfig(recipes=tuple(recipes))))


def parse_folds(text: str) -> Folds:
    """``all``, or numbers with commas: ``1,2``.

    Raises:
        ConfigError: when it is neither.
    """
    return "all" if text.strip() == "all" else _numbers(text, "--folds", least=1)


def parse_seeds(text: str) -> tuple[int, ...]:
    """Numbers with commas: ``0,1,2``.

    Raises:
        ConfigError: when something else stands there.
    """
    return _numbers(text, "--seeds", least=0)


def _numbers(text: str, option: str, *, least: int) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) >= least for part in parts):
        raise ConfigError(f"{option} '{text}': expected whole numbers from {least}, as {least},2.")
    return tuple(dict.fromkeys(int(part) for part in parts))


def _entries(block: BlockConfig) -> Iterator[Entry]:
    recipes = [recipe for pattern in block.recipes for recipe in _matching(pattern)]
    for recipe in recipes:
        plain = Entry(recipe, block.folds, block.seeds, block.set, ensemble=block.ensemble)
        if block.together:
            yield replace(plain, beside=tuple(recipes[1:]), together=block.together)
            return
        yield plain
        for option, changes in block.options.items():
            yield replace(plain, assignments=(*block.set, *changes), option=option)


def _matching(pattern: str) -> list[str]:
    if pattern.endswith(".toml") or not any(sign in pattern for sign in "*?["):
        return [pattern]
    known = _by_name(_files())
    found = fnmatch.filter(known, pattern)
    if not found:
        raise ConfigError(f"no recipe fits '{pattern}'. Known: {', '.join(known)}.")
    return found


def _by_name(files: Iterable[Path]) -> Mapping[str, Path]:
    return {file.stem: file for file in sorted(files, key=lambda file: file.stem)}


def _files(below: str = ".") -> list[Path]:
    return [file for folder in recipe_folders() for file in sorted((folder / below).glob("*.toml"))]
