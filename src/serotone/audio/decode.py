"""Bytes to blocks of samples: which decoder reads a container, and what its header promises.

libsndfile (soundfile) reads WAV, FLAC, OGG Vorbis and Opus, AIFF, CAF and their like. FFmpeg
(PyAV, imported when first needed) reads MP4, M4A, AAC, WebM and MP3: libsndfile decodes MP3 as
well, but its decoder writes to standard error on damaged files and gives up where FFmpeg goes on.
The container is told by its first bytes, never by the file's name, and FFmpeg is told which one
it is: a playlist that names other files or addresses is never opened.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np
import soundfile

from serotone.audio.wav import WavData
from serotone.errors import AudioError

if TYPE_CHECKING:
    import av
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


@contextmanager
def open_sound(file: BinaryIO, source: str) -> Iterator[Sound]:
    """Open a seekable binary file with the decoder that its first bytes ask for.

    Raises:
        AudioError: when it is not sound, or its header claims what ``LIMITS`` rule out.
    """
    wav = WavData.find(file)
    container = "wav" if wav and wav.unclosed else _av_container(file)
    file.seek(0)
    opened = _open_av(file, source, container) if container else _open_soundfile(file, source, wav)
    with opened as sound:
        _refuse_lies(sound, source)
        yield sound


def _refuse_lies(sound: Sound, source: str) -> None:
    if not LIMITS.min_rate_hz <= sound.sample_rate <= LIMITS.max_rate_hz:
        raise AudioError(
            f"{source}: the header claims {sound.sample_rate} Hz, expected {LIMITS.min_rate_hz} "
            f"to {LIMITS.max_rate_hz}. The file is damaged; export it again."
        )
    if not 1 <= sound.n_channels <= LIMITS.max_channels:
        raise AudioError(
            f"{source}: the header claims {sound.n_channels} channels, expected 1 to "
            f"{LIMITS.max_channels}. The file is damaged; export it again."
        )


def _not_sound(source: str, reason: str) -> AudioError:
    return AudioError(
        f"{source}: not a recording that can be read ({_tidy(reason)}), expected "
        "WAV, FLAC, OGG, Opus, MP3, M4A, MP4 or WebM. Export it as one of these."
    )


def _tidy(reason: str) -> str:
    return reason.removeprefix("Error : ").strip().rstrip(".")


@contextmanager
def _open_soundfile(file: BinaryIO, source: str, wav: WavData | None) -> Iterator[Sound]:
    try:
        opened = soundfile.SoundFile(file)
    except soundfile.LibsndfileError as error:
        raise _not_sound(source, error.error_string) from None
    with opened:

        def blocks() -> Iterator[NDArray[np.float32]]:
            while True:
                try:
                    block: NDArray[np.float32] = opened.read(
                        LIMITS.block_frames, dtype="float32", always_2d=True
                    )
                except soundfile.LibsndfileError as error:
                    raise AudioError(
                        f"{source}: damaged or cut ({_tidy(error.error_string)}) after "
                        f"{opened.tell() / opened.samplerate:.2f} s, expected a whole file. "
                        "Copy or export it again."
                    ) from None
                if not len(block):
                    return
                yield block

        rate = opened.samplerate
        # Streamed FLAC states no length, and libsndfile then reports the largest number there is.
        known = opened.frames < 2**62
        present_s = opened.frames / rate if known else math.nan
        claimed_s = present_s * wav.claimed_share(LIMITS.wav_slack_bytes) if wav else present_s
        yield Sound(
            rate,
            opened.channels,
            f"{opened.format} {opened.subtype}",
            claimed_s,
            present_s,
            LIMITS.wav_slack_bytes / rate,
            blocks,
        )


@contextmanager
def _open_av(file: BinaryIO, source: str, container: str) -> Iterator[Sound]:
    import av

    # Without these two FFmpeg would estimate lengths from the bit rate.
    exact = container in {"mov", "matroska", "wav"} or (container == "mp3" and _has_xing(file))
    try:
        opened = av.open(file, mode="r", format=container, metadata_errors="replace")
    except (av.FFmpegError, ValueError) as error:
        raise _not_sound(source, getattr(error, "strerror", None) or str(error)) from None
    with opened:
        if not opened.streams.audio:
            raise _not_sound(source, f"{container} without an audio track")
        track = opened.streams.audio[0]
        claimed_s = _av_duration_s(opened, track) if exact and container != "wav" else math.nan
        yield Sound(
            track.rate or 0,
            track.channels or 0,
            f"{container.upper()} {track.codec_context.name.upper()}",
            claimed_s,
            claimed_s,
            0.0 if math.isnan(claimed_s) else max(0.25, LIMITS.cut_share * claimed_s),
            # Packets are small; what follows costs less in larger blocks.
            lambda: regroup(_av_blocks(opened, track, source), LIMITS.block_frames),
        )


def _av_duration_s(
    opened: av.container.InputContainer, track: av.audio.stream.AudioStream
) -> float:
    if track.duration is not None and track.time_base is not None:
        return float(track.duration * track.time_base)
    return opened.duration / 1e6 if opened.duration else math.nan


def _av_blocks(
    opened: av.container.InputContainer, track: av.audio.stream.AudioStream, source: str
) -> Iterator[NDArray[np.float32]]:
    import av

    # Fixed format, layout and rate, so that a track that changes its mind stays one sound.
    to_float = av.AudioResampler(format="fltp", layout=track.layout, rate=track.rate)
    n_good, n_bad = 0, 0
    try:
        for packet in opened.demux(track):
            try:
                frames = packet.decode()
            except av.InvalidDataError:
                n_bad += 1
                continue
            n_good += 1
            for frame in frames:
                for part in to_float.resample(frame):
                    # (channels, frames): the resampler made it planar float32.
                    yield cast("NDArray[np.float32]", part.to_ndarray()).T
    except (av.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise AudioError(
            f"{source}: damaged ({reason}), expected a whole file. Copy or export it again."
        ) from None
    if n_bad > n_good:
        raise AudioError(
            f"{source}: damaged: {n_bad} of {n_bad + n_good} packets do not decode, expected a "
            "whole file. Copy or export it again."
        )


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


def _av_container(file: BinaryIO) -> str | None:
    """FFmpeg's name of a container that soundfile does not read, from the file's first bytes."""
    file.seek(0)
    head = file.read(16)
    if head[:3] == b"ID3" and len(head) >= 10:
        # A tag may stand before MP3, AAC and FLAC; its size has seven bits to the byte.
        size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        file.seek(10 + size)
        after = file.read(16)
        return None if after[:4] == b"fLaC" else _av_container_of(after) or "mp3"
    return _av_container_of(head)


def _av_container_of(head: bytes) -> str | None:
    if head[4:8] in {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"}:
        return "mov"
    if head[:4] == b"\x1aE\xdf\xa3":
        return "matroska"
    if head[:4] == b"0&\xb2u":
        return "asf"
    if head[:5] == b"#!AMR":
        return "amr"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        # Eleven ones start a frame; the layer bits are zero in AAC (ADTS) and never in MP3.
        return "aac" if head[1] & 0xF6 == 0xF0 else "mp3" if head[1] & 0x06 else None
    return None


def _has_xing(file: BinaryIO) -> bool:
    """Whether an MP3 states its length; without that tag it is an estimate."""
    head = file.read(65_536)
    file.seek(0)
    return any(mark in head for mark in (b"Xing", b"Info", b"VBRI"))
