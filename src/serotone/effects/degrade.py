"""Sound as it arrives over bad rooms, lines and codecs. Pure functions; the length is kept.

They measure how robust a model is, so each is exact and draws nothing by itself.
"""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, cast

import numpy as np
import soxr

from serotone.audio.dsp import to_rate
from serotone.audio.io import read_bytes
from serotone.types import Audio

if TYPE_CHECKING:
    from collections.abc import Iterator

    import av
    from numpy.typing import NDArray

    Signal = NDArray[np.float32]

TELEPHONE_HZ = 8_000
TELEPHONE_BAND_HZ = (300.0, 3400.0)
MU = 255.0
"""Of the µ-law."""

ACTIVE_DB = 30.0
"""Frames this far below the loudest count as speech, so that silent ends do not lower its level."""

_FRAME_S = 0.02
_OPUS_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)
_CONTAINERS = {"mp3": ("mp3", "libmp3lame"), "opus": ("ogg", "libopus")}


def add_noise(audio: Audio, noise: Audio, *, snr_db: float, offset: float = 0.0) -> Audio:
    """Speech with noise at a ratio of their levels; the speech's is that of its louder frames.

    Args:
        audio: speech.
        noise: repeated where it is shorter; its own silent stretches are left out.
        snr_db: level of the speech less that of the noise.
        offset: where in the noise to begin, as a share of its length, 0 to 1.
    """
    heard = _without_silence(to_rate(noise, audio.sample_rate))
    first = round(offset * len(heard)) % len(heard)
    part = np.resize(np.roll(heard, -first), len(audio.signal))
    ratio = active_level(audio) / max(_rms(part), 1e-9)
    mixed = audio.signal + part * np.float32(ratio * 10 ** (-snr_db / 20))
    return _fitted(audio, mixed)


def in_room(audio: Audio, response: Audio) -> Audio:
    """Speech as a room gives it back, at its own level and in step with it.

    Args:
        audio: speech.
        response: what the room makes of an impulse.
    """
    kernel = to_rate(response, audio.sample_rate).signal.astype(np.float64)
    kernel = kernel[int(np.abs(kernel).argmax()) :]
    n_total = _fast(len(audio.signal) + len(kernel) - 1)
    wet = np.fft.irfft(np.fft.rfft(audio.signal, n_total) * np.fft.rfft(kernel, n_total), n_total)
    cut = replace(audio, signal=wet[: len(audio.signal)].astype(np.float32))
    return _fitted(audio, cut.signal * (active_level(audio) / max(active_level(cut), 1e-9)))


def telephone(audio: Audio) -> Audio:
    """Speech over a telephone: 300 to 3,400 Hz, 8 kHz, eight bits by the µ-law.

    Source: ITU-T G.711, Pulse code modulation of voice frequencies.
    """
    narrow = to_rate(audio, TELEPHONE_HZ)
    n_fft = _fast(len(narrow.signal))
    hz = np.fft.rfftfreq(n_fft, 1 / TELEPHONE_HZ)
    low, high = TELEPHONE_BAND_HZ
    band = np.fft.irfft(np.fft.rfft(narrow.signal, n_fft) * ((hz >= low) & (hz <= high)), n_fft)
    return _back(audio, _mu_law(band[: len(narrow.signal)].astype(np.float32)), TELEPHONE_HZ)


def lossy(audio: Audio, codec: Literal["mp3", "opus"], *, kbit_s: int) -> Audio:
    """Speech through a lossy file and back (FFmpeg).

    Args:
        audio: speech.
        codec: of the file.
        kbit_s: thousands of bits a second that the encoder is asked for.
    """
    rate = min((r for r in _OPUS_RATES if r >= audio.sample_rate), default=_OPUS_RATES[-1])
    file = _encoded(to_rate(audio, rate), codec, kbit_s * 1000)
    decoded = read_bytes(file, source=audio.source, sample_rate=rate, allow_silence=True)
    return _back(audio, decoded.signal, rate)


def gain(audio: Audio, gain_db: float) -> Audio:
    """Louder or quieter; what exceeds full scale is clipped."""
    return _fitted(audio, audio.signal * np.float32(10 ** (gain_db / 20)))


