"""One palette for terminal, pages, reports and plots, and the arithmetic that checks it.

Any two emotions differ by at least ``LEAST_DIFFERENCE`` (CIEDE2000), as most people see them and as
those do who lack one of the three kinds of cones; each stands out from a light and from a dark
background by at least ``LEAST_CONTRAST`` (WCAG 2.2, 1.4.11). Where colour alone would tell, its two
letters stand beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import atan2, cos, degrees, exp, hypot, radians, sin, sqrt

from serotone.labels import UNCERTAIN


@dataclass(frozen=True, slots=True)
class Swatch:
    """How an emotion is drawn.

    Attributes:
        colour: as ``#rrggbb``.
        code: two letters.
    """

    colour: str
    code: str


EMOTIONS: Mapping[str, Swatch] = {
    "neutral": Swatch("#908f88", "Ne"),
    "calm": Swatch("#279daf", "Ca"),
    "happy": Swatch("#bf8429", "Ha"),
    "sad": Swatch("#3f65c4", "Sa"),
    "angry": Swatch("#c03b28", "An"),
    "fearful": Swatch("#ad72ff", "Fe"),
    "disgust": Swatch("#5c7d57", "Di"),
    "surprised": Swatch("#905a73", "Su"),
}

UNSURE = Swatch("#868b93", "?")
"""Of ``uncertain`` and of pauses: no emotion, told apart by its place and its letter."""

OTHERS = tuple(swatch.colour for label, swatch in EMOTIONS.items() if label != "neutral")
"""For classes of a user's own, in turn."""

BACKGROUNDS: Mapping[str, str] = {
    "page, light": "#faf9f7",
    "card, light": "#ffffff",
    "page, dark": "#15171a",
    "card, dark": "#1c1f23",
}

LEAST_DIFFERENCE = 12.0
LEAST_CONTRAST = 3.0

SIGHTS: Mapping[str, tuple[tuple[float, float, float], ...]] = {
    "typical": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
"""What linear RGB becomes to an eye without one kind of cones.

Machado, Oliveira and Fernandes 2009, "A physiologically-based model for simulation of color vision
deficiency", severity 1, https://doi.org/10.1109/TVCG.2009.113.
"""

_TO_XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
_WHITE = (0.95047, 1.0, 1.08883)

Lab = tuple[float, float, float]


def colour(label: str, labels: Sequence[str]) -> str:
    """The colour of an emotion, the same everywhere; ``labels`` are all that are shown.

    Example:
        >>> colour("angry", ("angry", "bored")), colour("bored", ("angry", "bored"))
        ('#c03b28', '#bf8429')
    """
    if label in EMOTIONS:
        return EMOTIONS[label].colour
    if label not in labels:
        return UNSURE.colour
    return OTHERS[list(labels).index(label) % len(OTHERS)]


def code(label: str) -> str:
    """Two letters that stand for an emotion where colour alone would."""
    if label == UNCERTAIN:
        return UNSURE.code
    return EMOTIONS[label].code if label in EMOTIONS else label[:2].capitalize()


def as_json() -> str:
    """The palette as the page in ``web/`` reads it: ``web/src/palette.json``."""
    emotions = {label: asdict(swatch) for label, swatch in EMOTIONS.items()}
    values = {"emotions": {**emotions, UNCERTAIN: asdict(UNSURE)}, "others": list(OTHERS)}
    return json.dumps(values, indent=2) + "\n"


def contrast(a: str, b: str) -> float:
    """Contrast of two colours, 1 (none) to 21 (black on white), as WCAG 2.2 defines it.

    Example:
        >>> round(contrast("#000000", "#ffffff"), 2)
        21.0
    """
    one, other = sorted((_linear(a), _linear(b)), key=_luminance, reverse=True)
    return (_luminance(one) + 0.05) / (_luminance(other) + 0.05)


def difference(a: str, b: str, sight: str = "typical") -> float:
    """How different two colours look to an eye of ``SIGHTS``, as CIEDE2000; 1 is just visible."""
    return ciede2000(_lab(_seen(_linear(a), sight)), _lab(_seen(_linear(b), sight)))


def ciede2000(a: Lab, b: Lab) -> float:
    """Difference of two colours in CIELAB.

    As in Sharma, Wu and Dalal 2005, "The CIEDE2000 color-difference formula: Implementation notes,
    supplementary test data, and mathematical observations", https://doi.org/10.1002/col.20070.
    """
    mean_chroma = (hypot(*a[1:]) + hypot(*b[1:])) / 2
    stretch = 1 + 0.5 * (1 - _saturating(mean_chroma))
    (c1, h1), (c2, h2) = (_polar(x[1] * stretch, x[2]) for x in (a, b))
    turn = (h2 - h1 + 180) % 360 - 180 if c1 * c2 else 0.0
    light, chroma = (a[0] + b[0]) / 2, (c1 + c2) / 2
    hue = (h1 + turn / 2) % 360 if c1 * c2 else h1 + h2
    weight = (
        1
        - 0.17 * cos(radians(hue - 30))
        + 0.24 * cos(radians(2 * hue))
        + 0.32 * cos(radians(3 * hue + 6))
        - 0.20 * cos(radians(4 * hue - 63))
    )
    by_light = (b[0] - a[0]) / (1 + 0.015 * (light - 50) ** 2 / sqrt(20 + (light - 50) ** 2))
    by_chroma = (c2 - c1) / (1 + 0.045 * chroma)
    by_hue = 2 * sqrt(c1 * c2) * sin(radians(turn / 2)) / (1 + 0.015 * chroma * weight)
    blue = 60 * exp(-(((hue - 275) / 25) ** 2))
    rotation = -2 * _saturating(chroma) * sin(radians(blue))
    return sqrt(by_light**2 + by_chroma**2 + by_hue**2 + rotation * by_chroma * by_hue)


def _saturating(chroma: float) -> float:
    return sqrt(chroma**7 / (chroma**7 + 25.0**7))


def _polar(x: float, y: float) -> tuple[float, float]:
    return hypot(x, y), degrees(atan2(y, x)) % 360


def _linear(colour: str) -> Lab:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return _ungamma(red), _ungamma(green), _ungamma(blue)


def _ungamma(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


def _luminance(linear: Lab) -> float:
    return _dot(_TO_XYZ[1], linear)


def _seen(linear: Lab, sight: str) -> Lab:
    red, green, blue = (min(1.0, max(0.0, _dot(row, linear))) for row in SIGHTS[sight])
    return red, green, blue


def _lab(linear: Lab) -> Lab:
    x, y, z = (
        _cube_root(_dot(row, linear) / white) for row, white in zip(_TO_XYZ, _WHITE, strict=True)
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _cube_root(value: float) -> float:
    return float(value ** (1 / 3)) if value > 216 / 24389 else (24389 / 27 * value + 16) / 116


def _dot(row: Lab, values: Lab) -> float:
    return sum(a * b for a, b in zip(row, values, strict=True))
