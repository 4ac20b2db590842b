"""``serotone ensemble``: several models as one."""

from __future__ import annotations

import sys
import tempfile
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from serotone.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable

    from serotone.ensembles.members import How as Way
    from serotone.store.load import ModelInfo
    from serotone.types import Sides, Utterance


class How(StrEnum):
    """How answers are put together."""

    average = "average"
    vote = "vote"
    stack = "stack"
    weights = "weights"


def ensemble(
    models: Annotated[
        list[str], typer.Argument(metavar="MODEL...", help="Names or folders, two or more.")
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder of the ensemble.", show_default=False)
    ],
    how: Annotated[
        How,
        typer.Option(
            help="Mean of the probabilities, most votes, weighted mean; or a net of mean weights."
        ),
    ] = How.average,
    corpus: Annotated[
        str, typer.Option("--corpus", "-c", help="For stack: the corpus of its weights.")
    ] = "",
    root: Annotated[
        Path | None, typer.Option("--root", "-r", help="For stack: the corpus's own folder.")
    ] = None,
    split: Annotated[
        str, typer.Option("--split", help="For stack: NAME:FOLD, whose dev side fits the weights.")
    ] = "",
    shares: Annotated[
        str, typer.Option(help="For weights: how much of each model, as 2,1,1; else all alike.")
    ] = "",
    calibrate: Annotated[
        Path | None,
        typer.Option(
            metavar="CORPORA",
            help="Fit how sure it may be on the members' dev speakers, in this folder of corpora.",
        ),
    ] = None,
) -> None:
    """Put several models into one.

    The ensemble is a model folder like any other. The weights of a stack are fitted on the dev
    side of a split, the test side stays unheard. A mean of models that disagree is less sure than
    it may be: --calibrate. Of weights only nets have a mean that go on from the same one.
    """
    if shares and how is not How.weights:
        raise ConfigError(f"--shares is for --how weights, got --how {how.value}. Leave it out.")
    try:
        make = _maker(models, how, shares, corpus, root, split)
    except ModuleNotFoundError as error:
        raise MissingExtraError("An ensemble", "train", str(error.name)) from None
    temperature = 1.0
    if calibrate is not None:
        temperature = _temperature(make, calibrate)
        print(f"temperature {temperature:.3f}", file=sys.stderr)
    print(make(folder=out, temperature=temperature).path)


def _maker(
    models: list[str], how: How, shares: str, corpus: str, root: Path | None, split: str
) -> Callable[..., ModelInfo]:
    """What makes the ensemble, given its ``folder`` and ``temperature``."""
    if how is How.weights:
        from serotone.ensembles.weight_average import average_weights

        return partial(average_weights, models, shares=_shares(shares))
    from serotone.ensembles.combine import ensemble as build

    weights, dev_speakers = None, []
    if how is How.stack:
        from serotone.ensembles.stacking import weights_on_dev
        from serotone.types import speakers

        utterances, sides = _dev(models[0], corpus, root, split)
        found = weights_on_dev(models, utterances, corpus=corpus, split=sides)
        weights, dev_speakers = found.tolist(), speakers(sides.dev)
        for model, weight in zip(models, weights, strict=True):
            print(f"{weight:.3f} {model}", file=sys.stderr)
    return partial(
        build, models, how=cast("Way", how.value), weights=weights, dev_speakers=dev_speakers
    )


def _shares(given: str) -> list[float] | None:
    try:
        return [float(share) for share in given.split(",")] if given else None
    except ValueError:
        raise ConfigError(f"--shares '{given}': expected numbers, as 2,1,1.") from None


def _temperature(make: Callable[..., ModelInfo], corpora: Path) -> float:
    """Of the ensemble that ``make`` makes, by its dev speakers, whom no member learned from."""
    from serotone.evaluation.dev_calibration import spoken, temperature_by
    from serotone.inference.recognizer import Recognizer

    with tempfile.TemporaryDirectory() as scratch:
        info = make(folder=Path(scratch) / "ensemble")
        people = set(info.provenance["dev_speakers"])
        if not people:
            raise ConfigError(
                "the members have no dev speaker whom none of them learned from, expected some to "
                "fit on. Leave --calibrate out."
            )
        recognizer = Recognizer.open(info.path, sound_check=False)
        return temperature_by(recognizer, list(spoken(info, people, corpora)))


def _dev(model: str, corpus: str, root: Path | None, split: str) -> tuple[list[Utterance], Sides]:
    """The corpus, read as when it taught the model, and the sides of its split."""
    from serotone.corpora import read
    from serotone.corpora.split import fold
    from serotone.store.load import describe, resolve

    if not corpus or root is None or not split:
        raise ConfigError(
            "--how stack fits its weights on dev: give --corpus, --root and --split, "
            "as --corpus ravdess --root DIR --split luna5:1."
        )
    utterances = list(read(corpus, root, **describe(resolve(model)).reader(corpus)).utterances)
    return utterances, fold(utterances, split)