def clipped(audio: Audio, over_db: float) -> Audio:
    """Speech whose largest sample would stand so far above full scale, cut off there."""
    peak = float(np.abs(audio.signal).max())
    return _fitted(audio, audio.signal * np.float32(10 ** (over_db / 20) / max(peak, 1e-9)))


def loudest(audio: Audio, length_s: float) -> Audio:
    """The stretch of this length that holds the most energy; shorter sound stays whole."""
    n = round(length_s * audio.sample_rate)
    if len(audio.signal) <= n:
        return audio
    total = np.concatenate([[0.0], np.cumsum(np.square(audio.signal, dtype=np.float64))])
    first = int((total[n:] - total[:-n]).argmax())
    start_s = audio.start_s + first / audio.sample_rate
    return replace(audio, signal=audio.signal[first : first + n], start_s=start_s)


def active_level(audio: Audio) -> float:
    """Root mean square of the frames within ``ACTIVE_DB`` of the loudest, full scale being 1."""
    power = _frame_power(audio.signal, audio.sample_rate)
    return float(np.sqrt(power[power >= power.max() * 10 ** (-ACTIVE_DB / 10)].mean()))


def _without_silence(noise: Audio) -> Signal:
    """Clips of noise are often filled up with zeros, which would be a pause in it."""
    n_frame = round(_FRAME_S * noise.sample_rate)
    power = _frame_power(noise.signal, noise.sample_rate)
    kept = np.repeat(power > 1e-9, n_frame)[: len(noise.signal)]
    return noise.signal[kept] if kept.any() else noise.signal


def _frame_power(signal: Signal, sample_rate: int) -> NDArray[np.float64]:
    n_frame = round(_FRAME_S * sample_rate)
    padded = np.pad(signal, (0, -len(signal) % n_frame))
    mean: NDArray[np.float64] = np.square(padded.reshape(-1, n_frame), dtype=np.float64).mean(1)
    return mean


def _fast(n_samples: int) -> int:
    """A length at least this that a Fourier transform is quick with."""
    return 1 << (n_samples - 1).bit_length()


def _rms(signal: Signal) -> float:
    return float(np.sqrt(np.mean(np.square(signal, dtype=np.float64))))


def _mu_law(signal: Signal) -> Signal:
    """To eight bits and back: levels are finer near zero."""
    companded = np.sign(signal) * np.log1p(MU * np.abs(signal)) / np.log1p(MU)
    coded = np.clip(np.round(companded * 127.5 - 0.5), -128, 127)
    level = (coded + 0.5) / 127.5
    decoded: Signal = np.sign(level) * np.expm1(np.abs(level) * np.log1p(MU)) / MU
    return decoded.astype(np.float32)


def _encoded(audio: Audio, codec: str, bit_rate: int) -> bytes:
    import av

    container, encoder = _CONTAINERS[codec]
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        track = cast("av.AudioStream", out.add_stream(encoder, rate=audio.sample_rate))
        track.layout = "mono"
        track.bit_rate = bit_rate
        for frame in _frames(audio, track):
            for packet in track.encode(frame):
                out.mux(packet)
    return file.getvalue()


def _frames(audio: Audio, track: av.AudioStream) -> Iterator[av.AudioFrame | None]:
    import av

    whole = av.AudioFrame.from_ndarray(audio.signal[None], format="fltp", layout="mono")
    whole.sample_rate, whole.pts = audio.sample_rate, 0
    convert = av.AudioResampler(track.format.name, "mono", track.rate)
    yield from convert.resample(whole)
    yield from convert.resample(None)
    yield None


def _back(audio: Audio, signal: Signal, sample_rate: int) -> Audio:
    """Sound of another rate in the place of the original, of the same length."""
    if sample_rate != audio.sample_rate:
        signal = soxr.resample(signal, sample_rate, audio.sample_rate)
    n = len(audio.signal)
    return _fitted(audio, np.pad(signal[:n], (0, max(0, n - len(signal)))))


def _fitted(audio: Audio, signal: NDArray[np.floating]) -> Audio:
    return replace(audio, signal=np.clip(signal, -1, 1).astype(np.float32))
