"""What ``record`` and ``listen`` share: where sound comes from, and keeping what was heard."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
from rich.console import Console
from rich.table import Table

from serotone.audio.live import Chunk, Microphone, choose, devices, play
from serotone.errors import AudioError, ConfigError
from serotone.types import Prediction

if TYPE_CHECKING:
    from numpy.typing import NDArray

SILENT_BLOCK = 16_000


@contextlib.contextmanager
def opened(
    *, source: Path | None, device: str | None, sample_rate: int, fast: bool
) -> Iterator[tuple[Iterator[Chunk], int, str]]:
    """Chunks of sound, their sample rate, and a name for where they come from.

    Args:
        source: a file to play as if it were live; the microphone where None.
        device: which microphone, by number or name.
        sample_rate: that a file is played at.
        fast: do not wait between the chunks of a file.

    Raises:
        AudioError: when the file or the microphone cannot be opened.
        ConfigError: when the options contradict each other.
    """
    if source is not None:
        if device is not None:
            raise ConfigError("--source and --device are two places to listen to. Give one.")
        yield play(source, sample_rate=sample_rate, paced=not fast), sample_rate, str(source)
        return
    if fast:
        raise ConfigError("--fast is for --source: a microphone has its own pace.")
    chosen = choose(device)
    with Microphone(chosen) as microphone:
        yield iter(microphone), microphone.sample_rate, chosen.name


def show_devices() -> None:
    """Print all inputs."""
    table = Table("number", "name", "channels", "rate", box=None)
    known = devices()
    if not known:
        raise AudioError("no microphone: this machine has no sound input. Connect one.")
    for device in known:
        name = f"{device.name} (default)" if device.is_default else device.name
        table.add_row(str(device.index), name, str(device.n_channels), f"{device.sample_rate} Hz")
    Console(highlight=False, markup=False).print(table)


def with_silence(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """The same chunks, silence standing where sound was lost, so that times stay true."""
    for chunk in chunks:
        for first in range(0, chunk.n_lost, SILENT_BLOCK):
            n = min(SILENT_BLOCK, chunk.n_lost - first)
            yield Chunk(np.zeros(n, np.float32), chunk.late_s)
        yield chunk


class Keeper:
    """Writes what is heard to a folder as it comes: ``TIME.wav`` and ``TIME.jsonl``.

    Args:
        folder: made where there is none; None keeps nothing.
        sample_rate: of the sound.

    Raises:
        ConfigError: when the folder cannot be written.
    """

    def __init__(self, folder: Path | None, *, sample_rate: int) -> None:
        self.path: Path | None = None
        if folder is None:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.path = _free(folder, f"{datetime.now():%Y-%m-%d-%H-%M-%S}")
            self._lines = self.path.with_suffix(".jsonl").open("w", encoding="utf-8")
            self._sound = soundfile.SoundFile(
                self.path, "w", samplerate=sample_rate, channels=1, subtype="PCM_16"
            )
        except (OSError, soundfile.LibsndfileError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ConfigError(f"--save {folder}: cannot be written: {reason}.") from None

    def __enter__(self) -> Keeper:
        return self

    def __exit__(self, *_: object) -> None:
        if self.path:
            self._sound.close()
            self._lines.close()

    def sound(self, signal: NDArray[np.float32]) -> None:
        """Add sound (N,)."""
        if self.path:
            self._sound.write(signal)

    def prediction(self, prediction: Prediction) -> None:
        """Add a prediction."""
        if self.path:
            self._lines.write(json.dumps(prediction.to_dict()) + "\n")
            self._lines.flush()


def _free(folder: Path, name: str) -> Path:
    path, number = folder / f"{name}.wav", 1
    while path.exists():
        number += 1
        path = folder / f"{name}-{number}.wav"
    return path
