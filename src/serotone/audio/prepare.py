"""Sound to sound: rate, level, silence, length. Pure functions; the place in time is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from serotone.errors import AudioError
from serotone.types import Audio

if TYPE_CHECKING:
    from numpy.typing import NDArray

SILENCE_PEAK_DB = -80.0


def refuse_silence(audio: Audio) -> Audio:
    """The audio itself, when there is sound in it.

    Silence is a signal that nowhere departs from its mean by more than -80 dB of full scale: a
    muted microphone, also one with a constant offset or one step of dither.

    Raises:
        AudioError: when there is only silence.
    """
    swing = float(np.abs(audio.signal - audio.signal.mean()).max())
    if swing <= 10 ** (SILENCE_PEAK_DB / 20):
        raise AudioError(
            f"{audio.source or 'audio'}: only silence in {audio.duration_s:.2f} s, expected "
            "speech. Check the microphone or the channel."
        )
    return audio


class Resampler(Protocol):
    """Converts consecutive blocks of one signal; ``last`` flushes what is held back."""

    def __call__(self, block: NDArray[np.float32], *, last: bool) -> NDArray[np.float32]: ...


def resampler(from_hz: int, to_hz: int) -> Resampler:
    """A converter of sample rates for a signal that arrives in blocks (soxr, high quality).

    Raises:
        AudioError: when ``to_hz`` is not positive.
    """
    if to_hz <= 0:
        raise AudioError(f"got sample rate {to_hz}, expected a positive number of Hz.")
    if from_hz == to_hz:
        return lambda block, *, last: block
    import soxr

    converter = soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality="HQ")

    def convert(block: NDArray[np.float32], *, last: bool) -> NDArray[np.float32]:
        converted: NDArray[np.float32] = converter.resample_chunk(
            np.ascontiguousarray(block), last=last
        )
        return converted

    return convert


def to_rate(audio: Audio, sample_rate: int) -> Audio:
    """Resample to ``sample_rate`` Hz (soxr, high quality).

    Raises:
        AudioError: when the rate is not positive, or no sample is left at it.
    """
    if sample_rate == audio.sample_rate:
        return audio
    signal = resampler(audio.sample_rate, sample_rate)(audio.signal, last=True)
    return replace(audio, signal=np.clip(signal, -1, 1), sample_rate=sample_rate)
