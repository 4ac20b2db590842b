"""Recordings through FFmpeg (PyAV, imported when the first one is opened)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from serotone.audio.safe_file import LIMITS, Sound, Steady, damaged, not_sound, reason_of, regroup
from serotone.errors import AudioError

if TYPE_CHECKING:
    import av
    import numpy as np
    from numpy.typing import NDArray

# FFmpeg's own AMR decoders refuse the pauses of a call, sent as a few bytes of noise (DTX).
_DECODERS = {"amrnb": "libopencore_amrnb", "amrwb": "libopencore_amrwb"}


@contextmanager
def open_ffmpeg(
    file: Steady, source: str, container: str, *, promised_s: float = math.nan
) -> Iterator[Sound]:
    """Open with FFmpeg, told which container it is.

    Args:
        file: at its beginning.
        source: its name in messages.
        container: FFmpeg's short name; nothing is guessed, so nothing else is opened.
        promised_s: the length that the header promises, where the caller knows it.

    Raises:
        AudioError: when there is no audio track that decodes.
    """
    import av

    # Of the others FFmpeg estimates the length from the bit rate.
    exact = container in {"mov", "matroska"} or (container == "mp3" and _has_xing(file))
    try:
        opened = av.open(file, mode="r", format=container, metadata_errors="replace")
    except (av.FFmpegError, ValueError, OSError) as error:
        raise not_sound(source, reason_of(error)) from None
    with opened:
        # A coding that FFmpeg does not know leaves a track without a decoder.
        if not opened.streams.audio or opened.streams.audio[0].codec_context is None:
            raise not_sound(source, f"{container} without an audio track that decodes")
        track = opened.streams.audio[0]
        claimed_s = _duration_s(opened, track) if exact else promised_s
        yield Sound(
            track.rate or 0,
            track.channels or 0,
            f"{container.upper()} {track.codec_context.name.upper()}",
            claimed_s,
            claimed_s,
            0.0 if math.isnan(claimed_s) else max(0.25, LIMITS.cut_share * claimed_s),
            # Packets are small; what follows costs less in larger blocks.
            lambda: regroup(_parts(opened, track, file, source), LIMITS.block_frames),
        )


def _duration_s(opened: av.container.InputContainer, track: av.audio.stream.AudioStream) -> float:
    if track.duration is not None and track.time_base is not None:
        return float(track.duration * track.time_base)
    return opened.duration / 1e6 if opened.duration else math.nan


def _decoder(track: av.audio.stream.AudioStream) -> av.AudioCodecContext:
    import av

    name = _DECODERS.get(track.codec_context.name)
    if name not in av.codecs_available:
        return track.codec_context
    return cast("av.AudioCodecContext", av.CodecContext.create(name, "r"))


def _parts(
    opened: av.container.InputContainer,
    track: av.audio.stream.AudioStream,
    file: Steady,
    source: str,
) -> Iterator[NDArray[np.float32]]:
    import av

    rate, n_channels = track.rate, track.channels
    # Planar is what most decoders give, so it costs no conversion; but of a planar frame with
    # more than eight channels PyAV reads past the last one, into memory that is not its own.
    planar = n_channels < 8
    to_float = av.AudioResampler("fltp" if planar else "flt", track.layout, rate)
    decoder = _decoder(track)
    expected: tuple[int, int, str] | None = None
    n_good, n_bad = 0, 0
    try:
        for packet in opened.demux(track):
            try:
                frames = decoder.decode(packet)
            except (av.InvalidDataError, av.PatchWelcomeError):
                n_bad += 1
                continue
            for frame in frames:
                shape = (frame.sample_rate, frame.layout.nb_channels, frame.format.name)
                expected = expected or (rate, n_channels, shape[2])
                if shape != expected:
                    n_bad += 1
                    continue
                n_good += 1
                for part in to_float.resample(frame):
                    samples = cast("NDArray[np.float32]", part.to_ndarray())
                    yield samples.T if planar else samples.reshape(-1, n_channels)
    except (av.FFmpegError, ValueError, OSError) as error:
        raise damaged(source, error) from None
    if file.failure:
        raise damaged(source, file.failure)
    if n_bad > n_good:
        raise AudioError(
            f"{source}: damaged: {n_bad} of {n_bad + n_good} parts do not decode, expected a "
            "whole file. Copy or export it again."
        )


def _has_xing(file: Steady) -> bool:
    """Whether an MP3 states its length; without that tag it is an estimate."""
    head = file.read(65_536)
    file.seek(0)
    return any(mark in head for mark in (b"Xing", b"Info", b"VBRI"))
