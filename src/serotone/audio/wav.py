"""What the header of a WAV file promises, and what is there.

libsndfile mends a wrong size in silence; a recording that was cut would pass for a whole one.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

# Sizes that programs writing WAV to a pipe leave in the header, as they cannot go back to it.
_STREAMED_WAV_BYTES = 0x7FFF0000

# A gigabyte of empty chunks would otherwise be walked through eight bytes at a time.
_MAX_CHUNKS = 1000


@dataclass(frozen=True, slots=True)
class WavData:
    """The data chunk of a WAV: bytes it claims to hold, and bytes that follow its header."""

    claimed: int
    present: int
    first: bytes

    @property
    def unclosed(self) -> bool:
        """Samples behind a size of zero: written to a pipe, or by a program that was killed."""
        another_chunk = len(self.first) == 4 and self.first.isalnum()
        return self.claimed == 0 and self.present > 0 and not another_chunk

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
        layout = struct.Struct("<4sI" if head[:4] == b"RIFF" else ">4sI")
        at = 12
        for _ in range(_MAX_CHUNKS):
            file.seek(at)
            chunk = file.read(layout.size)
            if len(chunk) < layout.size:
                return None
            name, claimed = layout.unpack(chunk)
            at += layout.size
            if name == b"data":
                return cls(claimed, size - at, file.read(4))
            at += claimed + claimed % 2
        return None
