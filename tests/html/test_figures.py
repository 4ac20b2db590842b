"""Figures hold what they were given, follow a theme, and are the same twice."""

from __future__ import annotations

import builtins
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from serotone.errors import MissingExtraError
from serotone.html import figures
from serotone.metrics.calibration import reliability_bins
from serotone.metrics.selective import risk_coverage as risk_coverage_of

pytest.importorskip("matplotlib")


def draw(name: str, **options) -> bytes:
    rng = np.random.default_rng(0)
    rows = rng.dirichlet(np.ones(3), 400)
    truth = rows.argmax(axis=1)
    match name:
        case "confusion":
            table = [[41, 2, 0], [3, 52, 4], [0, 1, 63]]
            return figures.confusion(table, ["neutral", "happy", "<odd>"], **options)
        case "reliability":
            return figures.reliability(reliability_bins(rows, truth), **options)
        case "risk_coverage":
            curve = risk_coverage_of(rows.max(axis=1), rng.random(400) < rows.max(axis=1))
            return figures.risk_coverage(curve, **options)
        case "speaker_bars":
            uar = {"toy-1": 0.25, "toy-2": 0.75}
            groups = {"toy-1": "female", "toy-2": "male"}
            return figures.speaker_bars(uar, mean=0.5, groups=groups, **options)
    curves = {"train": [1.0, 0.5, 0.2], "dev": [1.0, float("nan"), 0.6]}
    return figures.learning_curves(curves, y_label="loss", chosen=3, **options)


NAMES = ("confusion", "reliability", "risk_coverage", "speaker_bars", "learning_curves")


def words(svg: bytes) -> list[str]:
    return [t.text or "" for t in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("name", NAMES)
def test_svg_is_small_valid_and_the_same_twice(name):
    first = draw(name)
    assert ET.fromstring(first).tag.endswith("svg")
    assert len(first) < 60_000
    assert first == draw(name)


@pytest.mark.parametrize("name", NAMES)
def test_png_shows_something(name):
    image = pytest.importorskip("PIL.Image")
    import io

    picture = image.open(io.BytesIO(draw(name, format="png")))
    assert min(picture.size) > 300
    assert len(picture.convert("L").getcolors(256)) > 10


@pytest.mark.parametrize("name", NAMES)
def test_text_has_the_one_ink_or_stands_on_a_dark_cell(name):
    text = re.findall(r"<text[^>]*", draw(name).decode())
    assert text
    for element in text:
        # matplotlib leaves out a fill only where it is black
        assert figures.INK in element or "#ffffff" in element


def test_a_confusion_matrix_shows_every_count_and_label():
    found = words(draw("confusion"))
    for word in ("41", "52", "63", "2", "3", "4", "neutral", "happy", "<odd>", "heard as"):
        assert word in found


def test_speakers_stand_from_worst_to_best_with_their_mean():
    found = words(draw("speaker_bars"))
    assert found.index("toy-1") < found.index("toy-2")
    assert {"female", "male", "all 0.500"} <= set(found)


def test_the_kept_epoch_is_named():
    assert {"train", "dev", "kept: 3", "epoch", "loss"} <= set(words(draw("learning_curves")))


def test_a_class_without_utterances_is_no_fault():
    assert "0" in words(figures.confusion([[0, 0], [1, 2]], ["a", "b"]))


def test_without_matplotlib_the_error_names_the_extra(monkeypatch):
    real = builtins.__import__

    def refuse(name, *rest):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingExtraError, match=r"serotone\[train\]"):
        draw("confusion")


@pytest.mark.filterwarnings("error")
def test_thirty_trainings_leave_room_for_their_lines():
    curves = {f"fold {i}": [1.0, 0.5 + 0.01 * i, 0.3] for i in range(30)}
    found = words(figures.learning_curves(curves, y_label="loss"))
    assert {"epoch", "loss"} <= set(found) and "fold 0" not in found
    few = dict(list(curves.items())[: figures.MOST_NAMED])
    assert "fold 11" in words(figures.learning_curves(few, y_label="loss"))
