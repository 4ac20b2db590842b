"""``serotone adapt``: a model fitted to a voice by recordings without labels."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serotone.cli.features import FAILURES_SHOWN, progress
from serotone.cli.predict import find
from serotone.errors import MissingExtraError

if TYPE_CHECKING:
    from serotone.training.adapt import Adapted

FEW = 10
ONE_MOOD = 0.7
"""Share of pieces of one label from which the recordings are said to hold one mood alone."""


def adapt(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH",
            help="Recordings of the voice: files, folders, globs.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder of the new model.", show_default=False)
    ],
    model: Annotated[
        str, typer.Option("--model", "-m", help="A model's name or folder.")
    ] = "default",
    share: Annotated[
        float,
        typer.Option(min=0, max=1, help="Of the new statistics in the mix with the old."),
    ] = 0.5,
) -> None:
    """Fit a model to a voice, without labels.

    Hears recordings of the person to come, the more moods the better, and writes a model folder
    whose batch norms know that voice. A file that cannot be read is told of, and the rest go on.
    """
    try:
        from serotone.training.adapt import adapt as fit
    except ModuleNotFoundError as error:
        raise MissingExtraError("Adapting a model", "train", str(error.name)) from None
    files = find(paths)
    with progress(len(files)) as on_file:
        made = fit(model, files, folder=out, share=share, on_file=on_file)
    _tell(made)
    print(made.info.path)
    if made.failures:
        raise typer.Exit(1)


def _tell(made: Adapted) -> None:
    for failure in made.failures[:FAILURES_SHOWN]:
        print(f"serotone: {failure.error}", file=sys.stderr)
    if made.failures:
        print(f"serotone: {len(made.failures)} files failed.", file=sys.stderr)
    print(f"heard {made.n_pieces} pieces, {made.duration_s:.0f} s of speech", file=sys.stderr)
    label, n = next(iter(made.labels.items()))
    if n >= ONE_MOOD * made.n_pieces:
        print(
            f"serotone: {n} of {made.n_pieces} pieces sound {label}, expected several moods. "
            f"What they share will count as this voice's, and {label} be heard less: give others "
            "too, or a smaller --share.",
            file=sys.stderr,
        )
    elif made.n_pieces < FEW:
        print(
            f"serotone: got {made.n_pieces} pieces, expected {FEW} or more. It gains less so.",
            file=sys.stderr,
        )
