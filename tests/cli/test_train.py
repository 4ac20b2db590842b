from __future__ import annotations

import json

from typer.testing import CliRunner

from serotone.cli import app, main
from serotone.training.recipe import Recipe, load_recipe


def test_show_prints_all_that_a_recipe_sets():
    result = CliRunner().invoke(
        app, ["train", "ravdess-longer", "--show", "--set", "optimiser.epochs=5"]
    )
    assert result.exit_code == 0, result.output
    shown = json.loads(result.stdout)
    assert shown["data"]["shares"] == {"ravdess": 14, "tess": 4, "emodb": 2}
    assert Recipe.parse(shown) == load_recipe("ravdess-longer", ["optimiser.epochs=5"])


def test_without_a_folder_it_says_what_to_give(capfd, monkeypatch):
    monkeypatch.delenv("SEROTONE_CORPORA", raising=False)
    assert main(["train", "ravdess-longer"]) == 2
    said = capfd.readouterr().err
    assert "recipe 'ravdess-longer' needs ravdess, tess, emodb" in said
    assert "--corpora DIR" in said


def test_one_folder_for_several_corpora_is_refused(capfd, tmp_path):
    assert main(["train", "ravdess-longer", "--root", str(tmp_path)]) == 2
    assert "--root is for one corpus" in capfd.readouterr().err
