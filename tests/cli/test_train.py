from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from serotone.cli import app, main
from serotone.training.recipe import Recipe, load_recipe

SAMPLE = Path(__file__).parents[2] / "samples" / "synthetic-en-even.wav"


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


@pytest.mark.parametrize("pattern", [r"([a-z]+)_\d", ""])
def test_what_is_left_out_and_who_is_unknown_is_said_before_training(capfd, tmp_path, pattern):
    folder = tmp_path / "happy"
    folder.mkdir()
    for name in ("anna_1.wav", "anna_2.wav", "7.wav"):
        shutil.copy(SAMPLE, folder / name)
    (folder / "anna_3.wav").write_bytes(b"no sound")
    # One speaker is too few, so nothing is trained; of unknown ones each clip counts as another.
    status = main(
        [
            "train",
            "folder",
            "--root",
            str(tmp_path),
            "--out",
            str(tmp_path / "run"),
            "--set",
            f"data.options.folder.speaker='{pattern}'",
            "--set",
            "data.split='kfold5:9'",
        ]
    )
    said = capfd.readouterr().err
    assert status == 2 and "kfold5" in said
    assert "anna_3.wav: not a recording" in said
    if pattern:
        assert "folder: 1 problem(s), the first" in said and "7.wav" in said
        assert "left out 1 of 3 clips" in said
    else:
        assert "folder: speakers are unknown: each of 4 clip(s) counts as its own" in said
        assert "left out 1 of 4 clips" in said
