"""The commands benchmark and ensemble."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import Result

from serotone.benchmark import runner as module
from serotone.benchmark.result_store import write_answers, write_result
from serotone.benchmark.runner import Places, Step
from serotone.benchmark.suite import Entry
from serotone.inference.recognizer import Recognizer
from serotone.store.load import ModelInfo
from tests.benchmark.made import made
from tests.tiny import RECIPE, publish_tiny

Run = Callable[..., Result]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[Entry]]:
    """What a benchmark was asked to run; it runs nothing, and its second run fails."""
    found: list[Sequence[Entry]] = []

    def benchmark(entries: Sequence[Entry], places: Places, **_: object) -> list[Step]:
        found.append(entries)
        ends = (Step(e.recipe, "done", i, len(entries)) for i, e in enumerate(entries))
        return [s if s.n_done != 1 else Step(s.name, "failed", 1, 2, "by chance") for s in ends]

    monkeypatch.setattr(module, "benchmark", benchmark)
    return found


def test_folds_and_seeds_are_for_every_recipe(
    serotone: Run, asked: list[Sequence[Entry]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = serotone("benchmark", "default", "--folds", "1,2", "--seeds", "3", "--corpora", ".")
    assert result.exit_code == 0
    assert asked == [[Entry("default", folds=(1, 2), seeds=(3,))]]
    assert (tmp_path / "docs" / "results.md").read_text().startswith("# Results")
    assert (tmp_path / "docs" / "results.html").is_file()
    assert result.stdout.splitlines() == ["docs/results.md", "docs/results.html"]
    assert "1 run(s): 1 done" in result.stderr


def test_a_failed_run_ends_in_1_and_the_pages_are_made(
    serotone: Run, asked: list[Sequence[Entry]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = serotone("benchmark", "default", "folder", "--corpora", ".")
    assert result.exit_code == 1
    assert "1 done, 1 failed" in result.stderr
    assert (tmp_path / "docs" / "results.md").is_file()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "Name recipes, or a suite"),
        (["default", "--folds", "0", "--corpora", "."], "--folds '0'"),
        (["--suite", "nothing", "--corpora", "."], "unknown suite 'nothing'"),
        (["default"], "Give --corpora DIR"),
        (["--render-only", "--readme", "missing.md"], "'missing.md' cannot be read"),
    ],
)
def test_mistakes_are_one_line(
    serotone: Run, words: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SEROTONE_CORPORA", raising=False)
    result = serotone("benchmark", *words)
    assert result.exit_code != 0
    assert says in str(result.exception) and "\n" not in str(result.exception)


def test_pages_are_made_of_results_alone(serotone: Run, tmp_path: Path) -> None:
    run = made("net")
    keys = ("recipe", "corpus", "split", "split_hash", "protocol", "seed", "n", "uar", "accuracy")
    values = {key: getattr(run, key) for key in keys} | {
        "macro_f1": run.macro_f1, "ece": run.ece, "labels": list(run.labels),
        "uar_ci": list(run.uar_ci), "confusion": [list(row) for row in run.confusion],
    }  # fmt: skip
    write_result(tmp_path / "in", "net-1", values)
    write_answers(tmp_path / "in", "net-1", run.answers)
    readme = tmp_path / "README.md"
    readme.write_text("# x\n<!-- figures: begin -->\n<!-- figures: end -->\n")
    result = serotone(
        "benchmark", "--render-only", "--results", str(tmp_path / "in"),
        "--docs", str(tmp_path / "docs"), "--readme", str(readme),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    for page in (tmp_path / "docs" / "results.md", tmp_path / "docs" / "results.html", readme):
        assert "net" in page.read_text() and f"{100 * run.uar:.1f} %" in page.read_text()


def test_an_ensemble_predicts(serotone: Run, tiny_model: ModelInfo, tmp_path: Path) -> None:
    publish_tiny(tmp_path / "second", RECIPE.model_copy(update={"seed": 1}))
    result = serotone(
        "ensemble", str(tiny_model.path), str(tmp_path / "second"), "--out", str(tmp_path / "both")
    )
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == str(tmp_path / "both")
    clip = tmp_path / "noise.wav"
    soundfile.write(clip, 0.1 * np.random.default_rng(0).standard_normal(16000), 16000)
    answer = serotone("predict", str(clip), "--model", str(tmp_path / "both"), "--format", "jsonl")
    both, first, second = (
        Recognizer.open(path).predict(clip).probabilities
        for path in (tmp_path / "both", tiny_model.path, tmp_path / "second")
    )
    for label, share in json.loads(answer.stdout)["probabilities"].items():
        assert share == pytest.approx(both[label], abs=1e-5)
        assert share == pytest.approx((first[label] + second[label]) / 2, abs=1e-5)


def test_a_stack_is_fitted_on_dev(serotone: Run, tiny_model: ModelInfo, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    for label in ("happy", "sad"):
        for speaker in ("ann", "ben", "cy", "dee"):
            path = tmp_path / "speech" / label / f"{speaker}_1.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, 0.1 * generator.standard_normal(8000), 16000)
    table = tmp_path / "clips.csv"
    rows = [f"{p},{p.parent.name},{p.stem[:-2]}" for p in (tmp_path / "speech").rglob("*.wav")]
    table.write_text("path,label,speaker\n" + "\n".join(rows) + "\n")
    publish_tiny(tmp_path / "second", RECIPE.model_copy(update={"seed": 1}))
    models = [str(tiny_model.path), str(tmp_path / "second")]
    how = ["--how", "stack", "--out", str(tmp_path / "both")]
    refused = serotone("ensemble", *models, *how)
    assert "give --corpus, --root and --split" in str(refused.exception)
    result = serotone(
        "ensemble", *models, *how, "--corpus", "table", "--root", str(table), "--split", "loso:1"
    )
    assert result.exit_code == 0, result.output
    values = json.loads((tmp_path / "both" / "model.json").read_text())
    weights = [member["weight"] for member in values["recipe"]["members"]]
    assert sum(weights) == pytest.approx(1, abs=1e-5)
    assert any("ann" in name or "ben" in name or "cy" in name or "dee" in name
               for name in values["provenance"]["dev_speakers"])  # fmt: skip
