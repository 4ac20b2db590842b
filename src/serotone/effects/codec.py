"""Sound through a lossy codec and back."""

from __future__ import annotations

import io
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import soundfile
import soxr

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Signal = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Codec:
    """How libsndfile calls a codec, and the rates that it takes, in Hz."""

    container: str
    subtype: str
    rates: tuple[int, ...]


_MP3_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)

CODECS: Mapping[str, Codec] = {
    "mp3": Codec("MP3", "MPEG_LAYER_III", _MP3_RATES),
    "opus": Codec("OGG", "OPUS", (8_000, 12_000, 16_000, 24_000, 48_000)),
    "vorbis": Codec("OGG", "VORBIS", _MP3_RATES),
}
"""By the name a recipe uses."""

LEAST, MOST = 0.6, 0.95
"""Compression drawn in between; 0 is the best quality and 1 the smallest file."""


def round_trip(signal: Signal, sample_rate: int, *, codec: Codec) -> Signal:
    """A signal (N,) as it comes back from a lossy file, of the same length.

    The strength is drawn from Python's global generator.

    Args:
        signal: within [-1, 1].
        sample_rate: in Hz; where the codec does not take it, the next higher rate it takes is
            used in between.
        codec: of ``CODECS``.
    """
    level = random.uniform(LEAST, MOST)
    rate = min((r for r in codec.rates if r >= sample_rate), default=codec.rates[-1])
    file = io.BytesIO()
    soundfile.write(
        file,
        np.clip(_resampled(signal, sample_rate, rate), -1, 1),
        rate,
        format=codec.container,
        subtype=codec.subtype,
        compression_level=level,
    )
    file.seek(0)
    decoded, _ = soundfile.read(file, dtype="float32")
    back = _resampled(decoded, rate, sample_rate)[: len(signal)]
    return np.pad(back, (0, len(signal) - len(back)))


def _resampled(signal: Signal, from_hz: int, to_hz: int) -> Signal:
    if from_hz == to_hz:
        return signal
    resampled: Signal = soxr.resample(signal, from_hz, to_hz)
    return resampled
