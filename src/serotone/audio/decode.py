"""Bytes to blocks of samples: which decoder reads a container, and what its header promises.

libsndfile (soundfile) reads WAV, FLAC, OGG Vorbis and Opus, AIFF, CAF and their like. FFmpeg
(PyAV, imported when first needed) reads MP4, M4A, AAC, WebM, AMR, WAV of codings that libsndfile
does not know, and MP3: libsndfile decodes MP3 as well, but its decoder writes to standard error on
damaged files and gives up where FFmpeg goes on.
The container is told by its first bytes, never by the file's name, and FFmpeg is told which one
it is: a playlist that names other files or addresses is never opened.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

import soundfile

from serotone.audio.ffmpeg import open_ffmpeg
from serotone.audio.safe_file import LIMITS, Sound, Steady, damaged, not_sound
from serotone.audio.wav import WavData
from serotone.errors import AudioError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@contextmanager
def open_sound(file: BinaryIO, source: str) -> Iterator[Sound]:
    """Open a seekable binary file with the decoder that its first bytes ask for.

    Raises:
        AudioError: when it is not sound, or its header claims what ``LIMITS`` rule out.
    """
    wav = WavData.find(file)
    container = "wav" if wav and (wav.unclosed or wav.foreign) else _ffmpeg_name(file)
    file.seek(0)
    steady = Steady(file)
    if container:
        promised_s = wav.cut_from_s(LIMITS.wav_slack_bytes) if wav else math.nan
        opened = open_ffmpeg(steady, source, container, promised_s=promised_s)
    else:
        opened = _open_soundfile(steady, source, wav)
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


@contextmanager
def _open_soundfile(file: Steady, source: str, wav: WavData | None) -> Iterator[Sound]:
    number = file.descriptor
    try:
        opened = soundfile.SoundFile(file if number is None else number, closefd=False)
    except soundfile.LibsndfileError as error:
        raise not_sound(source, _tidy(error)) from None
    with opened:

        def blocks() -> Iterator[NDArray[np.float32]]:
            while True:
                try:
                    block: NDArray[np.float32] = opened.read(
                        LIMITS.block_frames, dtype="float32", always_2d=True
                    )
                except soundfile.LibsndfileError as error:
                    raise AudioError(
                        f"{source}: damaged or cut ({_tidy(error)}) after "
                        f"{opened.tell() / opened.samplerate:.2f} s, expected a whole file. "
                        "Copy or export it again."
                    ) from None
                if file.failure:
                    raise damaged(source, file.failure)
                if not len(block):
                    return
                yield block

        rate = opened.samplerate
        present_s = opened.frames / rate
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


def _ffmpeg_name(file: BinaryIO) -> str | None:
    """FFmpeg's name of a container that soundfile does not read, from the file's first bytes."""
    file.seek(0)
    head = file.read(26)
    if head[:4] == b"fLaC" and not int.from_bytes(head[21:26]) & 0xFFFFFFFFF:
        # Written to a pipe, of a length unknown, which libsndfile cannot read.
        return "flac"
    if head[:3] == b"ID3" and len(head) >= 10:
        # A tag may stand before MP3, AAC and FLAC; its size has seven bits to the byte.
        size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        file.seek(10 + size)
        after = file.read(16)
        return None if after[:4] == b"fLaC" else _ffmpeg_name_of(after) or "mp3"
    return _ffmpeg_name_of(head)


def _ffmpeg_name_of(head: bytes) -> str | None:
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


def _tidy(error: soundfile.LibsndfileError) -> str:
    return str(error.error_string).removeprefix("Error : ").strip().rstrip(".")
