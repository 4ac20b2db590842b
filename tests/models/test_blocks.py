"""The layers that several architectures share, against other implementations of the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence

from serotone.features.sets import MEL64
from serotone.models.base import EmotionModel
from serotone.models.blocks import (
    BiLstm,
    Dropout,
    MelPicture,
    PictureConfig,
    StandardisedModel,
    init_as_keras,
    last_frame,
    reverse,
    same_padding,
)
from serotone.models.cnn1d_stack2376 import Cnn1dStack2376, Cnn1dStack2376Config
from serotone.models.cnn_lstm_mel64_l2 import CnnLstmMel64L2, CnnLstmMel64L2Config


def test_the_deep_cnn_pools_as_tensorflow_does() -> None:
    layers = [*Cnn1dStack2376(Cnn1dStack2376Config(), 8).convolutions]
    pools = [layer for layer in layers if isinstance(layer, nn.MaxPool2d)]
    lengths = [2376, 1188, 594, 297, 149]
    for pool, size, n_steps in zip(pools, (5, 5, 5, 5, 3), lengths, strict=True):
        x = -torch.rand(2, 3, 1, n_steps)  # a zero of padding would win
        left, right = same_padding(n_steps, kernel=size, stride=2)
        padded = functional.pad(x[:, :, 0], (left, right), value=float("-inf"))
        assert torch.equal(pool(x)[:, :, 0], functional.max_pool1d(padded, size, stride=2))


def test_clips_are_turned_round_within_their_own_frames() -> None:
    x = torch.arange(1.0, 9).reshape(2, 4, 1)
    counts = torch.tensor([4, 2])
    assert reverse(x, counts)[..., 0].tolist() == [[4, 3, 2, 1], [6, 5, 7, 8]]
    assert last_frame(x, counts)[:, 0].tolist() == [4, 6]


def test_a_bilstm_equals_torchs_on_packed_clips() -> None:
    torch.manual_seed(0)
    ours, theirs = BiLstm(5, 3), nn.LSTM(5, 3, batch_first=True, bidirectional=True)
    weights = dict(ours.onward.state_dict())
    weights |= {f"{k}_reverse": v for k, v in ours.back.state_dict().items()}
    theirs.load_state_dict(weights)
    x, counts = torch.randn(3, 11, 5), torch.tensor([11, 1, 6])
    packed = pack_padded_sequence(x, counts, batch_first=True, enforce_sorted=False)
    _, (states, _) = theirs(packed)
    torch.testing.assert_close(ours(x, counts), torch.cat([states[0], states[1]], dim=1))


@pytest.mark.parametrize("n", [1, 2, 9, 297, 2376])
@pytest.mark.parametrize(("kernel", "stride"), [(5, 2), (3, 2), (3, 1), (2, 2)])
def test_same_padding_leaves_a_strides_share(n: int, kernel: int, stride: int) -> None:
    left, right = same_padding(n, kernel=kernel, stride=stride)
    assert 0 <= right - left <= 1  # TensorFlow puts the odd one on the right
    assert (n + left + right - kernel) // stride + 1 == -(-n // stride)


class Plain(StandardisedModel):
    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.add_scaler(n_features)


def clips(*n_frames: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(n, 4, generator=generator) * 30 - 200 for n in n_frames]


def test_the_scaler_is_scikit_learns() -> None:
    train = [*clips(30, 7, 12)]
    for clip in train:
        clip[:, 2] = -5.0  # a feature that never changes
    model, reference = Plain(4), StandardScaler().fit(torch.cat(train).numpy())
    model.fit_scaler(train)
    np.testing.assert_allclose(model.scaler_mean.numpy(), reference.mean_, rtol=1e-6)
    np.testing.assert_allclose(model.scaler_std.numpy(), reference.scale_, rtol=1e-5)


def test_min_max_maps_what_was_seen_to_zero_and_one() -> None:
    train = clips(30, 7)
    train[0][:, 2] = train[1][:, 2] = -5.0
    model = Plain(4)
    model.fit_scaler(train, scaling="minmax")
    scaled = torch.cat([model.standardise(c[None], torch.tensor([len(c)]))[0] for c in train])
    torch.testing.assert_close(scaled.amin(dim=0), torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(scaled.amax(dim=0), torch.tensor([1.0, 1, 0, 1]), atol=1e-5, rtol=0)


def test_padding_stays_zero_after_scaling() -> None:
    model = Plain(4)
    model.fit_scaler(clips(50))
    scaled = model.standardise(torch.full((2, 5, 4), -170.0), torch.tensor([5, 3]))
    assert scaled[1, :3].all() and not scaled[1, 3:].any()


def test_a_model_without_a_scaler_takes_no_harm_from_fitting() -> None:
    EmotionModel().fit_scaler(clips(3))


def test_a_picture_has_one_size_and_spans_zero_to_one() -> None:
    picture = MelPicture(PictureConfig(log_mel=MEL64, n_samples=48_000))
    for n_samples in (500, 48_000, 90_000):
        waveforms = 0.1 * torch.randn(2, n_samples, generator=torch.Generator().manual_seed(0))
        features, counts = picture(waveforms, torch.tensor([n_samples, n_samples // 2]))
        assert features.shape == (2, 94, 64) and counts.tolist() == [94, 94]
        assert features.amin(dim=(1, 2)).tolist() == [0, 0]
        assert features.amax(dim=(1, 2)).tolist() == [1, 1]


def test_weights_start_as_in_keras() -> None:
    torch.manual_seed(0)
    model = nn.ModuleList([nn.Linear(200, 100), nn.LSTM(20, 8), nn.GRU(20, 8)])
    init_as_keras(model)
    dense, lstm, gru = model
    bound = (6 / 300) ** 0.5
    assert bound * 0.98 < float(dense.weight.detach().abs().max()) <= bound
    assert not dense.bias.any() and not gru.bias_ih_l0.any()
    assert lstm.bias_ih_l0.tolist() == [0.0] * 8 + [1.0] * 8 + [0.0] * 16
    columns = lstm.weight_hh_l0.T @ lstm.weight_hh_l0
    torch.testing.assert_close(columns, torch.eye(8), atol=1e-5, rtol=0)


def test_the_penalty_is_the_squared_kernels_and_nothing_else() -> None:
    model = CnnLstmMel64L2(CnnLstmMel64L2Config(widths=(2, 3), n_hidden=4, n_dense=5), 8)
    kernels = [p for n, p in model.named_parameters() if n.endswith("weight") and p.ndim in (2, 4)]
    priced = [p for p in kernels if p is not model.emotion.weight]
    assert len(priced) == 3
    expected = 1e-3 * sum(float(p.detach().square().sum()) for p in priced)
    assert float(model.penalty().detach()) == pytest.approx(expected, rel=1e-5)


def test_dropout_before_the_lstm_is_the_same_at_all_steps() -> None:
    torch.manual_seed(0)
    config = CnnLstmMel64L2Config(widths=(2, 3), n_hidden=4, n_dense=5, dropout=0.0)
    model = CnnLstmMel64L2(config, 8).train()
    seen: list[Tensor] = []
    model.lstm.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    model.classify(torch.rand(6, 94, 64), torch.full((6,), 94))
    silent = (seen[0] == 0).all(dim=1)  # (B, F): inputs that are out at every step
    assert 0.15 < float(silent.float().mean()) < 0.6


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_dropout_loses_the_share_asked_for_and_keeps_the_sum_and_the_layout(
    dtype: torch.dtype,
) -> None:
    torch.manual_seed(0)
    x = torch.ones(7, 33, 47, 29, dtype=dtype).to(memory_format=torch.channels_last)
    x.requires_grad_()
    y = Dropout(0.3)(x)
    assert y.dtype == dtype and y.stride() == x.stride()
    n = x.numel()
    lost = float((y == 0).double().mean())
    assert abs(lost - 0.3) < 4 * (0.3 * 0.7 / n) ** 0.5
    kept = y.detach()[y.detach() != 0].double()
    assert kept.unique().tolist() == pytest.approx([1 / 0.7], rel=0.004)
    y.sum().backward()
    assert x.grad is not None and torch.equal(x.grad, y.detach())


def test_dropout_loses_one_value_no_matter_what_became_of_its_neighbours() -> None:
    torch.manual_seed(0)
    lost = (Dropout(0.5)(torch.ones(400_000)) == 0).double() - 0.5
    for step in (1, 2, 3, 4, 8):  # four masks come of one draw
        together = float((lost[step:] * lost[:-step]).mean()) * 4
        assert abs(together) < 4 / 400_000**0.5


def test_dropout_draws_by_the_seed_and_does_nothing_when_evaluating() -> None:
    layer, x = Dropout(0.5), torch.randn(3, 5, 7)
    draws = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        draws.append(layer(x))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert layer.eval()(x) is x
    assert torch.equal(Dropout(0.0)(x), x)
    assert torch.equal(Dropout(1.0)(x), torch.zeros_like(x))
