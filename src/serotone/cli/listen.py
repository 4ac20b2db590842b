"""``serotone listen``: the microphone, heard live."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serotone.cli.capture import Keeper, opened, show_devices, with_silence
from serotone.inference.options import Opening
from serotone.types import Prediction

if TYPE_CHECKING:
    from serotone.audio.live import Chunk
    from serotone.audio.vad import Span
    from serotone.cli.live_view import View
    from serotone.inference.stream import EmotionStream


class Format(StrEnum):
    """How predictions are shown."""

    live = "live"
    jsonl = "jsonl"


def listen(
    model: Annotated[
        str, typer.Option("--model", "-m", help="A model's name or folder.")
    ] = "default",
    device: Annotated[
        str | None, typer.Option(help="A microphone, by number or a part of its name.")
    ] = None,
    list_devices: Annotated[
        bool, typer.Option("--list-devices", help="Show the microphones and exit.")
    ] = False,
    source: Annotated[Path | None, typer.Option(help="Play a file as if it were live.")] = None,
    fast: Annotated[bool, typer.Option("--fast", help="With --source: do not wait.")] = False,
    seconds: Annotated[
        float | None, typer.Option("--seconds", "-s", min=1, help="Stop after so long.")
    ] = None,
    hop: Annotated[float, typer.Option(min=0.1, max=10, help="Seconds between answers.")] = 1.0,
    save: Annotated[
        Path | None, typer.Option(help="Keep sound and answers in this folder.")
    ] = None,
    format: Annotated[
        Format | None,
        typer.Option("--format", "-f", help="A live view on a terminal, else JSON lines."),
    ] = None,
) -> None:
    """Hear emotions live from the microphone.

    Says the emotion of what is spoken, about every second, until Ctrl-C.
    """
    if list_devices:
        show_devices()
        return
    from serotone.inference.stream import EmotionStream, StreamConfig

    recognizer = Opening(model=model, sound_check=False).open(n_threads=1)
    rate = recognizer.sample_rate
    on_terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    chosen = format or (Format.live if on_terminal else Format.jsonl)
    with opened(source=source, device=device, sample_rate=rate, fast=fast) as (chunks, hz, name):
        view = _view(chosen, recognizer.labels, name)
        stream = EmotionStream(
            recognizer,
            StreamConfig.parse({"hop_s": hop}, "listen"),
            sample_rate=hz,
            source=name,
            on_skip=view.skipped,
        )
        # Ctrl-C is the way to stop, and what was heard until then is kept.
        with Keeper(save, sample_rate=hz) as keeper, view, contextlib.suppress(KeyboardInterrupt):
            _follow(with_silence(chunks), stream, view, keeper, seconds)
    if keeper.path:
        print(f"kept in {keeper.path}", file=sys.stderr)
    if stream.n_skipped:
        print(f"late: {stream.n_skipped} answers were skipped to keep up", file=sys.stderr)


def _follow(
    chunks: Iterator[Chunk],
    stream: EmotionStream,
    view: View | Lines,
    keeper: Keeper,
    seconds: float | None,
) -> None:
    for chunk in chunks:
        keeper.sound(chunk.signal)
        view.sound(chunk.signal)
        for prediction in stream.push(chunk.signal, late_s=chunk.late_s):
            keeper.prediction(prediction)
            view.prediction(prediction)
        if seconds is not None and stream.heard_s >= seconds:
            return


class Lines:
    """JSON lines on standard output, each as soon as it is there."""

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to put back."""

    def sound(self, signal: object) -> None:
        """Sound is not shown."""

    def prediction(self, prediction: Prediction) -> None:
        """Write one."""
        sys.stdout.write(json.dumps(prediction.to_dict()) + "\n")
        sys.stdout.flush()

    def skipped(self, span: Span) -> None:
        """Say that a stretch was not heard."""
        print(f"late: skipped {span.start_s:.1f} to {span.end_s:.1f} s", file=sys.stderr)


def _view(format: Format, labels: tuple[str, ...], name: str) -> View | Lines:
    if format is Format.jsonl:
        return Lines()
    from serotone.cli.live_view import View

    return View(labels, name)
