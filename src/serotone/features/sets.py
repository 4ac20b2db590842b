"""The feature sets of published systems, each as its layer."""

from __future__ import annotations

from serotone.features.chroma import Chroma, ChromaConfig
from serotone.features.frame import FrameFeatures
from serotone.features.functionals import Functionals, FunctionalsConfig
from serotone.features.logmel import LogMel, LogMelConfig
from serotone.features.mfcc import Mfcc, MfccConfig
from serotone.features.pitch import Pitch, PitchConfig
from serotone.features.spectral import Centroid, CentroidConfig, Rolloff, RolloffConfig
from serotone.features.stack import Stack, StackConfig
from serotone.features.waveform import Rms, RmsConfig, ZeroCrossings, ZeroCrossingsConfig

MEL64 = LogMelConfig(sample_rate=16_000, n_fft=2048, hop_length=512, n_mels=64, f_max=8_000)
MEL128 = LogMelConfig(sample_rate=22_050, n_fft=2048, hop_length=512, n_mels=128, f_max=11_025)

MFCC13DD = MfccConfig(n_fft=512, win_length=441, hop_length=220, n_mfcc=13, n_deltas=2)
"""Frames of 20 ms (441 samples) every 10 ms."""


def mel64() -> FrameFeatures:
    """64 mel bands up to 8 kHz in dB, at 16 kHz, frame 2048, hop 512."""
    return LogMel(MEL64)


def mel128() -> FrameFeatures:
    """128 mel bands in dB, at 22,050 Hz, frame 2048, hop 512."""
    return LogMel(MEL128)


def mfcc13dd() -> FrameFeatures:
    """13 MFCC, their slope and curvature, at 22,050 Hz, frame 20 ms, hop 10 ms."""
    return Mfcc(MFCC13DD)


def mfcc20() -> FrameFeatures:
    """20 MFCC at 22,050 Hz, frame 2048, hop 512."""
    return Mfcc(MfccConfig(n_mfcc=20))


def mfcc40() -> FrameFeatures:
    """40 MFCC at 22,050 Hz, frame 2048, hop 512."""
    return Mfcc(MfccConfig(n_mfcc=40))


def chroma12() -> FrameFeatures:
    """12 pitch classes at 22,050 Hz, frame 2048, hop 512."""
    return Chroma(ChromaConfig())


def centroid() -> FrameFeatures:
    """Spectral centroid in Hz at 22,050 Hz, frame 2048, hop 512."""
    return Centroid(CentroidConfig())


def rolloff() -> FrameFeatures:
    """Spectral roll-off of 85 % in Hz at 22,050 Hz, frame 2048, hop 512."""
    return Rolloff(RolloffConfig())


def zcr() -> FrameFeatures:
    """Zero crossing rate at 22,050 Hz, frame 2048, hop 512."""
    return ZeroCrossings(ZeroCrossingsConfig())


def rms() -> FrameFeatures:
    """Level at 22,050 Hz, frame 2048, hop 512."""
    return Rms(RmsConfig())


def stack2376() -> FrameFeatures:
    """ZCR, RMS and 20 MFCC of 108 frames, 2.5 s from 0.6 s on, at 22,050 Hz: one vector a clip."""
    return Stack(StackConfig())


def pitch() -> FrameFeatures:
    """F0 in Hz and the strength of its period, at 16 kHz, frame 60 ms, hop 10 ms."""
    return Pitch(PitchConfig())


def functionals() -> FrameFeatures:
    """Statistics of spectrum, level and voice, at 16 kHz, hop 10 ms: one vector a clip."""
    return Functionals(FunctionalsConfig())
