"""The few figures that stand in the README, filled in from the results."""

from __future__ import annotations

import re
from collections.abc import Sequence

from serotone.benchmark.aggregate import Measured, option_of
from serotone.benchmark.pages import tables
from serotone.benchmark.pages.text import (
    BEST_OF_SEVERAL,
    LEAK_SIGN,
    OF_CLAIMS,
    SHIPPED,
    folds_text,
    uar_text,
)
from serotone.benchmark.reference_systems import HONEST, SystemConfig, load_systems, standings
from serotone.errors import ConfigError
from serotone.evaluation.report import percent, table

_BLOCK = re.compile(r"(<!-- figures: begin.*?-->\n).*?(<!-- figures: end.*?-->)", re.DOTALL)

OF_ITS_OWN = "-speakers"
"""Ends the name of a split that a recipe lists itself, to choose on: it compares with nothing."""

OF_SHIPPED = "The model in the package, on voices that it has never heard:"
"""Above the first table."""

BEST = (
    "The best that any recipe does on voices it has never heard "
    f"([all recipes](docs/results.md)). {BEST_OF_SEVERAL}"
)
"""Above the second."""

HEAD = (
    *("tested on", "recipe", "UAR [95 %]", "chance", "accuracy", "folds", "clips"),
    "parameters",
)


def fill_figures(
    text: str, measured: Sequence[Measured], systems: Sequence[SystemConfig] | None = None
) -> str:
    """A page with the block between ``figures: begin`` and ``figures: end`` written anew.

    Args:
        text: of the page, in Markdown.
        measured: of ``measured_of``.
        systems: to stand beside; None takes the five reference systems.

    Raises:
        ConfigError: when the page has no such block.
    """
    if not _BLOCK.search(text):
        raise ConfigError(
            "no figures block, expected the lines '<!-- figures: begin -->' and "
            "'<!-- figures: end -->'. Write them where the figures belong."
        )
    block = figures_block(measured, systems)
    return _BLOCK.sub(lambda found: f"{found[1]}{block}{found[2]}", text)


def figures_block(
    measured: Sequence[Measured], systems: Sequence[SystemConfig] | None = None
) -> str:
    """The shipped model's figures, the best of each split, and the claims beside theirs."""
    honest = [m for m in measured if m.protocol == HONEST and not option_of(m.recipe)[1]]
    parts = []
    shipped, best = [], []
    for title in sorted({tables.title_of(m) for m in honest}):
        mine = [m for m in honest if tables.title_of(m) == title]
        shipped += [_row(m, title) for m in mine if m.recipe == SHIPPED]
        if not mine[0].runs[0].split_name.endswith(OF_ITS_OWN):
            best.append(_row(mine[0], title))
    for text, rows in ((OF_SHIPPED, shipped), (BEST, best)):
        if rows:
            parts.append(f"{text}\n\n{table(HEAD, rows)}")
    known = [
        s
        for s in standings(load_systems() if systems is None else systems, measured)
        if s.claimed  # without it there is no gap to show
    ]
    if known:
        claims = tables.claims(known)
        parts.append(
            f"What published systems claim, what their own protocol gives here ({LEAK_SIGN} it "
            f"leaks: the same voices on both sides), and what is left with new voices:\n\n"
            f"{table(claims.head, claims.rows)}\n{OF_CLAIMS}\n"
        )
    if not parts:
        parts.append("No results yet.\n")
    parts.append(
        "All of them, with intervals, folds and protocols: [docs/results.md](docs/results.md).\n"
    )
    return "\n".join(parts)


def _row(m: Measured, title: str) -> tuple[str, ...]:
    return (
        *(title, m.recipe, uar_text(m), percent(1 / m.n_classes), percent(m.accuracy)),
        *(folds_text(m) or "–", f"{m.n:,}", _parameters(m.runs[0].params)),
    )


def _parameters(n: int | None) -> str:
    return "–" if n is None else f"{n:,}"
