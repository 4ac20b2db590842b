"""Ensembles of tiny nets: one graph that says what its members say together."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from serotone.ensembles.combine import combine, ensemble
from serotone.ensembles.members import How
from serotone.ensembles.resample import Resampler
from serotone.errors import ConfigError, ModelError
from serotone.inference.backend import OnnxBackend, Output
from serotone.inference.recognizer import Recognizer
from serotone.store.layout import verify
from serotone.training.recipe import Recipe
from serotone.types import Audio
from tests.tiny import RECIPE, publish_tiny

LABELS = RECIPE.data.labels


def changed(*, seed: int = 0, labels: Sequence[str] = LABELS, rate: int = 16000) -> Recipe:
    architecture = {**RECIPE.architecture, "log_mel": {"n_mels": 8, "sample_rate": rate}}
    data = RECIPE.data.model_copy(update={"labels": tuple(labels)})
    return RECIPE.model_copy(update={"seed": seed, "data": data, "architecture": architecture})


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models: a; b, of another seed with its labels turned round; low, of a lower sample rate."""
    root = tmp_path_factory.mktemp("members")
    publish_tiny(root / "a", changed())
    publish_tiny(root / "b", changed(seed=1, labels=LABELS[::-1]))
    return root


@pytest.fixture(scope="module")
def low(folders: Path) -> Path:
    publish_tiny(folders / "low", changed(seed=2, rate=8000))
    return folders / "low"


def signals() -> list[np.ndarray]:
    generator = np.random.default_rng(3)
    return [generator.normal(scale=0.2, size=n).astype(np.float32) for n in (9000, 16000, 25001)]


def said(folder: Path, heard: Sequence[np.ndarray] | None = None) -> Output:
    return OnnxBackend(folder / "model.onnx").run(signals() if heard is None else heard)


def in_order(folder: Path, output: Output) -> np.ndarray:
    labels = json.loads((folder / "model.json").read_text())["labels"]
    return output.probabilities[:, [labels.index(label) for label in LABELS]]


@pytest.mark.parametrize("how", ["average", "vote", "stack"])
def test_an_ensemble_says_what_its_members_say(folders: Path, tmp_path: Path, how: How) -> None:
    members = [folders / "a", folders / "b"]
    made = ensemble(members, how=how, folder=tmp_path / "both", weights=[3, 1])
    first, second = (in_order(member, said(member)) for member in members)
    got = said(made.path)
    if how == "average":
        expected = (first + second) / 2
    elif how == "stack":
        expected = 0.75 * first + 0.25 * second
    else:
        votes = (np.eye(3)[first.argmax(1)] + np.eye(3)[second.argmax(1)]) / 2
        expected = 0.99 * votes + 0.01 * (first + second) / 2
    np.testing.assert_allclose(got.probabilities, expected, atol=1e-5)
    np.testing.assert_allclose(got.probabilities.sum(axis=1), 1, atol=1e-5)
    embeddings = [said(member).embedding for member in members]
    np.testing.assert_allclose(got.embedding, np.concatenate(embeddings, axis=1), atol=1e-4)
    assert np.isnan(got.intensity).all()  # neither has an opinion


@pytest.mark.parametrize("how", ["average", "vote"])
def test_a_temperature_makes_it_surer_and_chooses_nothing_else(
    folders: Path, tmp_path: Path, how: How
) -> None:
    members = [folders / "a", folders / "b"]
    plain = said(ensemble(members, how=how, folder=tmp_path / "plain").path).probabilities
    made = ensemble(members, how=how, folder=tmp_path / "surer", temperature=0.5)
    surer = said(made.path).probabilities
    expected = plain**2 / (plain**2).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(surer, expected, atol=1e-5)
    assert (surer.argmax(axis=1) == plain.argmax(axis=1)).all()
    assert (surer.max(axis=1) > plain.max(axis=1)).all()
    assert json.loads((made.path / "model.json").read_text())["temperature"] == 0.5


def test_it_is_a_model_like_any_other(folders: Path, tmp_path: Path, tone: Audio) -> None:
    made = ensemble([folders / "a", folders / "b"], how="average", folder=tmp_path / "both")
    verify(made.path)
    recognizer = Recognizer.open(made.path)
    prediction = recognizer.predict_audio(tone)
    assert sum(prediction.probabilities.values()) == pytest.approx(1)
    assert recognizer.labels == LABELS
    assert made.n_parameters == 2 * Recognizer.open(folders / "a").model.n_parameters
    assert made.provenance["train_speakers"] == ["ravdess-01"]
    assert made.provenance["test_speakers"] == ["ravdess-02"]
    card = (made.path / "card.md").read_text()
    assert "average" in card and "a, b" in card
    assert {p.name for p in made.path.iterdir()} == {
        "model.onnx", "weights.safetensors", "model.json", "card.md"
    }  # fmt: skip


def test_members_of_other_sample_rates_hear_the_sound_resampled(
    folders: Path, low: Path, tmp_path: Path
) -> None:
    made = ensemble([folders / "a", low], how="average", folder=tmp_path / "mixed")
    assert made.sample_rate == 16000
    down = Resampler(16000, 8000)
    first = in_order(folders / "a", said(folders / "a"))
    second = in_order(low, said(low, [down(signal) for signal in signals()]))
    np.testing.assert_allclose(said(made.path).probabilities, (first + second) / 2, atol=1e-4)


def test_a_clip_scores_the_same_alone_and_beside_a_longer_one(
    folders: Path, low: Path, tmp_path: Path
) -> None:
    made = ensemble([folders / "a", folders / "b", low], how="stack", weights=[1, 2, 1],
                    folder=tmp_path / "three")  # fmt: skip
    together = said(made.path).probabilities
    alone = np.concatenate([said(made.path, [signal]).probabilities for signal in signals()])
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_an_ensemble_can_be_a_member(folders: Path, tmp_path: Path) -> None:
    inner = ensemble([folders / "a", folders / "b"], how="average", folder=tmp_path / "inner")
    outer = ensemble([inner.path, folders / "a"], how="average", folder=tmp_path / "outer")
    first, second = (in_order(folders / name, said(folders / name)) for name in "ab")
    np.testing.assert_allclose(
        said(outer.path).probabilities, 0.75 * first + 0.25 * second, atol=1e-5
    )


def test_a_tie_goes_to_the_surer_label() -> None:
    sure, unsure = np.array([[0.9, 0.1]]), np.array([[0.4, 0.6]])
    outputs = [Output(p, np.ones(1), np.ones((1, 1))) for p in (unsure, sure)]
    assert combine(outputs, [0.5, 0.5], "vote").argmax() == 0


def test_what_cannot_be_put_together_is_refused(folders: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"got 1 model"):
        ensemble([folders / "a"], how="average", folder=tmp_path / "x")
    with pytest.raises(ConfigError, match="weights"):
        ensemble([folders / "a"] * 2, how="stack", folder=tmp_path / "x", weights=[1, -1])
    publish_tiny(tmp_path / "other", changed(labels=["happy", "sad", "calm"]))
    with pytest.raises(ModelError, match="angry, calm"):
        ensemble([folders / "a", tmp_path / "other"], how="average", folder=tmp_path / "x")
    assert not (tmp_path / "x").exists()
