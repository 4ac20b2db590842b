"""``serotone models``: what there is to predict with."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from serotone.store.folder import ModelInfo


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
    from serotone.store.folder import describe, list_models, resolve

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

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("model", "labels", "parameters", "size", "licence", "figures"):
        table.add_column(column, justify="right" if column in ("parameters", "size") else "left")
    for model in found:
        table.add_row(
            f"[bold]{model.name}[/bold]",
            " ".join(model.labels),
            f"{model.n_parameters / 1e6:.2f} M",
            f"{model.size_bytes / 1e6:.1f} MB",
            model.licence,
            _figures(model.figures),
        )
    Console(highlight=False).print(table)


def _figures(figures: Mapping[str, Any]) -> str:
    """One figure a line, as ``ravdess luna5:1 UAR 0.68``."""
    return "\n".join(f"{name} {value}" for name, value in figures.items())
