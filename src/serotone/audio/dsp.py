"""Sound to sound: rate, level, silence, length. Pure functions; the place in time is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from serotone.errors import AudioError, MissingExtraError
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


def peak_normalise(audio: Audio, *, peak_db: float = -1.0) -> Audio:
    """Scale so that the largest sample stands at ``peak_db`` dB of full scale; silence stays.

    Raises:
        AudioError: when ``peak_db`` is above 0.
    """
    _refuse_above_full_scale(peak_db)
    peak = float(np.abs(audio.signal).max())
    return _scaled(audio, 10 ** (peak_db / 20) / peak) if peak else audio


def loudness_normalise(audio: Audio, *, rms_db: float = -23.0) -> Audio:
    """Scale so that the root mean square stands at ``rms_db`` dB of full scale; silence stays.

    Where that would push a sample beyond full scale, the gain stops there: nothing is clipped.

    Raises:
        AudioError: when ``rms_db`` is above 0.
    """
    _refuse_above_full_scale(rms_db)
    peak = float(np.abs(audio.signal).max())
    if not peak:
        return audio
    rms = float(np.sqrt(np.mean(np.square(audio.signal, dtype=np.float64))))
    return _scaled(audio, min(10 ** (rms_db / 20) / rms, 1 / peak))


def trim_silence(audio: Audio, *, top_db: float = 40.0, frame_s: float = 0.032) -> Audio:
    """Cut the quiet off both ends.

    Quiet is a frame whose root mean square lies more than ``top_db`` below the loudest frame's.
    Frames are ``frame_s`` long, a quarter of that apart, and centred; ``start_s`` moves on by
    what is cut. Sample for sample what ``librosa.effects.trim`` returns.

    Raises:
        AudioError: when ``top_db`` or ``frame_s`` is not positive.
    """
    if not (top_db > 0 and frame_s > 0):
        raise AudioError(f"got top_db {top_db} and frame_s {frame_s}, expected more than 0 each.")
    n_frame = max(4, round(frame_s * audio.sample_rate))
    hop = n_frame // 4
    padded = np.pad(audio.signal.astype(np.float64), n_frame // 2)
    energy = np.concatenate([[0.0], np.cumsum(np.square(padded))])
    starts = np.arange(0, len(padded) - n_frame + 1, hop)
    power = np.maximum((energy[starts + n_frame] - energy[starts]) / n_frame, 1e-10)
    loud = np.flatnonzero(10 * np.log10(power / power.max()) > -top_db)
    first, last = int(loud[0]) * hop, min(len(audio.signal), (int(loud[-1]) + 1) * hop)
    return _part(audio, first, last)


def compress_range(
    audio: Audio,
    *,
    threshold_db: float = -24.0,
    ratio: float = 3.0,
    knee_db: float = 6.0,
    attack_s: float = 0.005,
    release_s: float = 0.1,
) -> Audio:
    """Narrow the dynamic range: what is above the threshold rises ``ratio`` times slower.

    A feed-forward compressor with a soft knee and no make-up gain, after Giannoulis, Massberg
    and Reiss, "Digital dynamic range compressor design", J. Audio Eng. Soc. 60(6), 2012. Its
    level is the peak of every 2 ms, and its gain is smoothed between these.

    Args:
        audio: what to compress.
        threshold_db: in dB of full scale.
        ratio: 1 changes nothing.
        knee_db: width of the bend around the threshold.
        attack_s, release_s: time constants of a falling and of a rising gain.

    Raises:
        AudioError: when the ratio is below 1, or the knee or a time constant is not positive.
    """
    if not (ratio >= 1 and min(knee_db, attack_s, release_s) > 0):
        raise AudioError(
            f"got ratio {ratio}, knee_db {knee_db}, attack_s {attack_s}, release_s {release_s}, "
            "expected a ratio of at least 1 and the others above 0."
        )
    hop = max(1, round(0.002 * audio.sample_rate))
    n_hops = -(-len(audio.signal) // hop)
    peaks = np.abs(np.pad(audio.signal, (0, n_hops * hop - len(audio.signal))))
    level_db = 20 * np.log10(np.maximum(peaks.reshape(n_hops, hop).max(axis=1), 1e-6))
    # Zero below the knee, a parabola within, the full slope above.
    bend = np.clip((level_db - threshold_db) / knee_db + 0.5, 0, 1)
    over_db = knee_db * bend**2 / 2 + np.maximum(level_db - threshold_db - knee_db / 2, 0)
    target_db = (1 / ratio - 1) * over_db
    step_s = hop / audio.sample_rate
    fall, rise = np.exp(-step_s / attack_s), np.exp(-step_s / release_s)
    gain_db = np.empty(n_hops)
    now = 0.0
    for i, aim in enumerate(target_db):
        keep = fall if aim < now else rise
        now = keep * now + (1 - keep) * aim
        gain_db[i] = now
    at = (np.arange(n_hops) + 0.5) * hop
    gain = 10 ** (np.interp(np.arange(len(audio.signal)), at, gain_db) / 20)
    return replace(audio, signal=(audio.signal * gain).astype(np.float32))


def reduce_noise(audio: Audio, *, strength: float = 0.5, stationary: bool = False) -> Audio:
    """Lower steady noise by spectral gating (package noisereduce, extra ``train``).

    For noisy recordings alone: it takes from the speech too. docs/audio.md has figures.

    Args:
        audio: what to clean.
        strength: share of what is held to be noise that goes, 0 to 1.
        stationary: one noise floor for the whole recording, instead of one that moves with it.

    Source: Sainburg, Thielk and Gentner, 2020, https://doi.org/10.1371/journal.pcbi.1008228.

    Raises:
        AudioError: when the strength is not within 0 to 1.
        MissingExtraError: when noisereduce is not installed.
    """
    if not 0 <= strength <= 1:
        raise AudioError(f"got noise reduction strength {strength}, expected 0 to 1.")
    try:
        import noisereduce
    except ImportError:
        raise MissingExtraError("noise reduction", "train", "noisereduce") from None
    # The gate divides by a level that is zero where there is nothing at all.
    with np.errstate(divide="ignore", invalid="ignore"):
        cleaned = noisereduce.reduce_noise(
            y=audio.signal, sr=audio.sample_rate, prop_decrease=strength, stationary=stationary
        )
    cleaned = np.nan_to_num(cleaned, nan=0.0, posinf=0.0, neginf=0.0)
    return replace(audio, signal=np.clip(cleaned, -1, 1).astype(np.float32))


def fix_length(audio: Audio, *, length_s: float, offset_s: float = 0.0) -> Audio:
    """Exactly ``length_s`` seconds from ``offset_s`` on, with zeros after the end.

    Raises:
        AudioError: when the length is not positive, or nothing is left at the offset.

    Example:
        >>> one_s = Audio(np.ones(8000, np.float32), 8000)
        >>> fix_length(one_s, length_s=2.5, offset_s=0.5).duration_s
        2.5
    """
    n_samples, first = round(length_s * audio.sample_rate), round(offset_s * audio.sample_rate)
    if n_samples <= 0 or not 0 <= first < len(audio.signal):
        raise AudioError(
            f"{audio.source or 'audio'}: got {length_s} s from {offset_s} s of "
            f"{audio.duration_s:.2f} s, expected a length above 0 and an offset within."
        )
    part = _part(audio, first, min(first + n_samples, len(audio.signal)))
    return replace(part, signal=np.pad(part.signal, (0, n_samples - len(part.signal))))


def _part(audio: Audio, first: int, last: int) -> Audio:
    start_s = audio.start_s + first / audio.sample_rate
    return replace(audio, signal=audio.signal[first:last], start_s=start_s)


def _scaled(audio: Audio, gain: float) -> Audio:
    return replace(audio, signal=np.clip(audio.signal * np.float32(gain), -1, 1))


def _refuse_above_full_scale(level_db: float) -> None:
    if not level_db <= 0:
        raise AudioError(f"got a level of {level_db} dB, expected at most 0 (full scale).")
