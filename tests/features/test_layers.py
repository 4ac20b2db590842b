"""What every feature layer promises, and what each does at its edges."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch
from torch import Tensor

from serotone.errors import ConfigError
from serotone.features import FEATURES, NAMES
from serotone.features.chroma import chroma_filterbank
from serotone.features.frame import PowerSpectrum, frame, frame_mask, n_frames
from serotone.features.logmel import LogMelConfig, hz_to_mel, mel_filterbank, mel_to_hz
from serotone.features.mfcc import dct_matrix, delta
from serotone.features.scale import ClipScale, ClipScaleConfig
from serotone.features.waveform import crop
from tests.features.signals import speech_like


def batch(rate: int, *durations_s: float) -> tuple[Tensor, Tensor]:
    """Clips of these durations, padded with zeros, and their lengths."""
    clips = [torch.from_numpy(speech_like(rate, d, seed=i)) for i, d in enumerate(durations_s)]
    lengths = torch.tensor([len(clip) for clip in clips])
    return torch.nn.utils.rnn.pad_sequence(clips, batch_first=True), lengths


@pytest.mark.parametrize("name", NAMES)
def test_padding_changes_nothing(name: str) -> None:
    layer = FEATURES.get(name)()
    waveforms, lengths = batch(layer.sample_rate, 0.05, 0.7, 0.9, 3.2)
    together, counts = layer(waveforms, lengths), layer.n_frames(lengths)
    for i, (n, count) in enumerate(zip(lengths.tolist(), counts.tolist(), strict=True)):
        alone = layer(waveforms[i : i + 1, :n], lengths[i : i + 1])[0]
        assert len(alone) == count
        # Products of other sizes are summed in another order.
        torch.testing.assert_close(together[i, :count], alone, rtol=2e-4, atol=5e-4)


@pytest.mark.parametrize("name", NAMES)
def test_a_layer_learns_nothing_and_keeps_nothing(name: str) -> None:
    layer = FEATURES.get(name)()
    assert not list(layer.parameters()) and not layer.state_dict()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n_samples", [2, 512, 5000])
def test_silence_and_very_short_clips_give_numbers(name: str, n_samples: int) -> None:
    layer = FEATURES.get(name)()
    features = layer(torch.zeros(1, n_samples), torch.tensor([n_samples]))
    assert features.isfinite().all() and features.shape[2] == layer.n_features


def test_a_mistyped_name_is_told_the_right_one() -> None:
    with pytest.raises(ConfigError, match=r"unknown feature set 'mel46'. Did you mean 'mel64'"):
        FEATURES.get("mel46")


@pytest.mark.parametrize("n_samples", [1, 511, 512, 513, 4096])
@pytest.mark.parametrize("hop_length", [160, 220, 512])
def test_frames_are_librosas(n_samples: int, hop_length: int) -> None:
    signal = np.arange(1, n_samples + 1, dtype=np.float32)
    frames = frame(torch.from_numpy(signal)[None], frame_length=1024, hop_length=hop_length)[0]
    padded = np.pad(signal, 512)
    expected = librosa.util.frame(padded, frame_length=1024, hop_length=hop_length).T
    np.testing.assert_array_equal(frames.numpy(), expected)
    assert int(n_frames(torch.tensor(n_samples), hop_length)) == len(expected)


def test_a_mask_is_true_on_a_clips_own_frames() -> None:
    assert frame_mask(torch.tensor([0, 2, 3]), 3).tolist() == [
        [False, False, False],
        [True, True, False],
        [True, True, True],
    ]


@pytest.mark.parametrize("shape", [(512, 220, 441), (1024, 256, None), (1366, 683, 1000)])
def test_the_power_spectrum_is_that_of_the_fourier_transform(
    shape: tuple[int, int, int | None],
) -> None:
    n_fft, hop_length, win_length = shape
    signal = speech_like(16_000, 0.4, seed=1)
    layer = PowerSpectrum(n_fft=n_fft, hop_length=hop_length, win_length=win_length)
    stft = librosa.stft(
        signal.astype(np.float64), n_fft=n_fft, hop_length=hop_length, win_length=win_length
    )
    expected = np.abs(stft.T) ** 2
    ours = layer(torch.from_numpy(signal)[None])[0].numpy()
    assert np.abs(ours - expected).max() <= 1e-5 * expected.max()


@pytest.mark.parametrize(("n_fft", "win_length"), [(511, None), (512, 513)])
def test_an_odd_transform_and_one_shorter_than_its_window_are_refused(
    n_fft: int, win_length: int | None
) -> None:
    with pytest.raises(ValueError, match="must be even"):
        PowerSpectrum(n_fft=n_fft, hop_length=128, win_length=win_length)


@pytest.mark.parametrize("shape", [(16_000, 512, 64, 0, 8_000), (22_050, 2048, 128, 20, 10_000)])
def test_mel_filters_are_librosas(shape: tuple[int, int, int, int, int]) -> None:
    sample_rate, n_fft, n_mels, f_min, f_max = shape
    ours = mel_filterbank(
        sample_rate=sample_rate, n_fft=n_fft, n_mels=n_mels, f_min=f_min, f_max=f_max
    )
    expected = librosa.filters.mel(
        sr=sample_rate, n_fft=n_fft, n_mels=n_mels, fmin=f_min, fmax=f_max, dtype=np.float64
    )
    np.testing.assert_allclose(ours.numpy().T, expected, atol=1e-12)


def test_mel_and_hz_are_each_others_inverse() -> None:
    hz = torch.tensor([0.0, 20.0, 999.0, 1000.0, 4000.0, 11025.0], dtype=torch.float64)
    torch.testing.assert_close(mel_to_hz(hz_to_mel(hz)), hz)
    np.testing.assert_allclose(hz_to_mel(hz).numpy(), librosa.hz_to_mel(hz.numpy()), atol=1e-9)


def test_the_cosine_transform_is_orthonormal() -> None:
    matrix = dct_matrix(40, 40)
    torch.testing.assert_close(matrix.T @ matrix, torch.eye(40, dtype=torch.float64))


@pytest.mark.parametrize("tuning", [0.0, 0.3])
def test_chroma_filters_are_librosas(tuning: float) -> None:
    ours = chroma_filterbank(sample_rate=22_050, n_fft=2048, tuning=tuning)
    expected = librosa.filters.chroma(sr=22_050, n_fft=2048, tuning=tuning, dtype=np.float64)
    np.testing.assert_allclose(ours.numpy().T, expected, atol=1e-10)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("n", [9, 10, 17, 40])
def test_deltas_are_librosas_to_the_edge(order: int, n: int) -> None:
    features = np.random.default_rng(n).normal(size=(n, 3)).astype(np.float32)
    padded = torch.cat([torch.from_numpy(features), torch.full((6, 3), 1e3)])[None]
    ours = delta(padded, torch.tensor([n]), order=order)[0, :n].numpy()
    expected = librosa.feature.delta(features.T, order=order).T
    np.testing.assert_allclose(ours, expected, atol=1e-6)


def test_the_slope_of_a_clip_too_short_for_a_line_is_that_of_its_continuation() -> None:
    features = torch.tensor([0.0, 1.0, 2.0])[None, :, None]
    continued = torch.tensor([0.0, 1.0, 2.0, 2, 2, 2, 2, 2, 2])[None, :, None]
    short = delta(features, torch.tensor([3]), order=1)[0, :, 0]
    whole = delta(continued, torch.tensor([9]), order=1)[0, :3, 0]
    torch.testing.assert_close(short, whole)


def test_a_crop_begins_where_it_is_told_and_ends_with_the_clip() -> None:
    waveforms = torch.arange(1.0, 7)[None].repeat(3, 1)
    waveforms[1, 4:] = 0
    kept, n_left = crop(
        waveforms, torch.tensor([6, 4, 6]), start=torch.tensor([1, 2, 0]), n_samples=4
    )
    assert kept.tolist() == [[2, 3, 4, 5], [3, 4, 0, 0], [1, 2, 3, 4]]
    assert n_left.tolist() == [4, 2, 4]
    longer, n_left = crop(waveforms[:1], torch.tensor([6]), n_samples=8)
    assert longer.tolist() == [[1, 2, 3, 4, 5, 6, 0, 0]] and n_left.tolist() == [6]


@pytest.mark.parametrize("duration_s", [0.2, 0.6])
def test_a_stack_of_a_clip_within_the_offset_is_taken_from_its_start(duration_s: float) -> None:
    layer = FEATURES.get("stack2376")()
    signal = torch.from_numpy(speech_like(22_050, duration_s, seed=2))
    silence = torch.zeros(round(0.6 * 22_050))
    alone = layer(signal[None], torch.tensor([len(signal)]))
    late = torch.cat([silence, signal])[None]
    torch.testing.assert_close(alone, layer(late, torch.tensor([late.shape[1]])))
    assert alone.abs().sum() > 0


@pytest.mark.parametrize("mode", ["none", "mean", "bands", "standard", "minmax"])
def test_scaling_looks_at_a_clips_own_frames(mode: str) -> None:
    scale = ClipScale(ClipScaleConfig(mode=mode, top_db=None, divide=1.0))  # type: ignore[arg-type]
    own = torch.randn(1, 7, 5, generator=torch.Generator().manual_seed(0)) * 3 + 2
    padded = torch.cat([own, torch.full((1, 4, 5), 99.0)], dim=1)
    scaled = scale(padded, torch.tensor([7]))
    assert not scaled[:, 7:].any()
    torch.testing.assert_close(scaled[:, :7], scale(own, torch.tensor([7])))
    kept = scaled[:, :7]
    if mode in ("mean", "standard"):
        assert abs(float(kept.mean())) < 1e-5
    if mode == "bands":
        assert float(kept.mean(dim=1).abs().max()) < 1e-5
        torch.testing.assert_close(scale(own + torch.arange(5.0), torch.tensor([7])), kept)
    if mode == "standard":
        assert abs(float(kept.std(correction=0)) - 1) < 1e-5
    if mode == "minmax":
        assert float(kept.min()) == 0 and float(kept.max()) == 1


def test_scaling_keeps_the_range_below_the_clips_peak() -> None:
    scale = ClipScale(ClipScaleConfig(mode="none", top_db=20.0, divide=2.0))
    features = torch.tensor([-50.0, 0.0, -10.0, 40.0])[None, :, None]
    assert scale(features, torch.tensor([3]))[0, :, 0].tolist() == [-10, 0, -5, 0]


def test_scaling_may_keep_the_level_and_bring_it_near_zero() -> None:
    scale = ClipScale(ClipScaleConfig(mode="none", top_db=None, subtract=-60.0, divide=20.0))
    features = torch.tensor([-60.0, -20.0, 7.0])[None, :, None]
    assert scale(features, torch.tensor([2]))[0, :, 0].tolist() == [0, 2, 0]


def test_a_mel_band_too_many_is_told_by_the_configuration() -> None:
    with pytest.raises(ConfigError, match=r"unknown key 'n_mel'. Did you mean 'n_mels'"):
        LogMelConfig.parse({"n_mel": 3}, where="log_mel")
