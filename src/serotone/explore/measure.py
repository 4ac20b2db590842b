"""Length, level and silence of every clip of a corpus, in constant memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from serotone.audio import io
from serotone.audio.dsp import SILENCE_PEAK_DB
from serotone.errors import AudioError
from serotone.types import Audio, Failure, Utterance

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK_S = 10.24
FRAME_S = 0.032
QUIET_DB = 40.0
FULL_SCALE = 1 - 2**-14
"""What counts as touching full scale: one step of 16 bit below it, and half a step of rounding."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One utterance and what its sound measures.

    Attributes:
        utterance: as the corpus annotates it.
        duration_s: of the utterance, in seconds.
        rms_db: root mean square, in dB of full scale (a square wave at full scale has 0).
        peak_db: largest sample, in dB of full scale.
        silence: share of frames of 32 ms more than 40 dB below the loudest, 0 to 1.
        format: coding, sample rate and channels of the file, for people.
    """

    utterance: Utterance
    duration_s: float
    rms_db: float
    peak_db: float
    silence: float
    format: str

    @property
    def label(self) -> str:
        return self.utterance.label or "(none)"

    @property
    def touches_full_scale(self) -> bool:
        return self.peak_db >= 20 * math.log10(FULL_SCALE)


def measure_all(
    utterances: Sequence[Utterance], *, progress: Callable[[int, int], object] | None = None
) -> tuple[list[Clip], list[Failure]]:
    """Measure every clip; what cannot be read or is silent is a failure, and the rest go on.

    Args:
        utterances: of one corpus or of several.
        progress: told how many are done and how many there are.
    """
    clips: list[Clip] = []
    failures: list[Failure] = []
    for n_done, utterance in enumerate(utterances, start=1):
        try:
            clips.append(measure(utterance))
        except AudioError as error:
            failures.append(Failure(str(utterance.path), str(error)))
        if progress is not None:
            progress(n_done, len(utterances))
    return clips, failures


def measure(utterance: Utterance) -> Clip:
    """Read one utterance in blocks and measure it.

    Raises:
        AudioError: when it cannot be read, has no sample within its bounds, or only silence.
    """
    n_samples, total, lowest, highest = 0, 0.0, math.inf, -math.inf
    powers: list[NDArray[np.float64]] = []
    sample_rate = 0
    for block in sound_of(utterance):
        signal, sample_rate = block.signal, block.sample_rate
        squares = np.square(signal, dtype=np.float64)
        n_samples += len(signal)
        total += float(squares.sum())
        lowest, highest = min(lowest, float(signal.min())), max(highest, float(signal.max()))
        powers.append(_frame_powers(squares, round(FRAME_S * sample_rate)))
    if not n_samples:
        raise AudioError(
            f"{utterance.path}: nothing from {utterance.start_s} s to {utterance.end_s} s, "
            "expected a stretch within the recording. Check the table."
        )
    if highest - lowest <= 2 * 10 ** (SILENCE_PEAK_DB / 20):
        raise AudioError(f"{utterance.path}: only silence, expected speech. Record it again.")
    power = np.concatenate(powers)
    quiet = power < power.max() * 10 ** (-QUIET_DB / 10)
    info = io.info(utterance.path)
    channels = {1: "mono", 2: "stereo"}.get(info.n_channels, f"{info.n_channels} channels")
    return Clip(
        utterance,
        duration_s=n_samples / sample_rate,
        rms_db=10 * math.log10(total / n_samples),
        peak_db=20 * math.log10(max(-lowest, highest)),
        silence=float(quiet.mean()),
        format=f"{info.format}, {info.sample_rate:,} Hz, {channels}",
    )


def sound_of(
    utterance: Utterance, *, sample_rate: int | None = None, longest_s: float = math.inf
) -> Iterator[Audio]:
    """The sound of an utterance in blocks, cut to its bounds.

    Args:
        utterance: part of a file, or all of it.
        sample_rate: in Hz, resampled to it; None keeps the file's.
        longest_s: how much of it, in seconds.

    Raises:
        AudioError: when it cannot be read.
    """
    start_s = utterance.start_s
    end_s = math.inf if math.isnan(utterance.end_s) else utterance.end_s
    end_s = min(end_s, start_s + longest_s)
    for block in io.stream(utterance.path, block_s=BLOCK_S, sample_rate=sample_rate):
        rate = block.sample_rate
        first = max(0, round((start_s - block.start_s) * rate))
        last = None if block.end_s <= end_s else max(0, round((end_s - block.start_s) * rate))
        part = block.signal[first:last]
        if part.size:
            yield Audio(part, rate, block.source, block.start_s + first / rate)
        if block.end_s >= end_s:
            return


def _frame_powers(squares: NDArray[np.float64], n_frame: int) -> NDArray[np.float64]:
    """Mean power of whole frames; a shorter signal is one frame."""
    n_whole = len(squares) // n_frame
    if n_whole == 0:
        return np.array([squares.mean()])
    powers: NDArray[np.float64] = squares[: n_whole * n_frame].reshape(n_whole, -1).mean(axis=1)
    return powers
