"""``serotone record``: one clip from the microphone, and its emotion."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from serotone.audio.dsp import refuse_silence
from serotone.cli import rows
from serotone.cli.capture import Keeper, opened, show_devices, with_silence
from serotone.inference.options import Opening
from serotone.types import Audio

if TYPE_CHECKING:
    from serotone.audio.live import Chunk


class Format(StrEnum):
    """How the answer is written."""

    table = "table"
    json = "json"


def record(
    seconds: Annotated[float, typer.Option("--seconds", "-s", min=0.2, max=3600)] = 3.0,
    model: Annotated[
        str, typer.Option("--model", "-m", help="A model's name or folder.")
    ] = "default",
    device: Annotated[
        str | None, typer.Option(help="A microphone, by number or a part of its name.")
    ] = None,
    list_devices: Annotated[
        bool, typer.Option("--list-devices", help="Show the microphones and exit.")
    ] = False,
    source: Annotated[
        Path | None, typer.Option(help="Take a file for the microphone, in real time.")
    ] = None,
    fast: Annotated[bool, typer.Option("--fast", help="With --source: do not wait.")] = False,
    save: Annotated[Path | None, typer.Option(help="Keep sound and answer in this folder.")] = None,
    format: Annotated[Format, typer.Option("--format", "-f")] = Format.table,
) -> None:
    """Record a clip and say its emotion.

    Ctrl-C ends the clip early.
    """
    if list_devices:
        show_devices()
        return
    recognizer = Opening(model=model).open()
    rate = recognizer.sample_rate
    with opened(source=source, device=device, sample_rate=rate, fast=fast) as (chunks, hz, name):
        if sys.stderr.isatty():
            print(f"speak: {seconds:g} s from {name} ...", file=sys.stderr)
        signal = _take(with_silence(chunks), round(seconds * hz))
    audio = refuse_silence(Audio(signal, hz, name))
    prediction = recognizer.predict_audio(audio)
    with Keeper(save, sample_rate=hz) as keeper:
        keeper.sound(signal)
        keeper.prediction(prediction)
    if format is Format.json:
        rows.write_json([prediction], sys.stdout)
        return
    from serotone.cli.console import write_table

    write_table([prediction], sys.stdout, labels=recognizer.labels, files=[name])


def _take(chunks: Iterator[Chunk], n_samples: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """So many samples, or as many as came before Ctrl-C or the end of the file."""
    parts, n_taken = [np.empty(0, np.float32)], 0
    try:
        for chunk in chunks:
            parts.append(chunk.signal)
            n_taken += len(chunk.signal)
            if n_taken >= n_samples:
                break
    except KeyboardInterrupt:
        if not n_taken:
            raise
    return np.concatenate(parts)[:n_samples]
