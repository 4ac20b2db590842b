"""An opened recording, what it may claim, and what is said when it is none."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from serotone.errors import AudioError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """What a header may claim, and how much is read at once; a lie must not cost memory.

    Attributes:
        min_rate_hz, max_rate_hz: sample rates that occur in practice.
        max_channels: 64 covers every microphone array and ambisonic mix in use.
        max_read_s: longest recording held in memory; longer ones are streamed.
        max_peak: float samples above 1 are clipped; above this they were never scaled at all.
        cut_share: part of the promised length that may be missing from MP3, MP4 and WebM, where
            encoders pad and round.
        wav_slack_bytes: what a WAV header may claim too much; some writers count the header.
        block_frames: frames decoded at a time.
    """

    min_rate_hz: int = 1000
    max_rate_hz: int = 768_000
    max_channels: int = 64
    max_read_s: float = 2 * 3600.0
    max_peak: float = 16.0
    cut_share: float = 0.02
    wav_slack_bytes: int = 64
    block_frames: int = 65_536


LIMITS = ReadLimits()


@dataclass(frozen=True, slots=True)
class Sound:
    """An opened recording.

    Attributes:
        sample_rate: in Hz.
        n_channels: at least one.
        format: container and coding, for people.
        claimed_s: the length the header promises, NaN where it promises none.
        present_s: the length that can be there, from the header and the file's size; NaN where
            only decoding tells.
        slack_s: how much of the promise may be missing.
        blocks: decodes; float32 arrays of shape (frames, channels), one after another.
    """

    sample_rate: int
    n_channels: int
    format: str
    claimed_s: float
    present_s: float
    slack_s: float
    blocks: Callable[[], Iterator[NDArray[np.float32]]]


class Steady:
    """A file for decoders in C, where an exception in a callback goes to standard error.

    It has no name, as soundfile takes a name's suffix for the format.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.failure: OSError | None = None

    @property
    def descriptor(self) -> int | None:
        """Of a file of the system, set to its beginning; None of one in memory.

        A decoder that reads it needs no callback, in which a Ctrl-C would be lost.
        """
        if os.name != "posix":
            return None
        try:
            number = self._file.fileno()
            os.lseek(number, 0, os.SEEK_SET)
        except (AttributeError, OSError):
            return None
        return number

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        # Damaged headers send it before the beginning; staying put refuses that.
        with suppress(ValueError, OSError):
            self._file.seek(offset, whence)
        return self._file.tell()

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        try:
            return self._file.read(size)
        except OSError as error:
            self.failure = error
            return b""


def regroup(parts: Iterable[NDArray[np.float32]], n_block: int) -> Iterator[NDArray[np.float32]]:
    """The same samples in blocks of ``n_block`` along the first axis, the last with what is left.

    What stands before an ``AudioError`` is yielded before the error is raised.
    """
    waiting: list[NDArray[np.float32]] = []
    n_waiting = 0
    try:
        for part in parts:
            waiting.append(part)
            n_waiting += len(part)
            if n_waiting >= n_block:
                joined = np.concatenate(waiting)
                n_whole = n_waiting - n_waiting % n_block
                # Copies, so that a kept block does not keep its neighbours alive.
                yield from (joined[i : i + n_block].copy() for i in range(0, n_whole, n_block))
                waiting, n_waiting = [joined[n_whole:].copy()], n_waiting - n_whole
    except AudioError:
        if n_waiting:
            yield np.concatenate(waiting)
        raise
    if n_waiting:
        yield np.concatenate(waiting)


def not_sound(source: str, reason: str) -> AudioError:
    """The error for what no decoder takes."""
    return AudioError(
        f"{source}: not a recording that can be read ({reason.strip()}), expected "
        "WAV, FLAC, OGG, Opus, MP3, M4A, MP4 or WebM. Export it as one of these."
    )


def damaged(source: str, error: Exception) -> AudioError:
    """The error for what a decoder took and could not finish."""
    return AudioError(
        f"{source}: damaged ({reason_of(error)}), expected a whole file. Copy or export it again."
    )


def reason_of(error: Exception) -> str:
    """What the system or FFmpeg says, without its numbers and paths."""
    return getattr(error, "strerror", None) or str(error)
