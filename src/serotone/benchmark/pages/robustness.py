"""``docs/robustness.md`` and ``robustness.svg``: what is left of a score in bad sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from serotone.benchmark.pages.text import SHIPPED
from serotone.evaluation.report import LOSSES_HEAD, losses_rows, table
from serotone.html import figures

BEGIN, END = "<!-- robustness -->", "<!-- /robustness -->"


def fill_robustness(page: str, found: Sequence[Mapping[str, Any]]) -> str:
    """The page with its tables made anew from measurements; one without marks stays as it is.

    Args:
        page: with ``BEGIN`` and ``END`` around what is made.
        found: of ``evaluation.robustness.read_all``.
    """
    before, begun, rest = page.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not begun or not ended:
        return page
    parts = [_measured(values) for values in _shipped_first(found)] or ["Not measured yet.\n"]
    return f"{before}{BEGIN}\n\n" + "\n".join(parts) + f"\n{END}{after}"


def picture(found: Sequence[Mapping[str, Any]]) -> bytes | None:
    """The first measurement, the shipped model's if it is there, as an SVG; None without any.

    Raises:
        MissingExtraError: without matplotlib.
    """
    first = next(iter(_shipped_first(found)), None)
    return figures.losses(list(first["conditions"].values())) if first else None


def _shipped_first(found: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(found, key=lambda values: values["model"] != SHIPPED)


def _measured(values: Mapping[str, Any]) -> str:
    rows = losses_rows(values)
    clean = values["conditions"]["clean"]
    kinds = ", ".join(values["noise_kinds"])
    noise = f" Noise of kinds held out of training: {kinds}." if kinds else ""
    return (
        f"### {values['model']} on {values['corpus']} {values['split']}\n\n"
        f"{clean['n']} clips of {values['n_speakers']} speakers, protocol {values['protocol']}, "
        f"{values['date']}.{noise}\n\n{table(LOSSES_HEAD, rows)}"
    )
