"""A card tells what was measured, of which people, and what cannot be concluded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from serotone.benchmark.model_card import figures_of
from serotone.benchmark.result_store import write_answers
from serotone.cli import main
from serotone.errors import ConfigError
from serotone.evaluation.result import Answer
from serotone.store.card_figures import figures_sections
from serotone.store.layout import CARD, DESCRIPTION
from serotone.store.load import describe
from serotone.store.save import record_calibration
from tests.tiny import publish_tiny

RESULT = {
    "model": "tiny", "recipe": "tiny", "corpus": "ravdess", "split": "luna5:1",
    "part": "test", "protocol": "honest", "seed": 0, "n": 300, "uar": 0.7281, "uar_ci": [0.6, 0.8],
    "accuracy": 0.74, "macro_f1": 0.73, "ece": 0.05, "ece_by_chance": 0.061, "aurc": 0.09,
    "by_sex": {
        "female": {"n": 120, "n_speakers": 2, "uar": 0.8, "uar_ci": [0.75, 0.85], "accuracy": 0.8},
        "male": {"n": 900, "n_speakers": 9, "uar": 0.6, "uar_ci": [0.55, 0.65], "accuracy": 0.6},
    },
    "gaps": {"male - female": {"value": -0.2, "interval": [-0.3, -0.1]}},
    "sets": {"0.9": {"held": 0.88, "held_ci": [0.8, 0.93], "mean_size": 2.5, "single": 0.3}},
}  # fmt: skip


@pytest.fixture
def model(tmp_path: Path):
    return publish_tiny(tmp_path / "tiny")


@pytest.fixture
def results(tmp_path: Path, model) -> Path:
    folder = tmp_path / "results"
    (folder / "robustness").mkdir(parents=True)
    own = {**RESULT, "model_sha256": model.onnx_sha256}
    rows = {
        "clean": {"title": "clean", "uar": 0.7, "uar_ci": [0.6, 0.8]},
        "mp3": {
            "title": "MP3", "uar": 0.65, "uar_ci": [0.5, 0.8],
            "difference": -0.05, "difference_ci": [-0.08, -0.01],
        },
    }  # fmt: skip
    loss = {**own, "conditions": rows, "noise_kinds": ["helicopter"]}
    files = {
        "own": own,
        "fold": {**RESULT, "split": "luna5:2", "model_sha256": "other"},
        "kin": {**RESULT, "recipe": "tiny-loco", "uar": 0.4, "model_sha256": "third"},
        "dev": {**RESULT, "part": "dev"},
        "words": {"engines": []},
        "robustness/own": loss,
    }
    for name, values in files.items():
        (folder / f"{name}.json").write_text(json.dumps(values))
    return folder


def test_results_are_sorted_by_whose_they_are(model, results: Path) -> None:
    found = figures_of(model, results)
    assert list(found["figures"]) == ["ravdess luna5:1"]
    assert list(found["recipe_figures"]) == ["tiny: ravdess luna5:2, seed 0"]
    assert list(found["robustness"]) == ["ravdess luna5:1"]
    wider = figures_of(model, results, ["tiny-*"])
    assert "tiny-loco: ravdess luna5:1, seed 0" in wider["recipe_figures"]
    with pytest.raises(ConfigError, match="no such folder"):
        figures_of(model, results / "none")


def test_calibration_is_told_of_all_corpora_together(model, results: Path) -> None:
    def answers(corpus: str, n_right: int) -> list[Answer]:
        return [
            Answer(f"{corpus}/{i}", f"{corpus}-{i % 2}", "", truth, {"happy": 0.75, "sad": 0.25})
            for i, truth in enumerate(["happy"] * n_right + ["sad"] * (4 - n_right))
        ]

    own = json.loads((results / "own.json").read_text())
    (results / "second.json").write_text(json.dumps({**own, "corpus": "emodb"}))
    assert figures_of(model, results)["together"] == {}
    # Each is off by a quarter, both together by nothing.
    write_answers(results, "own", answers("ravdess", 4))
    write_answers(results, "second", answers("emodb", 2))
    found = figures_of(model, results)["together"]
    assert (found["n"], found["n_speakers"], found["ece"]) == (8, 4, 0.0)
    assert main(["card", str(model.path), "--results", str(results)]) == 0
    text = (model.path / CARD).read_text(encoding="utf-8")
    assert "All of these answers together, 8 of 4 people: ECE 0.000 (" in text


def test_corpora_never_heard_stand_apart_from_other_speakers() -> None:
    fold, left_out = {**RESULT, "split": "luna5:2"}, {**RESULT, "split": "loco:4"}
    both = {"a fold": fold, "left out": left_out}
    text = "\n".join(figures_sections({"figures": {}, "recipe_figures": both}))
    speakers, _, unheard = text.partition("### The same recipe on corpora never heard")
    assert "| a fold |" in speakers and "| left out |" not in speakers
    assert "| left out |" in unheard and "| a fold |" not in unheard
    alone = "\n".join(figures_sections({"figures": {}, "recipe_figures": {"a fold": fold}}))
    assert "on other speakers" in alone and "never heard" not in alone


def test_the_command_writes_all_of_it(model, results: Path, capsys) -> None:
    thresholds = {"thresholds": {"0.9": 0.1}, "n": 400, "speakers": ["ravdess-03"]}
    record_calibration(model.path, {"conformal": thresholds})
    assert main(["card", str(model.path), "--results", str(results)]) == 0
    text = (model.path / CARD).read_text(encoding="utf-8")
    assert capsys.readouterr().out.strip() == str(model.path / CARD)
    assert "| ravdess luna5:1 | 300 | 0.728 |" in text
    assert "| 0.050 (0.061) |" in text and "ECE, by chance" in text
    assert "The same recipe on other speakers" in text and "luna5:2" in text
    assert "0.750 to 0.850 *" in text and "0.550 to 0.650 *" not in text  # two speakers, nine
    assert "| MP3 | 0.650 |" in text and "-5.0" in text and "helicopter" in text
    assert "| 90% | 0.880 |" in text
    assert "Article 5(1)(f)" in text
    assert describe(model.path).figures["ravdess luna5:1"]["uar"] == 0.7281
    once = text
    assert main(["card", str(model.path), "--results", str(results)]) == 0
    assert (model.path / CARD).read_text(encoding="utf-8") == once


def test_a_model_without_results_says_so(model, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["card", str(model.path), "--results", str(tmp_path / "empty")]) == 0
    assert "Not evaluated yet." in (model.path / CARD).read_text(encoding="utf-8")
    assert json.loads((model.path / DESCRIPTION).read_text())["robustness"] == {}
