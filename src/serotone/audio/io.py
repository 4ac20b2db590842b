"""Files and bytes to ``Audio``, whole or as a stream, and back to a file.

Every reader returns one channel of float32 within [-1, 1]. Float recordings that go beyond are
clipped, not scaled: scaling would need the whole file first, and would make the level of one
sample depend on another.
"""

from __future__ import annotations

import io
import math
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import soundfile

from serotone.audio.decode import open_sound
from serotone.audio.dsp import refuse_silence, resampler
from serotone.audio.find import SUFFIXES, find_files
from serotone.audio.safe_file import LIMITS, Sound, regroup
from serotone.errors import AudioError
from serotone.types import Audio

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SUFFIXES", "AudioInfo", "find_files", "info", "read", "read_bytes", "stream", "write"]


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What a recording is, without its sound.

    Attributes:
        duration_s: in seconds.
        sample_rate: in Hz.
        n_channels: at least one.
        format: container and coding, as ``WAV PCM_16``.
    """

    duration_s: float
    sample_rate: int
    n_channels: int
    format: str


def read(
    path: str | Path,
    *,
    channel: int | None = None,
    sample_rate: int | None = None,
    allow_silence: bool = False,
) -> Audio:
    """Read a recording into memory.

    Args:
        path: WAV, FLAC, OGG Vorbis or Opus, MP3, M4A, MP4, WebM and more.
        channel: which one, from 0; None takes the mean of all.
        sample_rate: in Hz, resampled to it; None keeps the file's.
        allow_silence: accept a recording without any sound in it.

    Raises:
        AudioError: when there is no such file, it cannot be read, is empty, cut, damaged, silent,
            longer than ``LIMITS.max_read_s`` (use ``stream``), or not sound; or has no such
            channel. One line, naming the file.

    Example:
        >>> from tempfile import mkdtemp
        >>> path = Path(mkdtemp()) / "tone.wav"
        >>> write(path, Audio(np.full(800, 0.5, np.float32), 8000))
        >>> read(path, sample_rate=16000, allow_silence=True).duration_s
        0.1
    """
    with _open(path) as file:
        return _read(file, str(path), channel, sample_rate, allow_silence)


def read_bytes(
    data: bytes,
    *,
    source: str,
    channel: int | None = None,
    sample_rate: int | None = None,
    allow_silence: bool = False,
    max_s: float | None = None,
) -> Audio:
    """Read a recording that is already in memory: standard input, an upload.

    Args:
        data: the whole file.
        source: its name in messages and results.
        channel, sample_rate, allow_silence: as in ``read``.
        max_s: decoding stops with an error when there is more sound; None takes what fits memory.

    Raises:
        AudioError: as in ``read``.
    """
    if not data:
        raise _empty(source)
    return _read(io.BytesIO(data), source, channel, sample_rate, allow_silence, max_s=max_s)


def info(path: str | Path) -> AudioInfo:
    """Length, rate, channels and format, from the header.

    A length that the header does not tell (WebM from a browser, streamed FLAC) is counted by
    decoding. A cut file has the length that is there.

    Raises:
        AudioError: when it is not a recording that can be read.
    """
    with _open(path) as file, open_sound(file, str(path)) as sound:
        duration_s = sound.present_s
        if math.isnan(duration_s):
            duration_s = sum(len(block) for block in sound.blocks()) / sound.sample_rate
        return AudioInfo(duration_s, sound.sample_rate, sound.n_channels, sound.format)


def stream(
    path: str | Path,
    *,
    block_s: float,
    channel: int | None = None,
    sample_rate: int | None = None,
) -> Iterator[Audio]:
    """Read a recording of any length in constant memory.

    Args:
        path, channel, sample_rate: as in ``read``.
        block_s: length of each block in seconds; the last may be shorter.

    Yields:
        Blocks that follow each other without gap; ``start_s`` tells where each begins. Silence
        is as welcome as sound. Joined, they are what ``read`` returns.

    Raises:
        AudioError: as in ``read``; for a cut file after the blocks that are there.
    """
    if not block_s > 0:
        raise AudioError(f"{path}: got blocks of {block_s} s, expected more than 0.")
    with _open(path) as file, open_sound(file, str(path)) as sound:
        rate = sample_rate or sound.sample_rate
        n_block, n_done = max(1, round(block_s * rate)), 0
        for signal in regroup(_mono(sound, str(path), channel, rate), n_block):
            yield Audio(signal, rate, str(path), n_done / rate)
            n_done += len(signal)


def write(path: str | Path, audio: Audio) -> None:
    """Write a recording; the suffix says the format (``.wav`` is 16 bit, ``.flac``, ``.ogg``).

    Raises:
        AudioError: when the format is not one to write or the place cannot be written.
    """
    suffix = Path(path).suffix.lower()
    formats = {".wav": ("WAV", "PCM_16"), ".flac": ("FLAC", "PCM_16"), ".ogg": ("OGG", "VORBIS")}
    formats |= {".opus": ("OGG", "OPUS"), ".mp3": ("MP3", "MPEG_LAYER_III")}
    if suffix not in formats:
        raise AudioError(
            f"{path}: cannot write '{suffix}', expected one of {', '.join(formats)}. Rename it."
        )
    container, coding = formats[suffix]
    try:
        # Through a file of our own: soundfile reports a missing folder as a system error.
        with Path(path).open("wb") as file:
            soundfile.write(file, audio.signal, audio.sample_rate, coding, format=container)
    except OSError as error:
        raise AudioError(f"{path}: cannot be written: {error.strerror}. Check the place.") from None
    except soundfile.LibsndfileError as error:
        raise AudioError(
            f"{path}: {container} does not take {audio.sample_rate} Hz ({error.error_string}) "
            "Resample first, or write WAV."
        ) from None


@contextmanager
def _open(path: str | Path) -> Iterator[BinaryIO]:
    try:
        status = Path(path).stat()
        if stat.S_ISDIR(status.st_mode):
            raise AudioError(f"{path}: is a folder, expected a recording. Name a file in it.")
        if not stat.S_ISREG(status.st_mode):
            raise AudioError(
                f"{path}: is a device or a pipe, expected a file. Send it to standard input ('-')."
            )
        file = Path(path).open("rb")  # noqa: SIM115 - closed below, once it is known to be sound
    except FileNotFoundError:
        raise AudioError(f"{path}: no such file, expected a recording. Check the path.") from None
    except PermissionError:
        raise AudioError(
            f"{path}: may not be read, expected permission. Change its owner or mode."
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise AudioError(f"{path}: cannot be opened: {reason}. Check the path.") from None
    with file:
        if status.st_size == 0:
            raise _empty(str(path))
        yield file


def _empty(source: str) -> AudioError:
    return AudioError(f"{source}: empty (0 bytes), expected a recording. Copy or record it again.")


def _read(
    file: BinaryIO,
    source: str,
    channel: int | None,
    sample_rate: int | None,
    silence: bool,
    *,
    max_s: float | None = None,
) -> Audio:
    if max_s is None:
        max_s = LIMITS.max_read_s
    with open_sound(file, source) as sound:
        rate = sample_rate or sound.sample_rate
        parts: list[NDArray[np.float32]] = []
        n_left = max_s * rate
        for part in _mono(sound, source, channel, rate):
            parts.append(part)
            n_left -= len(part)
            if n_left < 0:
                raise AudioError(
                    f"{source}: longer than {max_s / 3600:.3g} hours, expected less to "
                    "hold in memory. Use audio.io.stream, or predict with --timeline."
                )
    audio = Audio(np.concatenate(parts), rate, source)
    return audio if silence else refuse_silence(audio)


def _mono(
    sound: Sound, source: str, channel: int | None, rate: int
) -> Iterator[NDArray[np.float32]]:
    """Decoded, checked, one channel, at ``rate`` Hz, clipped to [-1, 1]; never empty."""
    if channel is not None and not 0 <= channel < sound.n_channels:
        raise AudioError(
            f"{source}: got channel {channel}, expected 0 to {sound.n_channels - 1} "
            f"({sound.n_channels} in the file). Choose one of these."
        )
    convert = resampler(sound.sample_rate, rate)
    n_frames = 0
    for block in sound.blocks():
        _refuse_bad_samples(block, source, n_frames / sound.sample_rate)
        n_frames += len(block)
        # The mean of a single channel costs as much as half of its resampling.
        chosen = 0 if sound.n_channels == 1 else channel
        mono = block[:, chosen] if chosen is not None else block.mean(axis=1)
        converted = np.clip(convert(mono, last=False), -1, 1)
        if converted.size:
            yield converted
    if n_frames == 0:
        raise AudioError(f"{source}: has a header but no samples. Record or export it again.")
    rest = np.clip(convert(np.empty(0, np.float32), last=True), -1, 1)
    if rest.size:
        yield rest
    there_s = n_frames / sound.sample_rate
    if there_s < sound.claimed_s - sound.slack_s:
        raise AudioError(
            f"{source}: cut: the header promises {sound.claimed_s:.2f} s, {there_s:.2f} s are "
            "there. Copy or export it again."
        )


def _refuse_bad_samples(block: NDArray[np.float32], source: str, start_s: float) -> None:
    peak = float(np.abs(block).max(initial=0.0))
    if not math.isfinite(peak):
        raise AudioError(
            f"{source}: holds samples that are no numbers (NaN or infinity) after {start_s:.2f} s,"
            " expected finite ones. Export it again."
        )
    if peak > LIMITS.max_peak:
        raise AudioError(
            f"{source}: float samples reach {peak:.3g}, expected within [-1, 1]. "
            "Divide by full scale (32768 for 16 bit) and write it again."
        )
