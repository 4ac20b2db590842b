"""What augmentation does to one clip: sounds to hear, and features to see."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

from serotone.errors import MissingExtraError
from serotone.types import Audio

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Signal = NDArray[np.float32]

SNR_DB = 10.0
SLOWER = 0.8
FASTER = 1.15
SHIFT_S = 0.4
SEMITONES = 3.0
GAIN_DB = -12.0
REVERBERATION_S = 0.6
TELEPHONE_HZ = 8_000


@dataclass(frozen=True, slots=True)
class Augmentation:
    """One way to alter a sound, with a fixed amount, so that equal input gives equal output.

    Attributes:
        name: a word or two.
        what: what is done, how much, and what it stands for.
        apply: the altered sound.
    """

    name: str
    what: str
    apply: Callable[[Audio], Audio]


def noise(audio: Audio) -> Audio:
    """White noise 10 dB below the clip's own mean level."""
    power = float(np.mean(np.square(audio.signal, dtype=np.float64)))
    spread = math.sqrt(power * 10 ** (-SNR_DB / 10))
    added = np.random.default_rng(0).normal(0, spread, len(audio.signal))
    return _with(audio, audio.signal + added)


def stretch(audio: Audio) -> Audio:
    """Slower at the same pitch.

    Raises:
        MissingExtraError: without audiomentations, as ``shift_pitch``.
    """
    change = _audiomentations().TimeStretch(SLOWER, SLOWER, leave_length_unchanged=False, p=1)
    return _with(audio, change(audio.signal, audio.sample_rate))


def shift_pitch(audio: Audio) -> Audio:
    """Higher at the same speed; the resonances of the throat move along."""
    change = _audiomentations().PitchShift(SEMITONES, SEMITONES, p=1)
    return _with(audio, change(audio.signal, audio.sample_rate))


def speed(audio: Audio) -> Audio:
    """Faster and higher at once, like a tape."""
    import soxr

    return _with(audio, soxr.resample(audio.signal, FASTER, 1.0))


def shift(audio: Audio) -> Audio:
    """Later, with silence before, as long as it was."""
    n_shift = min(round(SHIFT_S * audio.sample_rate), len(audio.signal) - 1)
    silence = np.zeros(n_shift, np.float32)
    return _with(audio, np.concatenate([silence, audio.signal[: len(audio.signal) - n_shift]]))


def gain(audio: Audio) -> Audio:
    """Quieter by 12 dB."""
    return _with(audio, audio.signal * 10 ** (GAIN_DB / 20))


def room(audio: Audio) -> Audio:
    """In a room whose sound dies away by 60 dB in 0.6 s.

    The echo is noise that fades evenly in dB, as loud in all as the voice itself.

    Source:
        Moorer 1979, About this reverberation business, 10.2307/3680280.
    """
    n_tail = round(REVERBERATION_S * audio.sample_rate)
    fade = 10 ** (-3 * np.arange(n_tail) / n_tail)
    tail = np.random.default_rng(0).normal(0, 1, n_tail) * fade
    response = tail / math.sqrt(float(np.square(tail).sum()))
    response[0] += 1
    n_fft = len(audio.signal) + n_tail
    spectrum = np.fft.rfft(audio.signal, n_fft) * np.fft.rfft(response, n_fft)
    return _with(audio, np.fft.irfft(spectrum, n_fft))


def telephone(audio: Audio) -> Audio:
    """Through a telephone line: 8 kHz, 8 bits a sample by the µ-law (ITU-T G.711)."""
    import soxr

    narrow = np.clip(soxr.resample(audio.signal, audio.sample_rate, TELEPHONE_HZ), -1, 1)
    line = io.BytesIO()
    soundfile.write(line, narrow, TELEPHONE_HZ, format="WAV", subtype="ULAW")
    line.seek(0)
    heard, _ = soundfile.read(line, dtype="float32")
    return _with(audio, soxr.resample(heard, TELEPHONE_HZ, audio.sample_rate))


AUGMENTATIONS: tuple[Augmentation, ...] = (
    Augmentation("as recorded", "Nothing is changed: compare the others with this.", replace),
    Augmentation("noise", "White noise 10 dB below the voice: a bad line, a fan.", noise),
    Augmentation("stretch", "A fifth slower at the same pitch: other people's tempo.", stretch),
    Augmentation("shift", "0.4 s later: where the voice begins must not matter.", shift),
    Augmentation(
        "pitch", "Three semitones higher at the same speed: other voices; but pitch carries "
        "emotion as well.", shift_pitch,
    ),
    Augmentation("speed", "15 % faster, so pitch rises too, like a tape.", speed),
    Augmentation("gain", "12 dB quieter: a microphone further away.", gain),
    Augmentation("room", "Echo that dies away in 0.6 s: a hall, a staircase.", room),
    Augmentation("codec", "A telephone line: 8 kHz, 8 bits (G.711 µ-law).", telephone),
)  # fmt: skip
"""In the order they are shown."""


def feature_changes(log_mel: NDArray[np.float32]) -> dict[str, tuple[str, NDArray[np.float32]]]:
    """What training does to features, not to sound: name to what it is and the result.

    Args:
        log_mel: of shape (T, F), in dB.

    Raises:
        MissingExtraError: without torch.
    """
    try:
        import torch
    except ImportError:
        raise MissingExtraError("altering features", "train", "torch") from None
    from serotone.effects import AugmentConfig, mask_bands_and_times, shift_bands

    features = torch.as_tensor(log_mel)
    n_times, n_bands = features.shape
    stripes = AugmentConfig(
        n_band_masks=2, band_mask=n_bands // 8, n_time_masks=2, time_mask=n_times // 8
    )
    seeded = torch.Generator().manual_seed(3)
    masked = mask_bands_and_times(features, stripes, seeded)
    shifted = shift_bands(features, n_bands / 16)
    return {
        "SpecAugment": ("Stripes of time and of pitch are blotted out.", masked.numpy()),
        "band shift": (
            "All bands move up by a sixteenth: a shorter throat, a younger voice.",
            shifted.numpy(),
        ),
    }


def _audiomentations() -> Any:
    try:
        import audiomentations
    except ImportError:
        raise MissingExtraError("stretching and pitch", "train", "audiomentations") from None
    return audiomentations


def _with(audio: Audio, signal: NDArray[Any]) -> Audio:
    return replace(audio, signal=np.clip(signal, -1, 1).astype(np.float32))
