"""What was measured of a model, as the sections of its card."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Figures = Mapping[str, Mapping[str, Any]]

HEAD = (
    *("measured on", "clips", "UAR", "95 % interval", "accuracy", "macro F1"),
    *("ECE (by chance)", "AURC"),
    "protocol",
)

OF_RECIPE = (
    "Runs of the same recipe, or of its kin, each trained without the speakers that it was tested "
    "on. They tell what to expect of new voices where this model has learned from all there are."
)
OF_UNHEARD = (
    "Runs of the same recipe, or of its kin, each trained without a clip of the corpus that it was "
    "tested on. They tell what to expect of recordings unlike any that taught."
)

BY_CHANCE = (
    "ECE, by chance: what the calibration error of a perfectly calibrated model would stay below "
    "on as many clips, 19 times in 20."
)

WIDE, FEW = 0.2, 5
"""Intervals wider than this, and fewer speakers than that, are marked."""


def figures_sections(description: Mapping[str, Any]) -> list[str]:
    """Markdown of all figures in a model's description, heading by heading."""
    figures: Figures = description["figures"]
    parts = ["## Figures", _figures(figures) if figures else "Not evaluated yet."]
    if any("ece_by_chance" in values for values in figures.values()):
        parts.append(BY_CHANCE)
    if all_of_them := description.get("together"):
        parts.append(
            f"All of these answers together, {all_of_them['n']:,} of {all_of_them['n_speakers']} "
            f"people: ECE {_ece(all_of_them)}."
        )
    others: Figures = description.get("recipe_figures", {})
    unheard = {name: run for name, run in others.items() if run["split"].startswith("loco")}
    speakers = {name: run for name, run in others.items() if name not in unheard}
    if speakers:
        parts += ["### The same recipe on other speakers", OF_RECIPE, _figures(speakers)]
    if unheard:
        parts += ["### The same recipe on corpora never heard", OF_UNHEARD, _figures(unheard)]
    parts += _confidence(description.get("calibration", {}), figures)
    parts += _people(figures)
    for name, values in description.get("robustness", {}).items():
        parts += [f"## Robustness: {name}", *_robustness(values)]
    return parts


def _figures(figures: Figures) -> str:
    return table(
        HEAD,
        (
            (
                name,
                values.get("n", ""),
                number(values["uar"]),
                _interval(values.get("uar_ci")),
                *(number(values.get(key)) for key in ("accuracy", "macro_f1")),
                _ece(values),
                number(values.get("aurc")),
                values.get("protocol", ""),
            )
            for name, values in figures.items()
        ),
    )


def _ece(values: Mapping[str, Any]) -> str:
    by_chance = values.get("ece_by_chance")
    return number(values.get("ece")) + ("" if by_chance is None else f" ({by_chance:.3f})")


def _confidence(calibration: Mapping[str, Any], figures: Figures) -> list[str]:
    conformal = calibration.get("conformal")
    if not conformal:
        return []
    parts = [
        "## Sets of labels",
        f"Fitted on {conformal['n']} clips of {', '.join(conformal['speakers'])} (split conformal, "
        "least ambiguous sets). The promise holds on average over voices like theirs.",
    ]
    rows = [
        (
            name,
            f"{float(coverage):.0%}",
            number(score["held"]),
            _interval(score["held_ci"]),
            f"{score['mean_size']:.2f}",
        )
        for name, values in figures.items()
        for coverage, score in values.get("sets", {}).items()
    ]
    head = ("measured on", "promised", "held", "95 % interval", "labels in a set")
    return [*parts, table(head, rows)] if rows else parts


def _people(figures: Figures) -> list[str]:
    rows, doubtful = [], False
    for name, values in figures.items():
        for group, score in {**values.get("by_sex", {}), **values.get("by_age", {})}.items():
            low, high = score["uar_ci"]
            unsure = score["n_speakers"] < FEW or high - low > WIDE
            doubtful = doubtful or unsure
            rows.append(
                (
                    name,
                    group,
                    score["n_speakers"],
                    score["n"],
                    number(score["uar"]),
                    _interval(score["uar_ci"]) + " *" * unsure,
                )
            )
        for gap, score in values.get("gaps", {}).items():
            rows.append((name, gap, "", "", number(score["value"]), _interval(score["interval"])))
    if not rows:
        return []
    head = ("measured on", "group", "speakers", "clips", "UAR", "95 % interval")
    parts = ["## By sex and age", table(head, rows)]
    if doubtful:
        parts.append(
            f"\\* Fewer than {FEW} speakers, or an interval wider than {100 * WIDE:.0f} points: "
            "too little to tell how this group fares."
        )
    return parts


def _robustness(values: Mapping[str, Any]) -> list[str]:
    rows = [
        (
            row["title"],
            number(row["uar"]),
            _interval(row["uar_ci"]),
            f"{100 * row['difference']:+.1f}" if "difference" in row else "",
            _points(row.get("difference_ci")),
        )
        for row in values["conditions"].values()
    ]
    head = ("condition", "UAR", "95 % interval", "points against clean", "95 % interval")
    parts = [table(head, rows)]
    if values.get("noise_kinds"):
        parts.append(
            f"Noise: {', '.join(values['noise_kinds'])}, kinds that are held out of training."
        )
    return parts


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def number(value: float | None) -> str:
    """Three digits, nothing for None."""
    return "" if value is None else f"{value:.3f}"


def _interval(ends: Sequence[float | None] | None) -> str:
    if not ends or ends[0] is None or ends[1] is None:
        return ""
    return f"{ends[0]:.3f} to {ends[1]:.3f}"


def _points(ends: Sequence[float] | None) -> str:
    return f"{100 * ends[0]:+.1f} to {100 * ends[1]:+.1f}" if ends else ""
