"""``serotone calibrate``: sets of labels for a model, fitted on its dev speakers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from serotone.errors import ConfigError


def calibrate(
    model: Annotated[
        str, typer.Argument(metavar="[MODEL]", help="A model's name or folder.")
    ] = "default",
    corpora: Annotated[
        Path | None,
        typer.Option(envvar="SEROTONE_CORPORA", help="Folder with a folder for each corpus."),
    ] = None,
    speakers: Annotated[
        str,
        typer.Option(help="Fit on these, as emodb-09,emodb-12; else on the dev speakers."),
    ] = "",
) -> None:
    """Fit how large sets of labels must be.

    Hears the clips of the model's dev speakers and writes the thresholds that ``serotone predict
    --sets`` needs into the model's folder.
    """
    from serotone.evaluation.conformal import fit
    from serotone.evaluation.dev_calibration import dev_speakers, spoken
    from serotone.inference.recognizer import Recognizer
    from serotone.store.save import record_calibration

    if corpora is None:
        raise ConfigError(
            "no corpora. Give --corpora DIR with a folder for each, or set SEROTONE_CORPORA."
        )
    recognizer = Recognizer.open(model, sound_check=False)
    info = recognizer.model
    named = filter(None, map(str.strip, speakers.split(",")))
    wanted = dev_speakers(info, named)
    heard = fit(recognizer, list(spoken(info, wanted, corpora)))
    record_calibration(info.path, {"conformal": heard})
    for coverage, threshold in heard["thresholds"].items():
        print(f"{coverage}\t{threshold:.4f}")
    people = ", ".join(heard["speakers"])
    print(f"fitted on {heard['n']} clips of {people}: {info.path}", file=sys.stderr)
