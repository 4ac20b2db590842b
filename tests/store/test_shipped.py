"""The model inside the package: whole, small, and what its card says."""

from __future__ import annotations

import json

import pytest

from serotone.labels import CANONICAL
from serotone.store.layout import verify
from serotone.store.load import describe, resolve

SHIPPED = ("default",)


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
    assert "CC BY-NC-SA 4.0" in card and "5(1)(f)" in card
