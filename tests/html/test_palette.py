"""The palette keeps what it promises, by a second implementation of the arithmetic too."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from serotone.html import palette
from serotone.html.palette import BACKGROUNDS, EMOTIONS, SIGHTS, UNSURE, ciede2000

ROOT = Path(__file__).parents[2]
MACHADO = {"protanopia": "protan", "deuteranopia": "deutan", "tritanopia": "tritan"}
"""What coloraide calls them."""


@pytest.mark.parametrize("sight", SIGHTS)
def test_any_two_emotions_look_different(sight: str) -> None:
    for (one, a), (other, b) in combinations(EMOTIONS.items(), 2):
        found = palette.difference(a.colour, b.colour, sight)
        assert found >= palette.LEAST_DIFFERENCE, (one, other, sight, found)


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_each_stands_out_from_each_background(background: str) -> None:
    for label, swatch in {**EMOTIONS, "uncertain": UNSURE}.items():
        found = palette.contrast(swatch.colour, BACKGROUNDS[background])
        assert found >= palette.LEAST_CONTRAST, (label, background, found)


def test_no_two_emotions_share_their_letters() -> None:
    assert len({palette.code(label) for label in (*EMOTIONS, "uncertain")}) == len(EMOTIONS) + 1


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, 3.1571, -77.2803), (50.0, 0.0, -82.7485), 2.8615),
        ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
        ((50.0, 2.4900, -0.0010), (50.0, -2.4900, 0.0009), 7.1792),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_ciede2000_gives_the_published_values(
    a: palette.Lab, b: palette.Lab, expected: float
) -> None:
    assert ciede2000(a, b) == pytest.approx(expected, abs=5e-5)


def test_the_arithmetic_agrees_with_coloraide() -> None:
    coloraide = pytest.importorskip("coloraide.everything", reason="coloraide is not installed")
    pairs = list(combinations([s.colour for s in EMOTIONS.values()], 2))
    for a, b in pairs:
        one, other = coloraide.ColorAll(a), coloraide.ColorAll(b)
        assert palette.contrast(a, b) == pytest.approx(one.contrast(other), abs=0.01)
        assert palette.difference(a, b) == pytest.approx(one.delta_e(other, method="2000"), abs=0.1)
        for sight, name in MACHADO.items():
            seen = [c.filter(name, method="machado").clip("srgb") for c in (one, other)]
            expected = seen[0].delta_e(seen[1], method="2000")
            assert palette.difference(a, b, sight) == pytest.approx(expected, abs=0.2)


def test_the_page_has_the_same_palette() -> None:
    written = (ROOT / "web/src/palette.json").read_text(encoding="utf-8")
    assert written == palette.as_json()


def test_classes_of_a_users_own_have_colours_too() -> None:
    labels = ("angry", "bored", "amused")
    assert palette.colour("bored", labels) != palette.colour("amused", labels)
    assert palette.colour("uncertain", labels) == UNSURE.colour
