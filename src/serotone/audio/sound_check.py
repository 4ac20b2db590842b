"""Whether there is anything in a sound to judge: speech, and long enough.

A classifier of emotions has an answer for rain, too. This is asked before it is believed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from serotone.errors import MissingExtraError
from serotone.types import Audio

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHORT, NO_SPEECH = "short", "no-speech"

WARNINGS: Mapping[str, str] = {
    SHORT: "below 1 s: little more than a guess",
    NO_SPEECH: "no speech heard: silence, music or noise",
}
"""What each warning says to people."""

SHORT_S = 1.0
"""Shorter sound is warned of."""

ENOUGH_S = 0.2
"""Speech that is enough: 98.7 % of 1,000 clips of five corpora had it, 1 of 100 of ESC-10."""

ENOUGH_SHARE = 0.25
"""Of a clip too short to hold ``ENOUGH_S``."""

BLOCK_S = 10.0
"""Long sound is searched block by block, until there is enough."""

_FRAME_S, _HOP_S = 0.04, 0.02
_PITCH_HZ = (75.0, 500.0)
_VOICED = 0.6
_RANGE_DB = 30.0
_LEAST_SPREAD_DB = 4.0
_GLIDE_SEMITONES = (0.1, 2.0)


def check_sound(audio: Audio) -> tuple[str, ...]:
    """Warnings about a sound, none where all is well.

    Example:
        >>> check_sound(Audio(np.zeros(8_000, np.float32), 16_000))
        ('short', 'no-speech')
    """
    return check_sounds([audio])[0]


def check_sounds(audios: Sequence[Audio]) -> list[tuple[str, ...]]:
    """Warnings about each of several sounds; together is faster than one by one."""
    found = []
    for audio, spoken in zip(audios, have_speech(audios), strict=True):
        short = (SHORT,) if audio.duration_s < SHORT_S else ()
        found.append(short if spoken else (*short, NO_SPEECH))
    return found


def has_speech(audio: Audio) -> bool:
    """Whether somebody speaks, for 0.2 s or a quarter of a very short clip.

    Silero's voice activity model tells where it is installed (extra ``timeline``); without it, a
    cruder look at level and pitch: see ``seems_speech``.
    """
    return have_speech([audio])[0]


def have_speech(audios: Sequence[Audio]) -> list[bool]:
    """``has_speech`` of several sounds, heard side by side."""
    try:
        from serotone.audio.vad import speech_lasts

        return speech_lasts(audios, [_enough_s(audio) for audio in audios])
    except MissingExtraError:
        return [seems_speech(audio) for audio in audios]


def seems_speech(audio: Audio) -> bool:
    """Whether a sound moves as speech does, told from level and pitch alone.

    Speech comes in syllables and its pitch glides: the level of its louder frames spreads over
    more than a few decibels, and the pitch of voiced frames changes by a little from one to the
    next. Steady noise does neither, an instrument holds its notes. Barking dogs and crackling
    fire pass: docs/calibration.md has figures.
    """
    n_block = round(BLOCK_S * audio.sample_rate)
    enough_s = _enough_s(audio)
    firsts = range(0, len(audio.signal), n_block)
    blocks = (replace(audio, signal=audio.signal[i : i + n_block]) for i in firsts)
    return any(_gliding_s(block) >= enough_s for block in blocks)


def _enough_s(audio: Audio) -> float:
    return min(ENOUGH_S, ENOUGH_SHARE * audio.duration_s)


def _gliding_s(audio: Audio) -> float:
    """Seconds of pitch that glides, in a sound whose level moves; 0 where it does not."""
    level_db, voiced, pitch_hz = _pitch(audio)
    loud = level_db > level_db.max() - _RANGE_DB
    if level_db[loud].std() < _LEAST_SPREAD_DB:
        return 0.0
    spoken = loud & voiced
    steps = np.abs(np.diff(12 * np.log2(pitch_hz)))
    low, high = _GLIDE_SEMITONES
    gliding = spoken[1:] & spoken[:-1] & (steps > low) & (steps < high)
    return float(gliding.sum() * _HOP_S)


def _pitch(
    audio: Audio,
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
    """Of each frame: level in dB, whether it is voiced, and pitch in Hz.

    By the autocorrelation of what lies between 80 and 2,500 Hz, divided by the window's own
    (Boersma 1993, "Accurate short-term analysis of the fundamental frequency").
    """
    rate = audio.sample_rate
    n_frame, n_hop = round(_FRAME_S * rate), round(_HOP_S * rate)
    signal = np.pad(audio.signal.astype(np.float64), (0, max(0, n_frame - len(audio.signal))))
    frames = np.lib.stride_tricks.sliding_window_view(signal, n_frame)[::n_hop]
    window = np.hanning(n_frame)
    n_fft = 1 << (2 * n_frame - 1).bit_length()
    frames = (frames - frames.mean(axis=1, keepdims=True)) * window
    power = np.abs(np.fft.rfft(frames, n_fft)) ** 2
    level_db = 10 * np.log10(power.sum(axis=1) + 1e-12)
    frequency = np.fft.rfftfreq(n_fft, 1 / rate)
    likeness = np.fft.irfft(power * ((frequency > 80) & (frequency < 2500)))
    own = np.fft.irfft(np.abs(np.fft.rfft(window, n_fft)) ** 2)
    first, last = (round(rate / hz) for hz in reversed(_PITCH_HZ))
    lags = slice(first, min(last, n_frame - 1))
    relative = likeness[:, lags] / np.maximum(likeness[:, :1], 1e-12) / (own[lags] / own[0])
    return level_db, relative.max(axis=1) > _VOICED, rate / (first + relative.argmax(axis=1))
