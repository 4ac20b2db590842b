"""Suites and what they spell out to."""

from __future__ import annotations

from pathlib import Path

import pytest

from serotone.benchmark.suite import entries_of, load_suite, parse_folds, parse_seeds
from serotone.errors import ConfigError
from serotone.training.recipe import load_recipe, recipe_folders

SUITE = """
description = "three"

[[run]]
recipes = ["ravdess-resnet"]
folds = "all"
seeds = [0, 1]
set = ["optimiser.epochs=2"]

[run.options]
nomixup = ["augment.mixup=0"]
nomask = ["augment.n_band_masks=0", "augment.n_time_masks=0"]

[[run]]
recipes = ["mine.toml"]
folds = [2]
"""


def test_a_suite_spells_out_every_option(tmp_path: Path) -> None:
    (tmp_path / "suite.toml").write_text(SUITE)
    entries = load_suite(str(tmp_path / "suite.toml"))
    assert [(e.recipe, e.option) for e in entries] == [
        ("ravdess-resnet", ""),
        ("ravdess-resnet", "nomixup"),
        ("ravdess-resnet", "nomask"),
        ("mine.toml", ""),
    ]
    assert entries[1].assignments == ("optimiser.epochs=2", "augment.mixup=0")
    assert entries[2].folds == "all" and entries[2].seeds == (0, 1)
    assert entries[3].folds == (2,) and entries[3].seeds == ()


def test_recipes_of_a_block_become_one_ensemble(tmp_path: Path) -> None:
    file = tmp_path / "suite.toml"
    text = '[[run]]\nrecipes = ["a.toml", "b.toml"]\nfolds = [2]\ntogether = "both"\n'
    file.write_text(text + 'ensemble = "vote"\n')
    (entry,) = load_suite(str(file))
    assert (entry.recipe, entry.beside, entry.together) == ("a.toml", ("b.toml",), "both")
    assert (entry.folds, entry.ensemble) == ((2,), "vote")
    for wrong in (text, text + 'ensemble = "vote"\n[run.options]\nslow = ["seed=1"]\n'):
        file.write_text(wrong)
        with pytest.raises(ConfigError, match="together needs ensemble"):
            load_suite(str(file))


def test_patterns_take_every_recipe_that_fits() -> None:
    assert "ravdess-resnet" in [entry.recipe for entry in entries_of(["rav*"])]
    with pytest.raises(ConfigError, match=r"no recipe fits 'x\*'"):
        entries_of(["x*"])


def test_unknown_suites_and_keys_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unknown suite 'zo'"):
        load_suite("zo")
    (tmp_path / "bad.toml").write_text("[[run]]\nrecipes = []\nfold = 1\n")
    with pytest.raises(ConfigError, match="fold"):
        load_suite(str(tmp_path / "bad.toml"))


def test_folds_and_seeds_are_read() -> None:
    assert parse_folds("all") == "all"
    assert parse_folds("1, 2,1") == (1, 2)
    assert parse_seeds("0,7") == (0, 7)
    for wrong in ("", "0", "1.5", "-1", "1,,2", "x"):
        with pytest.raises(ConfigError, match="--folds"):
            parse_folds(wrong)


def test_every_shipped_suite_can_be_read() -> None:
    suites = [f for folder in recipe_folders() for f in (folder / "suites").glob("*.toml")]
    assert suites
    for suite in suites:
        for entry in load_suite(str(suite)):
            load_recipe(entry.recipe, entry.assignments)
