"""What the header of a WAV file promises, and what is there.

libsndfile mends a wrong size in silence; a recording that was cut would pass for a whole one.
"""

from __future__ import annotations

import math
import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

# Sizes that programs writing WAV to a pipe leave in the header, as they cannot go back to it.
_STREAMED_WAV_BYTES = 0x7FFF0000

# Format tags that libsndfile decodes: PCM, Microsoft and IMA ADPCM, float, A-law, µ-law, GSM 6.10.
# It takes MP3 (0x55) as well, but counts a wrong number of frames.
_LIBSNDFILE = frozenset({0x01, 0x02, 0x03, 0x06, 0x07, 0x11, 0x31})
_EXTENSIBLE = 0xFFFE

# A gigabyte of empty chunks would otherwise be walked through eight bytes at a time.
_MAX_CHUNKS = 1000


@dataclass(frozen=True, slots=True)
class _Form:
    """The ``fmt`` chunk; zeros where there is none."""

    coding: int = 0
    rate: int = 0
    bytes_per_s: int = 0

    @classmethod
    def of(cls, body: bytes, order: str) -> _Form:
        if len(body) < 16:
            return cls()
        coding, rate, bytes_per_s = struct.unpack_from(f"{order}H2xII", body)
        if coding == _EXTENSIBLE and len(body) >= 26:
            (coding,) = struct.unpack_from(f"{order}H", body, 24)
        return cls(coding, rate, bytes_per_s)

    def length_s(self, n_bytes: int, n_frames: int) -> float:
        """Of so many bytes; or, where their rate is not told, of the frames of a ``fact`` chunk."""
        if self.bytes_per_s:
            return n_bytes / self.bytes_per_s
        return n_frames / self.rate if n_frames and self.rate else math.nan


@dataclass(frozen=True, slots=True)
class WavData:
    """The data chunk of a WAV.

    Attributes:
        claimed: bytes it claims to hold.
        present: bytes that follow its header.
        first: the first four of these.
        coding: the format tag of the samples, 0 where there is none.
        length_s: what the header promises, NaN where it does not tell.
    """

    claimed: int
    present: int
    first: bytes
    coding: int
    length_s: float

    @property
    def unclosed(self) -> bool:
        """Samples behind a size of zero: written to a pipe, or by a program that was killed."""
        another_chunk = len(self.first) == 4 and self.first.isalnum()
        return self.claimed == 0 and self.present > 0 and not another_chunk

    @property
    def foreign(self) -> bool:
        """Whether libsndfile does not decode it: G.722 or MP3 in a WAV, and their like."""
        return self.coding != 0 and self.coding not in _LIBSNDFILE

    def cut_from_s(self, slack_bytes: int) -> float:
        """The length before it was cut; NaN where it is whole or nothing tells."""
        return math.nan if self.claimed_share(slack_bytes) == 1.0 else self.length_s

    def claimed_share(self, slack_bytes: int) -> float:
        """Claimed length over present length, 1 where the file is whole or its size unknown."""
        streamed = self.claimed >= _STREAMED_WAV_BYTES
        if streamed or self.claimed - self.present <= slack_bytes or not self.present:
            return 1.0
        return self.claimed / self.present

    @classmethod
    def find(cls, file: BinaryIO) -> WavData | None:
        """The data chunk, or None where the file is no 32-bit WAV or has no such chunk."""
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        head = file.read(12)
        if head[:4] not in {b"RIFF", b"RIFX"} or head[8:12] != b"WAVE":
            return None
        order = "<" if head[:4] == b"RIFF" else ">"
        layout = struct.Struct(f"{order}4sI")
        at, form, n_frames = 12, _Form(), 0
        for _ in range(_MAX_CHUNKS):
            file.seek(at)
            chunk = file.read(layout.size)
            if len(chunk) < layout.size:
                return None
            name, claimed = layout.unpack(chunk)
            at += layout.size
            if name == b"data":
                length_s = form.length_s(claimed, n_frames)
                return cls(claimed, size - at, file.read(4), form.coding, length_s)
            if name == b"fmt ":
                form = _Form.of(file.read(min(claimed, 26)), order)
            elif name == b"fact" and claimed >= 4:
                (n_frames,) = struct.unpack(f"{order}I", file.read(4).ljust(4, b"\0"))
            at += claimed + claimed % 2
        return None
