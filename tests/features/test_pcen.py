"""Per-channel energy normalisation, against librosa and against its own recursion."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from serotone.errors import ConfigError
from serotone.features.logmel import LogMelConfig
from serotone.features.pcen import Pcen, PcenConfig, Smoother, smoothing
from tests.features.signals import speech_like

TOLERANCE = 1e-4
"""Absolute; values lie between 0 and about 5. librosa computes in double precision."""


def ours(signal: NDArray[np.float32], **settings: float) -> NDArray[np.float32]:
    layer = Pcen(LogMelConfig(), PcenConfig.parse(settings))
    return layer(torch.from_numpy(signal)[None], torch.tensor([len(signal)]))[0].numpy()


def librosas(signal: NDArray[np.float32], **settings: float) -> NDArray[np.float64]:
    mel = librosa.feature.melspectrogram(
        y=signal.astype(np.float64), sr=16_000, n_fft=512, hop_length=256, n_mels=64, fmax=8_000
    )
    energy = mel * 2.0**30
    share = smoothing(settings.get("time_constant", 0.4), 62.5)
    # Of the states of its filter, the one that has heard the first frame for ever.
    found = librosa.pcen(
        energy, sr=16_000, hop_length=256, zi=(1 - share) * energy[:, :1], **settings
    )
    return np.asarray(found.T)


@pytest.mark.parametrize("duration_s", [0.05, 1.07, 4.0, 25.0])
def test_it_equals_librosa(duration_s: float) -> None:
    signal = speech_like(16_000, duration_s, seed=2)
    expected = librosas(signal)
    assert expected.max() > 0.5
    assert np.abs(ours(signal) - expected).max() <= TOLERANCE


def test_it_equals_librosa_with_other_settings() -> None:
    signal = speech_like(16_000, 3.0, seed=1)
    expected = librosas(signal, gain=0.8, bias=10, power=0.25, time_constant=0.06)
    got = ours(signal, gain=0.8, bias=10, power=0.25, time_constant_s=0.06)
    assert np.abs(got - expected).max() <= TOLERANCE * max(1, expected.max())


def test_it_equals_librosa_after_a_long_digital_silence() -> None:
    # The longer ago a frame, the less it may count, but never nothing: 90 dB below it is silence.
    signal = speech_like(16_000, 6.0, seed=5)
    signal[20_000:60_000] = 0
    assert np.abs(ours(signal) - librosas(signal)).max() <= TOLERANCE


def test_the_smoother_is_its_recursion() -> None:
    energy = torch.rand(2, 700, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for share in (0.003, 0.04, 0.5, 1.0):
        expected = [energy[:, 0]]
        for t in range(1, energy.shape[1]):
            expected.append(share * energy[:, t] + (1 - share) * expected[-1])
        found = Smoother(share)(energy)
        torch.testing.assert_close(found, torch.stack(expected, dim=1), rtol=1e-6, atol=1e-6)


def test_a_recordings_level_and_colour_hardly_count() -> None:
    signal = speech_like(16_000, 3.0, seed=0)
    quieter = ours(signal * np.float32(0.1))
    assert np.abs(quieter - ours(signal)).mean() < 0.1 * ours(signal).mean()


def test_padding_changes_nothing_and_silence_is_zero() -> None:
    layer = Pcen(LogMelConfig(), PcenConfig())
    signal = torch.from_numpy(speech_like(16_000, 1.0, seed=0))
    padded = torch.nn.functional.pad(signal, (0, 30_000))[None]
    alone = layer(signal[None], torch.tensor([len(signal)]))[0]
    together = layer(padded, torch.tensor([len(signal)]))[0, : len(alone)]
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)
    silence = layer(torch.zeros(1, 4000), torch.tensor([4000]))
    torch.testing.assert_close(silence, torch.zeros_like(silence), rtol=0, atol=1e-6)
    assert not list(layer.parameters()) and not layer.state_dict()


def test_a_gain_beyond_one_is_refused() -> None:
    with pytest.raises(ConfigError, match="'gain': got 2"):
        PcenConfig.parse({"gain": 2})
