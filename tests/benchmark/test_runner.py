"""Benchmarks of a tiny net on noise: made, skipped, killed, gone on with."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from serotone.benchmark import runner as module
from serotone.benchmark import training_time as clock
from serotone.benchmark.learning_curve import read_curve
from serotone.benchmark.plan import Impossible, Run, plan
from serotone.benchmark.result_store import read_answers, read_result, read_results
from serotone.benchmark.runner import Places, Step, benchmark
from serotone.benchmark.suite import Entry
from serotone.evaluation.latency import measure_latency
from serotone.store.load import ModelInfo
from serotone.training.module import EmotionModule
from serotone.training.recipe import load_recipe
from serotone.types import Split, Utterance

RECIPE = """
name = "tiny"
[architecture]
log_mel = {n_mels = 8}
stem_width = 8
widths = [8]
time_strides = [2]
embedding_size = 4
[data]
corpora = ["folder"]
labels = ["happy", "sad"]
max_s = 0.3
split = "kfold3:1"
options = {folder = {speaker = "([^/_]+)_[^/]*$"}}
[optimiser]
epochs = 3
batch_size = 4
"""

CONTRACT = {
    "recipe", "model", "corpus", "split", "split_hash", "protocol", "seed", "n", "labels", "uar",
    "uar_ci", "accuracy", "macro_f1", "ece", "confusion", "params", "train_s", "date", "commit",
}  # fmt: skip


class Killed(BaseException):
    """As a signal ends a process: no run's failure."""


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Six speakers, two labels, noise."""
    generator = np.random.default_rng(0)
    for label in ("happy", "sad"):
        for speaker in ("ann", "ben", "cy", "dee", "eve", "fay"):
            path = tmp_path / "corpora" / "folder" / label / f"{speaker}_1.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, 0.1 * generator.standard_normal(4000), 8000)
    (tmp_path / "tiny.toml").write_text(RECIPE)
    return Places(tmp_path / "corpora", tmp_path / "results", tmp_path / "runs")


def tiny(places: Places, **more: object) -> Entry:
    return Entry(str(places.runs.parent / "tiny.toml"), **more)  # type: ignore[arg-type]


def test_a_run_leaves_a_result_with_all_that_the_pages_need(places: Places) -> None:
    steps: list[Step] = []
    ended = benchmark([tiny(places, folds=(2,), seeds=(5,))], places, watch=steps.append)
    assert [step.stage for step in steps] == ["training", "measuring", "done"]
    assert ended[0].name == "tiny-kfold3-2-5"
    file = places.results / "tiny-kfold3-2-5.json"
    values = json.loads(file.read_text())
    assert values.keys() >= CONTRACT
    assert (values["split"], values["seed"], values["protocol"]) == ("kfold3:2", 5, "honest")
    assert (values["n_folds"], values["n"], values["architecture"]) == (3, 4, "resnet_logmel")
    assert (values["corpus"], values["trained_on"]) == ("folder", "folder")
    assert values["size_bytes"] > 1000 and values["latency_ms"] > 0 and values["latency_cpu"]
    result = read_result(file)
    assert result.curve is not None
    assert len(result.curve.train_loss) == len(result.curve.dev_uar) == 3
    assert 1 <= result.curve.kept <= 3
    answers = read_answers(places.results / "predictions" / file.name)
    assert len(answers) == 4 and len({answer.speaker for answer in answers}) == 2
    right = np.mean([max(a.probabilities, key=a.probabilities.get) == a.truth for a in answers])
    assert right == pytest.approx(values["accuracy"])


def test_a_killed_run_goes_on_and_a_finished_one_is_skipped(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(EmotionModule, "on_train_epoch_start", _die_in_the_third_epoch)
        with pytest.raises(Killed):
            benchmark([tiny(places)], places)
    assert not list(places.results.glob("*.json"))
    trained: list[int] = []

    def counted(self: EmotionModule) -> None:
        trained.append(self.current_epoch)
        torch.manual_seed(self.seed * 100_003 + self.current_epoch)

    with monkeypatch.context() as patch:
        patch.setattr(EmotionModule, "on_train_epoch_start", counted)
        first = benchmark([tiny(places)], places)
    assert (first[0].stage, trained) == ("done", [2])
    curve = read_result(places.results / "tiny-kfold3-1-0.json").curve
    assert curve is not None and not np.isnan(curve.train_loss).any()
    # Killed after the training, it is only measured; a recipe may know more options by then.
    (places.results / "tiny-kfold3-1-0.json").unlink()
    made = places.runs / "tiny-kfold3-1-0" / "tiny" / "model.json"
    values = json.loads(made.read_text())
    del values["recipe"]["optimiser"]["contrast_weight"]
    made.write_text(json.dumps(values))
    steps: list[Step] = []
    benchmark([tiny(places)], places, watch=steps.append)
    assert [step.stage for step in steps] == ["measuring", "done"]
    monkeypatch.setattr(module, "run_one", _never)
    assert benchmark([tiny(places)], places)[0].stage == "skipped"
    changed = benchmark([tiny(places, assignments=("optimiser.epochs=9",))], places)[0]
    assert (changed.stage, "--again" in changed.remark) == ("stale", True)


def _die_in_the_third_epoch(self: EmotionModule) -> None:
    if self.current_epoch == 2:
        raise Killed
    torch.manual_seed(self.seed * 100_003 + self.current_epoch)


def _never(*_: object, **__: object) -> None:
    raise AssertionError("a finished run was started")


def test_a_run_that_fails_does_not_stop_the_others(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_one(run: Run, *_: object, **__: object) -> None:
        if run.recipe.seed == 1:
            raise ZeroDivisionError("by chance")

    monkeypatch.setattr(module, "run_one", run_one)
    entries = [Entry("nowhere.toml"), tiny(places, seeds=(0, 1, 2)), tiny(places, folds=(4,))]
    ended = benchmark(entries, places)
    assert [step.stage for step in ended] == ["failed", "done", "failed", "done", "failed"]
    assert "nowhere.toml" in ended[0].remark
    assert "ZeroDivisionError: by chance" in ended[2].remark
    assert "by chance" in (places.runs / "tiny-kfold3-1-1" / "error.txt").read_text()
    assert "got fold 4, expected 1 to 3" in ended[4].remark
    assert [step.n_done for step in ended] == [1, 2, 3, 4, 5]


def test_the_labels_that_count_are_those_of_the_corpora_that_test() -> None:
    def row(corpus: str, label: str) -> Utterance:
        path = Path(f"{corpus}-{label}")
        return Utterance(f"{corpus}/{label}", path, corpus, f"{corpus}-1", label)

    rows = (row("a", "happy"), row("a", "calm"), row("b", "happy"))
    run = Run(load_recipe("loco"), rows, Split("loco:2", rows[:2], (), rows[2:]), 2)
    assert module._of_tested_corpora(run) == [rows[2]]


def test_a_plan_has_every_fold_seed_and_option(places: Places) -> None:
    wide = tiny(places, folds="all", seeds=(0, 1), option="slow",
                assignments=("optimiser.learning_rate=1e-5",))  # fmt: skip
    runs = [run for run in plan([wide], places.corpora) if isinstance(run, Run)]
    assert [run.name for run in runs] == [
        f"tiny+slow-kfold3-{fold}-{seed}" for seed in (0, 1) for fold in (1, 2, 3)
    ]
    assert len({run.split.hash for run in runs}) == 6
    assert all(run.recipe.optimiser.learning_rate == 1e-5 for run in runs)


def test_the_seeds_of_a_fold_are_measured_together(places: Places) -> None:
    entry = tiny(places, seeds=(0, 1), ensemble="average", assignments=('data.split="loso:2"',))
    steps = benchmark([entry], places)
    assert [step.name for step in steps] == [
        "tiny-loso-2-0", "tiny-loso-2-1", "tiny-average-loso-2",
    ]  # fmt: skip
    assert [step.remark for step in steps] == [""] * 3
    assert [step.stage for step in steps] == ["done"] * 3
    files = [places.results / f"{step.name}.json" for step in steps]
    first, second, both = (read_result(file) for file in files)
    assert (both.recipe, both.split, both.protocol) == ("tiny-average", "loso:2", "honest")
    assert both.params == 2 * (first.params or 0)
    for one, other, mean in zip(first.answers, second.answers, both.answers, strict=True):
        expected = (one.probabilities["sad"] + other.probabilities["sad"]) / 2
        assert mean.probabilities["sad"] == pytest.approx(expected, abs=2e-3)
    assert [step.stage for step in benchmark([entry], places)] == ["skipped"] * 3


def test_two_recipes_of_a_fold_are_measured_together(places: Places) -> None:
    other = places.runs.parent / "other.toml"
    other.write_text(RECIPE.replace('"tiny"', '"other"').replace("widths = [8]", "widths = [16]"))
    entry = tiny(places, beside=(str(other),), together="both", ensemble="average",
                 assignments=('data.split="loso:2"',))  # fmt: skip
    steps = benchmark([entry], places)
    assert [(step.name, step.stage) for step in steps] == [
        ("tiny-loso-2-0", "done"), ("other-loso-2-0", "done"), ("both-loso-2", "done"),
    ]  # fmt: skip
    one, two, both = (read_result(places.results / f"{step.name}.json") for step in steps)
    assert both.recipe == "both" and both.architecture == "resnet_logmel"
    assert both.params == (one.params or 0) + (two.params or 0) and one.params != two.params


def test_seeds_that_test_on_others_are_not_put_together(places: Places) -> None:
    entry = tiny(places, seeds=(0, 1, 2, 3), ensemble="average")
    *_, last = plan([entry], places.corpora)
    assert isinstance(last, Impossible) and "deal the speakers" in last.why


def test_a_split_without_folds_runs_once(places: Places) -> None:
    loose = tiny(places, folds="all", assignments=('data.split="random8020"',))
    (run,) = plan([loose], places.corpora)
    assert isinstance(run, Run)
    assert (run.name, run.n_folds) == ("tiny-random8020-0", None)


def test_again_starts_over(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[bool] = []

    def run_one(run: Run, places: Places, *, again: bool, **_: object) -> None:
        said.append(again)

    monkeypatch.setattr(module, "run_one", run_one)
    places.results.mkdir()
    (places.results / "tiny-kfold3-1-0.json").write_text("{}")
    assert benchmark([tiny(places)], places, again=True)[0].stage == "done"
    assert said == [True]


def test_curves_of_all_parts_are_joined(tmp_path: Path) -> None:
    for part, text in (
        ("part-1", "epoch,train/loss,dev/uar\n0,1.5,\n0,,0.4\n1,1.25,\n"),
        ("part-2", "epoch,dev/uar,train/loss\n1,,1.0\n1,0.5,\n2,nan,0.9\n"),
    ):
        folder = tmp_path / "logs" / "csv" / part
        folder.mkdir(parents=True)
        (folder / "metrics.csv").write_text(text)
    assert read_curve(tmp_path, kept=2) == {
        "train_loss": [1.5, 1.0, 0.9],
        "dev_uar": [0.4, 0.5, None],
        "kept": 2,
    }
    assert read_curve(tmp_path / "nowhere", kept=1) is None


def test_the_clock_counts_every_part(tmp_path: Path) -> None:
    assert clock.begin(tmp_path) == 0
    assert clock.begin(tmp_path) == 0  # killed before the first epoch ended
    last = tmp_path / "checkpoints" / "last.ckpt"
    last.parent.mkdir()
    last.touch()
    os.utime(last, (time.time() + 100, time.time() + 100))
    assert clock.begin(tmp_path) == pytest.approx(100, abs=5)
    os.utime(last, (time.time() + 30, time.time() + 30))
    assert clock.begin(tmp_path) == pytest.approx(130, abs=5)
    assert clock.total(tmp_path) is None
    clock.end(tmp_path, 140.5)
    assert clock.total(tmp_path) == 140.5
    # The model could not be written after it: the run goes on from its end.
    assert clock.begin(tmp_path) == 140.5


def test_latency_is_of_one_clip(tiny_model: ModelInfo) -> None:
    latency = measure_latency(tiny_model.path / "model.onnx", sample_rate=16000, n_times=3)
    assert 0 < latency.ms < 10_000 and latency.cpu


def test_an_empty_folder_has_no_results(tmp_path: Path) -> None:
    assert read_results(tmp_path) == []
