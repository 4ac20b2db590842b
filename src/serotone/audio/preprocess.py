"""Preparation as an option of a recipe: the same steps in training and in predicting."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from serotone.audio.dsp import (
    compress_range,
    fix_length,
    loudness_normalise,
    peak_normalise,
    reduce_noise,
    trim_silence,
)
from serotone.audio.speaker_normalisation import Voice, voice_of, without_voice
from serotone.config import Config
from serotone.types import Audio


class SegmentConfig(Config):
    """A stretch of fixed length, filled with zeros where the clip ends before it.

    Attributes:
        length_s: of the stretch.
        offset_s: left out before it; a clip that has no more than that is taken from its start.
    """

    length_s: float = Field(gt=0)
    offset_s: float = Field(default=0.0, ge=0)


class PrepareConfig(Config):
    """What happens to a clip before the model hears it, in this order. The defaults do nothing.

    Attributes:
        equalise_speaker: take away what a speaker's recordings have in common (see
            ``speaker_normalisation``). It needs all of a speaker's recordings at once: figures
            gained so are transductive, and reports say so.
        noise_reduction: strength of spectral gating, 0 to 1.
        trim_db: quiet ends further than this below the loudest frame go; 0 keeps them.
        compress_ratio: of dynamic range compression above -24 dB; 1 changes nothing.
        normalise: ``peak`` puts the largest sample at -1 dB of full scale, ``loudness`` the root
            mean square at -23 dB.
        segment: a stretch of fixed length.
    """

    equalise_speaker: bool = False
    noise_reduction: float = Field(default=0.0, ge=0, le=1)
    trim_db: float = Field(default=0.0, ge=0)
    compress_ratio: float = Field(default=1.0, ge=1)
    normalise: Literal["none", "peak", "loudness"] = "none"
    segment: SegmentConfig | None = None


def prepare(audio: Audio, config: PrepareConfig, *, voice: Voice | None = None) -> Audio:
    """A clip as the model is to hear it.

    A recording that is heard in windows goes through window by window: each stands for a clip.

    Args:
        audio: at the model's sample rate.
        config: the steps.
        voice: of the speaker, for ``equalise_speaker``; None takes that of this clip alone.

    Raises:
        MissingExtraError: when noise reduction is asked for and noisereduce is not installed.

    Example:
        >>> import numpy as np
        >>> quiet = Audio(np.full(8000, 0.1, np.float32), 8000)
        >>> round(float(prepare(quiet, PrepareConfig(normalise="peak")).signal.max()), 3)
        0.891
    """
    if config.equalise_speaker:
        audio = without_voice(audio, voice or voice_of([audio]))
    if config.noise_reduction:
        audio = reduce_noise(audio, strength=config.noise_reduction)
    if config.trim_db:
        audio = trim_silence(audio, top_db=config.trim_db)
    if config.compress_ratio > 1:
        audio = compress_range(audio, ratio=config.compress_ratio)
    if config.normalise == "peak":
        audio = peak_normalise(audio)
    elif config.normalise == "loudness":
        audio = loudness_normalise(audio)
    if config.segment is not None:
        skipped = config.segment.offset_s if audio.duration_s > config.segment.offset_s else 0.0
        audio = fix_length(audio, length_s=config.segment.length_s, offset_s=skipped)
    return audio
