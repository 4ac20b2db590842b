"""``serotone models``: what there is to predict with."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from serotone.store.load import ModelInfo


class Format(StrEnum):
    """How the list is written."""

    table = "table"
    json = "json"


def models(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="FOLDER", help="Further model folders.", show_default=False),
    ] = None,
    format: Annotated[
        Format, typer.Option("--format", "-f", help="How to write the list.")
    ] = Format.table,
) -> None:
    """List the models that are there.

    They are the shipped ones, and those below SEROTONE_MODELS or ~/.local/share/serotone/models.
    """
    from serotone.store.load import describe, list_models, resolve

    found = [*list_models(), *(describe(resolve(path)) for path in paths or ())]
    if format is Format.json:
        print(json.dumps([as_dict(model) for model in found], indent=2))
    else:
        _print_table(found)


def as_dict(model: ModelInfo) -> dict[str, Any]:
    """The JSON object of one model."""
    return {**dataclasses.asdict(model), "path": str(model.path)}


def _print_table(found: Iterable[ModelInfo]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    for model in found:
        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column(style="dim")
        table.add_column()
        size = f"{model.n_parameters / 1e6:.2f} M parameters, {model.size_bytes / 1e6:.1f} MB"
        table.add_row("size", size)
        table.add_row("labels", " ".join(model.labels))
        table.add_row("licence", model.licence)
        for name, figure in model.figures.items():
            table.add_row(name, _figure(figure))
        console.print(f"[bold]{model.name}[/bold]")
        console.print(table)
    console.print(
        "UAR: unweighted average recall, here on speakers never heard, with its 95 % interval."
    )


def _figure(figure: Mapping[str, Any]) -> str:
    """A figure in a line, as ``UAR 73.8 % [61.6, 83.4], 300 clips, ECE 0.05``."""
    parts = [f"UAR {100 * figure['uar']:.1f} %"]
    if figure.get("uar_ci"):
        low, high = (100 * end for end in figure["uar_ci"])
        parts[0] += f" [{low:.1f}, {high:.1f}]"
    parts.append(f"{figure['n']} clips")
    if figure.get("ece") is not None:
        parts.append(f"ECE {figure['ece']:.2f}")
    if figure.get("protocol") != "honest":
        parts.append("of a protocol that leaks")
    return ", ".join(parts)
