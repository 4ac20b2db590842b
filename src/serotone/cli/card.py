"""``serotone card``: what is known of a model, from its results, on its card."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def card(
    model: Annotated[
        str, typer.Argument(metavar="[MODEL]", help="A model's name or folder.")
    ] = "default",
    results: Annotated[Path, typer.Option(help="Folder of results, one JSON a run.")] = Path(
        "results"
    ),
    recipes: Annotated[
        str,
        typer.Option(help="Also tell of runs of these recipes, as default-*,loco-*; with commas."),
    ] = "",
) -> None:
    """Write a model's card from its results.

    Figures of this very model, of its recipe trained without the speakers that it was tested on,
    and of its robustness go from the folder of results into model.json and card.md.
    """
    from serotone.benchmark.model_card import figures_of
    from serotone.store.layout import CARD
    from serotone.store.load import describe, resolve
    from serotone.store.save import record_results

    info = describe(resolve(model))
    patterns = [name for name in map(str.strip, recipes.split(",")) if name]
    record_results(info.path, figures_of(info, results, patterns))
    print(info.path / CARD)
