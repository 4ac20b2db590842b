"""The models inside the package: whole, small, and what their cards say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from serotone.inference.recognizer import Recognizer
from serotone.labels import CANONICAL
from serotone.store.folder import describe, resolve, verify
from serotone.types import Audio
from tests.features.signals import speech_like

SHIPPED = ("default", "accurate")
SAMPLES = sorted((Path(__file__).parents[2] / "samples").glob("*.wav"))


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_model_is_whole_and_small(name: str) -> None:
    folder = resolve(name)
    verify(folder)
    info = describe(folder)
    assert info.labels == CANONICAL
    assert info.n_parameters <= 1_500_000
    assert (folder / "model.onnx").stat().st_size <= 5_000_000


@pytest.mark.parametrize("name", SHIPPED)
def test_its_card_has_a_figure_of_each_corpus_and_the_licences(name: str) -> None:
    folder = resolve(name)
    figures = json.loads((folder / "model.json").read_text(encoding="utf-8"))["figures"]
    assert {figure["corpus"] for figure in figures.values()} >= {
        *("ravdess", "emodb", "nemo", "ased")
    }
    assert all(figure["protocol"] == "honest" for figure in figures.values())
    card = (folder / "card.md").read_text(encoding="utf-8")
    assert "CC BY-NC-SA 4.0" in card and "Art. 5" in card


def test_the_accurate_one_is_the_default_and_another_put_together() -> None:
    heard = [
        Audio(speech_like(16_000, seconds, seed=i), 16_000) for i, seconds in enumerate((1, 3))
    ]
    answers = {
        name: Recognizer.open(name, sound_check=False).predict_batch(heard) for name in SHIPPED
    }
    for ours, others in zip(answers["accurate"], answers["default"], strict=True):
        # Half of the mean is the default's own.
        for label in CANONICAL:
            assert ours.probabilities[label] >= others.probabilities[label] / 2 - 1e-3
        assert sum(ours.probabilities.values()) == pytest.approx(1, abs=1e-4)
