"""Model folders: whole, described, verified, found."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from serotone.errors import ModelError
from serotone.store.layout import CARD, DESCRIPTION, ONNX, WEIGHTS, verify
from serotone.store.load import ModelInfo, describe, list_models, resolve
from serotone.store.save import record_figures
from serotone.training.train import build
from tests.tiny import RECIPE


@pytest.fixture
def copy(tiny_model: ModelInfo, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model.path, tmp_path / "tiny"))


def test_a_folder_holds_all_one_needs_and_no_pickle(tiny_model: ModelInfo) -> None:
    names = {path.name for path in tiny_model.path.iterdir()}
    assert names == {ONNX, WEIGHTS, DESCRIPTION, CARD}
    assert tiny_model.labels == ("happy", "sad", "angry")
    assert tiny_model.provenance["train_speakers"] == ["ravdess-01"]
    assert tiny_model.provenance["test_speakers"] == ["ravdess-02"]
    assert tiny_model.n_parameters == sum(p.numel() for p in build(RECIPE).parameters())
    verify(tiny_model.path)


def test_weights_round_trip(tiny_model: ModelInfo) -> None:
    stored = load_file(tiny_model.path / WEIGHTS)
    for name, value in build(RECIPE).state_dict().items():
        assert (stored[name] == value.numpy()).all(), name


def test_an_altered_file_is_refused(copy: Path) -> None:
    with (copy / ONNX).open("ab") as file:
        file.write(b"x")
    with pytest.raises(ModelError, match="the file was altered"):
        verify(copy)


@pytest.mark.parametrize("name", [ONNX, WEIGHTS, DESCRIPTION])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(ModelError, match=f"no {name}"):
        verify(copy)


def test_a_broken_description_is_one_line(copy: Path) -> None:
    (copy / DESCRIPTION).write_text("{")
    with pytest.raises(ModelError, match="not valid JSON"):
        describe(copy)
    (copy / DESCRIPTION).write_text('{"name": "x"}')
    with pytest.raises(ModelError, match="no key 'labels'"):
        describe(copy)


def test_models_are_found_by_name_and_path(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEROTONE_MODELS", str(copy.parent))
    assert resolve("tiny") == copy
    assert resolve(copy) == copy
    assert "tiny" in [info.name for info in list_models()]
    with pytest.raises(ModelError, match=r"unknown model 'tinny'. Did you mean 'tiny'"):
        resolve("tinny")
    with pytest.raises(ModelError, match="no model at"):
        resolve(copy.parent)


def test_the_card_tells_data_licence_protocol_and_limits(tiny_model: ModelInfo) -> None:
    text = (tiny_model.path / CARD).read_text()
    for words in ("CC BY-NC-SA", "luna5:1", "non-commercial", "Article 5(1)(f)", "ravdess-03"):
        assert words in text
    assert "Not evaluated yet." in text


def test_figures_are_recorded_in_description_and_card(copy: Path) -> None:
    figures = {"n": 9, "uar": 0.5123, "uar_ci": [0.4, 0.6], "protocol": "honest"}
    record_figures(copy, "ravdess luna5:1", figures)
    assert json.loads((copy / DESCRIPTION).read_text())["figures"]["ravdess luna5:1"] == figures
    assert "| ravdess luna5:1 | 9 | 0.512 | 0.400 to 0.600 |" in (copy / CARD).read_text()
    verify(copy)
