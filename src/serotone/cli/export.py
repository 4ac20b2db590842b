"""``serotone export``: a model in another form, or as a page for the browser."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serotone.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from serotone.store.load import ModelInfo


class Format(StrEnum):
    """What a model is turned into."""

    onnx = "onnx"
    onnx_fp16 = "onnx-fp16"
    onnx_int8 = "onnx-int8"
    web = "web"


def export(
    model: Annotated[
        str, typer.Argument(metavar="[MODEL]", help="A model's name or folder.")
    ] = "default",
    format: Annotated[
        Format, typer.Option("--format", "-f", help="What to turn it into.")
    ] = Format.onnx,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder to write; MODEL-FORMAT where not given."),
    ] = None,
    corpus: Annotated[
        str, typer.Option("--corpus", "-c", help="With onnx-int8: corpus to calibrate on.")
    ] = "",
    root: Annotated[
        Path | None, typer.Option("--root", "-r", help="The corpus's own folder.")
    ] = None,
    split: Annotated[
        str,
        typer.Option(
            help="NAME:FOLD whose train side is taken; the model's own speakers where empty."
        ),
    ] = "",
    clips: Annotated[int, typer.Option(min=1, help="Clips to calibrate on.")] = 128,
) -> None:
    """Turn a model into another form.

    onnx, onnx-fp16 and onnx-int8 make a model folder that every command opens with --model; web
    makes the page with the model inside: no sound leaves the device.
    """
    from serotone.store.load import describe, resolve

    source = describe(resolve(model))
    target = out or Path(f"{source.name}-{format.value}")
    if format is Format.web:
        _write_page(source.path, target)
        return
    try:
        from serotone.export.convert import Form
        from serotone.export.convert import export as write
    except ModuleNotFoundError as error:
        raise MissingExtraError("An export", "train", str(error.name)) from None
    signals = []
    if corpus or format is Format.onnx_int8:
        signals = _signals(source, corpus, root, split, clips)
    made = write(source.path, target, Form(format.value), signals=signals)
    print(
        f"wrote {target}: {made.info.size_bytes / 1e6:.2f} MB, was {source.size_bytes / 1e6:.2f}; "
        f"probabilities differ by at most {made.probabilities:.2g}, the label agrees in "
        f"{made.agreement:.1%} of {made.n_clips} {'clips' if signals else 'noises'}",
        file=sys.stderr,
    )


def _write_page(source: Path, target: Path) -> None:
    from serotone.export.web import write_page

    files = write_page(source, target)
    size_bytes = sum(file.stat().st_size for file in files)
    print(
        f"wrote {len(files)} files, {size_bytes / 1e6:.1f} MB, to {target}; look at it with "
        f"python -m http.server --directory {target}",
        file=sys.stderr,
    )


def _signals(
    source: ModelInfo, corpus: str, root: Path | None, split: str, n: int
) -> list[NDArray[np.float32]]:
    """Clips of the training side.

    Raises:
        ConfigError: when no corpus was named.
    """
    if not corpus or root is None:
        raise ConfigError(
            "onnx-int8 is calibrated on clips of the training side. "
            "Name a corpus, as --corpus ravdess --root DIR."
        )
    from serotone.corpora import read
    from serotone.corpora.split import fold
    from serotone.export.calibration_clips import choose, signals_of
    from serotone.types import speakers

    utterances = read(corpus, root, **source.reader(corpus)).utterances
    taught = source.provenance["train_speakers"]
    if split:
        taught = speakers(fold(utterances, split).train)
    return signals_of(choose(utterances, taught, n=n), source)
