"""Nets whose weights are averaged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from serotone.cli import main
from serotone.ensembles.combine import ensemble
from serotone.ensembles.weight_average import average_weights
from serotone.errors import ConfigError, ModelError
from serotone.inference.backend import OnnxBackend
from serotone.store.layout import CARD, DESCRIPTION, WEIGHTS, verify
from serotone.store.load import describe
from serotone.training.adapt import _description, reopen
from serotone.training.recipe import Recipe
from tests.tiny import RECIPE, publish_tiny


def changed(**update: object) -> Recipe:
    return RECIPE.model_copy(update=update)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("members")
    publish_tiny(root / "a")
    publish_tiny(root / "b", changed(name="other", seed=1))
    return root


def weights(folder: Path) -> dict[str, np.ndarray]:
    return load_file(folder / WEIGHTS)


def said(folder: Path) -> np.ndarray:
    generator = np.random.default_rng(3)
    signals = [generator.normal(scale=0.2, size=n).astype(np.float32) for n in (9000, 25001)]
    return OnnxBackend(folder / "model.onnx").run(signals).probabilities


def test_each_weight_is_the_mean(folders: Path, tmp_path: Path) -> None:
    made = average_weights([folders / "a", folders / "b"], folder=tmp_path / "ab", shares=[3, 1])
    verify(made.path)
    first, second, got = (weights(path) for path in (folders / "a", folders / "b", made.path))
    floating = [name for name, value in got.items() if value.dtype.kind == "f"]
    assert any(not np.array_equal(first[name], second[name]) for name in floating)
    for name in floating:
        np.testing.assert_allclose(got[name], 0.75 * first[name] + 0.25 * second[name], atol=1e-6)


def test_a_mean_of_one_net_answers_as_it_does(folders: Path, tmp_path: Path) -> None:
    made = average_weights([folders / "a", folders / "a"], folder=tmp_path / "aa")
    np.testing.assert_allclose(said(made.path), said(folders / "a"), atol=1e-5)


def test_it_is_one_net_that_says_what_it_is_made_of(folders: Path, tmp_path: Path) -> None:
    path = folders / "a" / DESCRIPTION
    values = json.loads(path.read_text())
    made = average_weights([folders / "a", folders / "b"], folder=tmp_path / "ab", temperature=2.0)
    found = json.loads((made.path / DESCRIPTION).read_text())
    assert found["n_parameters"] == values["n_parameters"]
    assert found["temperature"] == pytest.approx(3.0)  # 1.5 each, and that times two
    assert found["recipe"] == {**values["recipe"], "name": "ab"}
    assert found["figures"] == {} and "dev" not in found["provenance"]
    assert found["provenance"]["split"] == "luna5:1"
    assert found["provenance"]["train_speakers"] == ["ravdess-01"]
    assert [m["recipe"] for m in found["provenance"]["averaged"]] == ["tiny", "other"]
    told = (made.path / CARD).read_text(encoding="utf-8")
    assert "mean of those of `tiny` (seed 0, 50%), `other` (seed 1, 50%)." in told
    # As any net it can be opened in torch, to be adapted or taught further.
    assert sorted(reopen(made).state_dict()) == sorted(weights(made.path))
    again = average_weights([made.path, folders / "a"], folder=tmp_path / "aba")
    assert again.n_parameters == made.n_parameters


def test_what_was_measured_of_a_member_goes(folders: Path, tmp_path: Path) -> None:
    measured = shutil.copytree(folders / "a", tmp_path / "measured")
    values = json.loads((measured / DESCRIPTION).read_text())
    more = {"robustness": {"x": {}}, "together": {"n": 1}, "form": "onnx", "calibration": {"n": 1}}
    (measured / DESCRIPTION).write_text(json.dumps(values | more))
    made = average_weights([measured, folders / "a"], folder=tmp_path / "mean")
    assert not more.keys() & json.loads((made.path / DESCRIPTION).read_text()).keys()
    # An adapted net keeps the label sets of the one before alone.
    assert more.keys() & _description(describe(measured)).keys() == {"calibration"}


def test_other_nets_have_no_mean(folders: Path, tmp_path: Path) -> None:
    wide = {**RECIPE.architecture, "widths": [16]}
    turned = RECIPE.data.model_copy(update={"labels": RECIPE.data.labels[::-1]})
    publish_tiny(tmp_path / "wide", changed(architecture=wide))
    publish_tiny(tmp_path / "turned", changed(data=turned))
    both = ensemble([folders / "a", folders / "b"], how="average", folder=tmp_path / "both").path
    for other, error, why in (
        (tmp_path / "wide", ModelError, "are other nets"),
        (tmp_path / "turned", ModelError, "order of their labels"),
        (both, ConfigError, "is an ensemble"),
    ):
        with pytest.raises(error, match=why):
            average_weights([folders / "a", other], folder=tmp_path / "out")
    with pytest.raises(ConfigError, match="expected one each"):
        average_weights([folders / "a", folders / "b"], folder=tmp_path / "out", shares=[1])
    assert not (tmp_path / "out").exists()


def test_the_command(folders: Path, tmp_path: Path, capsys) -> None:
    words = ["ensemble", str(folders / "a"), str(folders / "b"), "--out", str(tmp_path / "ab")]
    assert main([*words, "--how", "weights", "--shares", "3,1"]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "ab")
    expected = average_weights(
        [folders / "a", folders / "b"], folder=tmp_path / "expected", shares=[3, 1]
    )
    np.testing.assert_array_equal(said(tmp_path / "ab"), said(expected.path))
    for wrong, told in (
        (["--shares", "1,1"], "--shares is for --how weights, got --how average."),
        (["--how", "weights", "--shares", "a"], "--shares 'a': expected numbers, as 2,1,1."),
    ):
        assert main([*words, *wrong]) == 2
        error = capsys.readouterr().err
        assert told in error and error.count("\n") == 1
