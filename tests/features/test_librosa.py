"""Every feature set against librosa, number for number, on sound of several lengths."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

from serotone.audio.io import read
from serotone.features import FEATURES
from tests.features.signals import librosa_features, speech_like


class Tolerance(NamedTuple):
    """Largest difference: ``absolute``, and ``relative`` to the clip's largest magnitude."""

    absolute: float
    relative: float


# Decibels, cepstra and Hz reach hundreds or thousands, where float32 itself ends after seven
# digits: theirs is relative. What lies in [0, 1] is compared as it is.
TOLERANCES = {
    "mel64": Tolerance(0, 1e-4),
    "mel128": Tolerance(0, 1e-4),
    "mfcc13dd": Tolerance(0, 1e-5),
    "mfcc20": Tolerance(0, 1e-5),
    "mfcc40": Tolerance(0, 1e-5),
    "chroma12": Tolerance(1e-5, 0),
    "centroid": Tolerance(0, 1e-6),
    "rolloff": Tolerance(0, 1e-6),
    "zcr": Tolerance(1e-7, 0),
    "rms": Tolerance(1e-6, 0),
    "stack2376": Tolerance(0, 1e-5),
}
DURATIONS_S = (3.3, 1.07, 4.0)


OURS = {"pitch", "functionals"}
"""Sets that librosa does not have; test_functionals.py and test_pitch.py look at them."""


def test_every_set_has_its_tolerance() -> None:
    assert set(TOLERANCES) == set(FEATURES) - OURS


@pytest.mark.filterwarnings("ignore:n_fft=")
@pytest.mark.parametrize("name", TOLERANCES)
def test_a_set_equals_librosa(name: str) -> None:
    layer = FEATURES.get(name)()
    for seed, duration_s in enumerate(DURATIONS_S):
        signal = speech_like(layer.sample_rate, duration_s, seed=seed)
        expected = librosa_features(name, signal)
        ours = layer(torch.from_numpy(signal)[None], torch.tensor([len(signal)]))[0].numpy()
        assert ours.shape == expected.shape == (len(ours), layer.n_features)
        allowed = TOLERANCES[name].absolute + TOLERANCES[name].relative * np.abs(expected).max()
        assert np.abs(ours - expected).max() <= allowed


@pytest.mark.filterwarnings("ignore:n_fft=")
@pytest.mark.parametrize("name", TOLERANCES)
def test_a_set_equals_librosa_where_there_is_digital_silence(name: str) -> None:
    layer = FEATURES.get(name)()
    signal = speech_like(layer.sample_rate, 3.5, seed=5)
    signal[len(signal) // 3 : len(signal) // 2] = 0
    expected = librosa_features(name, signal)
    ours = layer(torch.from_numpy(signal)[None], torch.tensor([len(signal)]))[0].numpy()
    allowed = TOLERANCES[name].absolute + TOLERANCES[name].relative * np.abs(expected).max()
    assert np.abs(ours - expected).max() <= allowed


@pytest.mark.corpora
@pytest.mark.filterwarnings("ignore:n_fft=")
@pytest.mark.parametrize("name", TOLERANCES)
def test_a_set_equals_librosa_on_real_speech(name: str, corpora_root: Path) -> None:
    layer = FEATURES.get(name)()
    clips = [*sorted((corpora_root / "emodb" / "wav").iterdir())[:1]]
    clips += sorted((corpora_root / "ravdess" / "Actor_03").iterdir())[:2]
    for path in clips:
        signal = read(path, sample_rate=layer.sample_rate).signal
        expected = librosa_features(name, signal)
        ours = layer(torch.from_numpy(signal)[None], torch.tensor([len(signal)]))[0].numpy()
        allowed = TOLERANCES[name].absolute + TOLERANCES[name].relative * np.abs(expected).max()
        assert np.abs(ours - expected).max() <= allowed, path.name
