"""A process that decodes uploads, one after another: ``python -m serotone.server.decode_worker``.

It exists to be lost. A file that crashes a decoder, or makes it eat memory or time, ends this
process and the request that sent it, and nothing else. It reads frames from standard input and
writes answers to standard output: two lengths, a JSON header, and bytes. With a container and a
rate as arguments it decodes one endless file instead, as it comes.
"""

from __future__ import annotations

import io
import json
import os
import signal
import struct
import sys
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

from serotone.audio.decode import open_sound
from serotone.audio.io import read_bytes
from serotone.errors import AudioError
from serotone.types import Audio

LENGTHS = struct.Struct("<II")
"""Bytes of the JSON header and bytes that follow it."""

MEMORY_BYTES = 1 << 30
"""What decoding may take beyond what the process holds when it starts."""

TOO_LARGE = "too-large"
"""Kind of error: sound, but more of it than is taken."""


def decode(data: bytes, wanted: Mapping[str, Any]) -> Audio:
    """A recording as one channel at the model's rate.

    Args:
        data: the file.
        wanted: ``source``, ``channel``, ``sample_rate``, ``max_s``, ``max_channels``.

    Raises:
        TooLarge: when it has more channels or more sound than is taken; found in the header where
            that tells, else while decoding, before more is held.
        AudioError: when it cannot be read.
    """
    source, max_s = wanted["source"], wanted["max_s"]
    if data:
        with open_sound(io.BytesIO(data), source) as sound:
            if sound.n_channels > wanted["max_channels"]:
                raise TooLarge(
                    f"{source}: got {sound.n_channels} channels, expected at most "
                    f"{wanted['max_channels']}. Mix them first."
                )
            _refuse_long(sound.present_s, source, max_s)
    rate = wanted["sample_rate"]
    # A little more, so that sound of just this length is not refused for its rounding.
    audio = read_bytes(
        data, source=source, channel=wanted["channel"], sample_rate=rate, max_s=max_s + 1
    )
    _refuse_long(audio.duration_s, source, max_s)
    return audio


class TooLarge(AudioError):
    """Sound, but more of it than is taken."""


def _refuse_long(length_s: float, source: str, max_s: float) -> None:
    # A length that the header does not tell is NaN, and no longer than anything.
    if length_s > max_s:
        raise TooLarge(
            f"{source}: got {length_s:.1f} s of sound, expected at most {max_s:g} s. "
            "Cut it into parts."
        )


def answer(data: bytes, wanted: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    """The header and the bytes of an answer: float32 samples, or an error."""
    try:
        audio = decode(data, wanted)
    except TooLarge as error:
        return {"error": str(error), "kind": TOO_LARGE}, b""
    except AudioError as error:
        # What was longer than max_s and did not say so.
        kind = TOO_LARGE if "longer than" in str(error) else "audio"
        return {"error": str(error), "kind": kind}, b""
    except MemoryError:
        text = f"{wanted['source']}: decoding it takes too much memory. Convert it to WAV."
        return {"error": text, "kind": TOO_LARGE}, b""
    return {"sample_rate": audio.sample_rate}, np.ascontiguousarray(audio.signal).tobytes()


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer until there are no more requests."""
    while head := requests.read(LENGTHS.size):
        n_header, n_data = LENGTHS.unpack(head)
        wanted = json.loads(requests.read(n_header))
        header, body = answer(requests.read(n_data), wanted)
        text = json.dumps(header).encode()
        answers.write(LENGTHS.pack(len(text), len(body)) + text)
        answers.write(body)
        answers.flush()


class _Pipe:
    """Standard input as PyAV reads it: what is there, without waiting for more to fill a buffer."""

    def read(self, size: int) -> bytes:
        return os.read(sys.stdin.fileno(), size)


def follow(container: str, sample_rate: int, samples: BinaryIO) -> int:
    """Decode one endless file from standard input to float32 samples of one channel.

    Args:
        container: FFmpeg's name of it, so that nothing else is opened.
        sample_rate: of what comes out, in Hz.
        samples: where they go, as soon as they are there.

    Returns:
        0 at the end of the file, 1 where it cannot be decoded.
    """
    import av

    options = {"probesize": "32768", "analyzeduration": "0", "fflags": "nobuffer"}
    pipe: Any = _Pipe()
    try:
        with av.open(pipe, format=container, options=options, buffer_size=1024) as opened:
            convert = av.AudioResampler("flt", "mono", sample_rate)
            for frame in opened.decode(opened.streams.audio[0]):
                for part in convert.resample(frame):
                    samples.write(part.to_ndarray().tobytes())
                samples.flush()
    except (av.FFmpegError, ValueError, IndexError, OSError):
        return 1
    return 0


def _limit_memory() -> None:
    """More than ``MEMORY_BYTES`` beyond now fails inside this process alone."""
    try:
        import resource
    except ImportError:
        # Windows has no such limit.
        return
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - no path of ours
            held = int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY_BYTES, held + MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """Decode what comes by standard input."""
    # Ctrl-C reaches the whole group; the service tells this process when to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # What a library prints must not come between answers.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    if len(sys.argv) > 1:
        import av.codec  # noqa: F401 - before the limit, as what it maps is no sound

        _limit_memory()
        sys.exit(follow(sys.argv[1], int(sys.argv[2]), answers))
    _limit_memory()
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
