"""Sound as it happens: microphones through PortAudio, and files played as if they were live.

Needs the package sounddevice (extra ``mic``) and the PortAudio library for microphones; playing a
file needs neither.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from serotone.audio.io import stream
from serotone.errors import AudioError, MissingExtraError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

BLOCK_S = 0.05
"""Sound in a chunk; what waits for a chunk to fill adds to the delay of an answer."""

MAX_WAITING_S = 30.0
"""Sound that waits at most; what comes on top is lost, counted, and replaced by silence."""

STALLED_S = 5.0
"""A microphone that sends nothing for so long is gone."""


@dataclass(frozen=True, slots=True)
class Device:
    """A microphone or another input.

    Attributes:
        index: what to choose it by.
        name: as the system calls it.
        n_channels: how many it records.
        sample_rate: its own, in Hz.
        is_default: whether the system takes it when nobody chooses.
    """

    index: int
    name: str
    n_channels: int
    sample_rate: int
    is_default: bool


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Sound that has just been.

    Attributes:
        signal: float32 (N,).
        late_s: sound that waits behind this chunk already.
        n_lost: samples lost right before it, which it does not hold.
    """

    signal: NDArray[np.float32]
    late_s: float = 0.0
    n_lost: int = 0


def devices() -> list[Device]:
    """All inputs of this machine, by index.

    Raises:
        MissingExtraError: when sounddevice is not installed.
        AudioError: when the PortAudio library is not there or fails.
    """
    sounddevice = _sounddevice()
    try:
        found = list(sounddevice.query_devices())
        default = sounddevice.default.device[0]
    except sounddevice.PortAudioError as error:
        raise AudioError(
            f"microphones cannot be listed: {error}. Check the sound system."
        ) from None
    return [
        Device(
            index=index,
            name=str(entry["name"]),
            n_channels=int(entry["max_input_channels"]),
            sample_rate=round(entry["default_samplerate"]),
            is_default=index == default,
        )
        for index, entry in enumerate(found)
        if entry["max_input_channels"] > 0
    ]


def choose(device: str | None) -> Device:
    """The input that a number or a part of a name stands for; the system's choice for None.

    Raises:
        AudioError: when there is no input at all, or none or several that fit.
        MissingExtraError: as ``devices``.
    """
    known = devices()
    if not known:
        raise AudioError(
            "no microphone: this machine has no sound input. Connect one, or give a file with "
            "--source."
        )
    if device is None:
        return next((d for d in known if d.is_default), known[0])
    wanted = device.strip().lower()
    fitting = [d for d in known if wanted in (str(d.index), d.name.lower())]
    fitting = fitting or [d for d in known if wanted in d.name.lower()]
    if len(fitting) != 1:
        names = "; ".join(f"{d.index} {d.name}" for d in fitting or known)
        number = "several inputs fit" if fitting else "no input fits"
        raise AudioError(f"--device '{device}': {number}, expected one of: {names}.")
    return fitting[0]


class Microphone:
    """An open input; iterate over it for chunks, use it with ``with`` to close it.

    Args:
        device: as ``choose`` gives.
        block_s: length of a chunk.

    Attributes:
        sample_rate: of the chunks, in Hz; the device's own.
        latency_s: how old sound is when it arrives, as the sound system states it.

    Raises:
        AudioError: when the device cannot be opened, or falls silent while it is read.
    """

    def __init__(self, device: Device, *, block_s: float = BLOCK_S) -> None:
        sounddevice = _sounddevice()
        self.sample_rate = device.sample_rate
        self._device = device
        n_block = max(1, round(block_s * device.sample_rate))
        self._block_s = n_block / device.sample_rate
        # Chunks are small and many; the bound is on seconds.
        self._queue: queue.Queue[Chunk] = queue.Queue(max(1, round(MAX_WAITING_S / self._block_s)))
        self._n_lost = 0
        try:
            self._stream = sounddevice.InputStream(
                device=device.index,
                channels=1,
                samplerate=device.sample_rate,
                blocksize=n_block,
                dtype="float32",
                latency="low",
                callback=self._take,
            )
            self._stream.start()
            self.latency_s = float(self._stream.latency)
        except sounddevice.PortAudioError as error:
            raise AudioError(
                f"microphone '{device.name}' cannot be opened: {error}. Check that no other "
                "program holds it and that this one may use it."
            ) from None

    def __enter__(self) -> Microphone:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.stop()
        self._stream.close()

    def __iter__(self) -> Iterator[Chunk]:
        while True:
            try:
                chunk = self._queue.get(timeout=STALLED_S)
            except queue.Empty:
                raise AudioError(
                    f"microphone '{self._device.name}' sent nothing for {STALLED_S:g} s. "
                    "Check that it is still connected."
                ) from None
            waiting_s = self._queue.qsize() * self._block_s
            yield Chunk(chunk.signal, waiting_s, chunk.n_lost)

    def _take(self, block: NDArray[np.float32], _frames: int, _time: Any, _status: Any) -> None:
        """Called by PortAudio in a thread of its own: must not wait."""
        try:
            self._queue.put_nowait(Chunk(block[:, 0].copy(), 0.0, self._n_lost))
            self._n_lost = 0
        except queue.Full:
            self._n_lost += len(block)


def play(
    path: str | Path,
    *,
    sample_rate: int,
    block_s: float = BLOCK_S,
    paced: bool = True,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Chunk]:
    """A file as if it were live: each chunk comes when it would have been spoken.

    Args:
        path: whatever ``audio.io.stream`` takes.
        sample_rate: of the chunks, in Hz.
        block_s: length of a chunk.
        paced: in real time; else as fast as they are taken, and never late.
        now, sleep: a clock.

    Raises:
        AudioError: when it cannot be read.
    """
    began = now()
    for block in stream(path, block_s=block_s, sample_rate=sample_rate):
        late_s = 0.0
        if paced:
            ahead_s = began + block.end_s - now()
            if ahead_s > 0:
                sleep(ahead_s)
            late_s = max(0.0, -ahead_s)
        yield Chunk(block.signal, late_s)


def _sounddevice() -> ModuleType:
    try:
        import sounddevice
    except ImportError:
        raise MissingExtraError("the microphone", "mic", "sounddevice") from None
    except OSError:
        raise AudioError(
            "no PortAudio library, which microphones need. Install it (Debian, Ubuntu: "
            "apt install libportaudio2), or give a file with --source."
        ) from None
    module: ModuleType = sounddevice
    return module
