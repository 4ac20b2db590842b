"""``serotone calibrate``: sets of labels for a model, fitted on its dev speakers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serotone.errors import ConfigError, CorpusError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from serotone.store.folder import ModelInfo
    from serotone.types import Utterance


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
    from serotone.inference.recognizer import Recognizer
    from serotone.store.save import record_calibration

    if corpora is None:
        raise ConfigError(
            "no corpora. Give --corpora DIR with a folder for each, or set SEROTONE_CORPORA."
        )
    recognizer = Recognizer.open(model, sound_check=False)
    info = recognizer.model
    wanted = _wanted(info, speakers)
    heard = fit(recognizer, list(_spoken(info, wanted, corpora)))
    record_calibration(info.path, {"conformal": heard})
    for coverage, threshold in heard["thresholds"].items():
        print(f"{coverage}\t{threshold:.4f}")
    people = ", ".join(heard["speakers"])
    print(f"fitted on {heard['n']} clips of {people}: {info.path}", file=sys.stderr)


def _wanted(model: ModelInfo, speakers: str) -> set[str]:
    """Whom to fit on.

    Raises:
        ConfigError: when nobody is left, or one of them taught the model.
    """
    named = {name for name in map(str.strip, speakers.split(",")) if name}
    wanted = named or set(model.provenance.get("dev_speakers", ()))
    if not wanted:
        raise ConfigError(
            f"model '{model.name}' names no dev speakers. Give some: --speakers emodb-09."
        )
    taught = sorted(wanted.intersection(model.provenance.get("train_speakers", ())))
    if taught:
        raise ConfigError(
            f"model '{model.name}' learned from '{taught[0]}': on its teachers it is surer than on "
            "others. Give speakers who did not teach it."
        )
    return wanted


def _spoken(model: ModelInfo, wanted: set[str], corpora: Path) -> Iterable[Utterance]:
    from serotone.corpora import CORPORA, read

    names = {corpus["name"] for corpus in model.provenance.get("corpora", ())}
    names |= {speaker.rpartition("-")[0] for speaker in wanted}
    found: set[str] = set()
    for name in sorted(names.intersection(CORPORA.names())):
        if not (corpora / name).exists():
            continue
        for utterance in read(name, corpora / name, **model.reader(name)).utterances:
            if utterance.speaker in wanted:
                found.add(utterance.speaker)
                yield utterance
    if missing := sorted(wanted - found):
        raise CorpusError(
            f"speaker '{missing[0]}' is in none of the corpora below {corpora}. "
            "Check --corpora, or name others: --speakers."
        )
