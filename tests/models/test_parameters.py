"""Parameter counts in full width, each against its formula."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from torch import nn

from serotone.models import MODELS
from serotone.models.base import EmotionModel, n_parameters


def build(name: str, n_classes: int) -> EmotionModel:
    model_class = MODELS.get(name)
    return model_class(model_class.config_class(), n_classes)


def n_running(model: nn.Module) -> int:
    """Means and variances that batch norm keeps."""
    return sum(b.numel() for name, b in model.named_buffers() if "running_" in name)


def conv(n_in: int, n_out: int, kernel: int, bias: bool = True) -> int:
    return n_in * n_out * kernel + bias * n_out


def dense(n_in: int, n_out: int) -> int:
    return n_in * n_out + n_out


def norm(n_channels: int) -> int:
    return 2 * n_channels


def lstm(n_in: int, n_hidden: int) -> int:
    # Four gates; torch adds two biases where Keras has one.
    return 4 * (n_hidden * (n_in + n_hidden) + 2 * n_hidden)


def gru(n_in: int, n_hidden: int) -> int:
    return 3 * (n_hidden * (n_in + n_hidden) + 2 * n_hidden)


def mel64_blocks(first: int, second: int) -> int:
    return conv(1, first, 9) + norm(first) + conv(first, second, 9) + norm(second)


def head(n_pooled: int, n_classes: int) -> int:
    return dense(n_pooled, 128) + norm(128) + dense(128, n_classes) + dense(128, 1)


def attention(n_in: int, n_channels: int) -> int:
    return dense(n_in, 64) + dense(64, n_channels)


def residual(n_in: int, n_out: int) -> int:
    convolutions = conv(n_in, n_out, 9, bias=False) + conv(n_out, n_out, 9, bias=False)
    return convolutions + conv(n_in, n_out, 1, bias=False) + 3 * norm(n_out)


def separable(n_in: int, n_out: int) -> int:
    depthwise = conv(1, n_in, 9, bias=False) + norm(n_in)
    return depthwise + conv(n_in, n_out, 1, bias=False) + norm(n_out)


def separable_stage(n_in: int, n_out: int) -> int:
    excite = dense(n_out, n_out // 4) + dense(n_out // 4, n_out)
    shortcut = conv(n_in, n_out, 1, bias=False) + norm(n_out)
    return separable(n_in, n_out) + 3 * separable(n_out, n_out) + 2 * excite + shortcut


def res2_block(width: int, squeeze: int) -> int:
    chain = 7 * (conv(width // 8, width // 8, 3) + norm(width // 8))
    excite = dense(width, squeeze) + dense(squeeze, width)
    return 2 * (conv(width, width, 1) + norm(width)) + chain + excite


def conformer_block(width: int, inside: int, kernel: int) -> int:
    feed_forward = norm(width) + dense(width, inside) + dense(inside, width)
    heads = norm(width) + dense(width, 3 * width) + dense(width, width)
    convolution = norm(width) + conv(width, 2 * width, 1) + conv(1, width, kernel, bias=False)
    convolution += norm(width) + conv(width, width, 1)
    return 2 * feed_forward + heads + convolution + norm(width)


FORMULAS: dict[str, Callable[[int], int]] = {
    "cnn1d_stack2376": lambda c: (
        conv(1, 512, 5) + norm(512) + conv(512, 512, 5) + norm(512)
        + conv(512, 256, 5) + norm(256) + conv(256, 256, 3) + norm(256)
        + conv(256, 128, 3) + norm(128)
        + dense(75 * 128, 512) + norm(512) + dense(512, c)
    ),
    "cnn2d_logmel128": lambda c: (
        conv(1, 32, 9) + norm(32) + conv(32, 64, 9) + norm(64)
        + conv(64, 128, 9) + norm(128) + conv(128, 128, 9) + norm(128)
        + dense(128, 128) + dense(128, c)
    ),
    "cnn_bilstm_mfcc39": lambda c: (
        conv(39, 64, 3) + norm(64) + conv(64, 128, 3) + norm(128)
        + 2 * lstm(128, 128) + dense(256, 64) + dense(64, c)
    ),
    "cnn_gru_mel64": lambda c: (
        mel64_blocks(32, 64) + gru(64 * 16, 128) + dense(128, 128) + dense(128, c)
    ),
    "cnn_lstm_mel64": lambda c: (
        mel64_blocks(32, 64) + lstm(64 * 16, 128) + dense(128, 128) + dense(128, c)
    ),
    "cnn_lstm_mel64_l2": lambda c: (
        mel64_blocks(32, 64) + lstm(64 * 16, 128) + dense(128, 64) + dense(64, c)
    ),
    "cnn_lstm_mel64_small": lambda c: (
        mel64_blocks(16, 32) + lstm(32, 64) + dense(64, 32) + dense(32, c)
    ),
    "conformer_logmel": lambda c: (
        conv(1, 32, 9) + conv(32, 32, 9) + dense(32 * 16, 96)
        + 4 * conformer_block(96, 3 * 96, 15) + attention(96, 96) + head(2 * 96, c)
    ),
    "dscnn_logmel": lambda c: (
        conv(1, 32, 25, bias=False) + norm(32)
        + separable_stage(32, 64) + separable_stage(64, 128) + separable_stage(128, 192)
        + attention(192 * 4, 192 * 4) + head(2 * 192 * 4, c)
    ),
    "ecapa_logmel": lambda c: (
        conv(64, 192, 5) + norm(192) + 3 * res2_block(192, 64) + conv(3 * 192, 384, 1)
        + attention(3 * 384, 384) + norm(2 * 384) + head(2 * 384, c)
    ),
    "functionals_mlp": lambda c: (
        dense(4236, 128) + norm(128) + dense(128, c) + dense(128, 1)
    ),
    "light_sernet": lambda c: (
        conv(1, 32, 11) + conv(1, 32, 9) + conv(1, 32, 9) + 3 * norm(32)
        + conv(96, 64, 9, bias=False) + norm(64) + conv(64, 96, 9, bias=False) + norm(96)
        + conv(96, 128, 9, bias=False) + norm(128) + conv(128, 160, 9, bias=False) + norm(160)
        + conv(160, 320, 1, bias=False) + norm(320) + dense(320, c)
    ),
    "lstm_attention": lambda c: (
        lstm(46, 46) + norm(46) + lstm(46, 64) + 64 + norm(64) + dense(64, c)
    ),
    "lstm_mfcc": lambda c: lstm(40, 128) + dense(128, 64) + dense(64, c),
    "resnet_logmel": lambda c: (
        conv(1, 32, 25, bias=False) + norm(32)
        + residual(32, 48) + residual(48, 96) + residual(96, 128)
        + attention(128 * 4, 128 * 4) + head(2 * 128 * 4, c)
    ),
}  # fmt: skip


@pytest.mark.parametrize("n_classes", [4, 9])
@pytest.mark.parametrize("name", FORMULAS)
def test_parameters_are_as_the_formula_says(name: str, n_classes: int) -> None:
    assert n_parameters(build(name, n_classes)) == FORMULAS[name](n_classes)


def test_the_deep_cnn_has_the_published_number() -> None:
    eight, seven = build("cnn1d_stack2376", 8), build("cnn1d_stack2376", 7)
    assert (n_parameters(eight), n_running(eight)) == (7_189_384, 4_352)
    assert n_parameters(eight) + n_running(eight) == 7_193_736
    assert n_parameters(seven) + n_running(seven) == 7_193_223


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("conformer_logmel", 0.6e6, 0.9e6),
        ("dscnn_logmel", 0.3e6, 0.8e6),
        ("ecapa_logmel", 0.5e6, 0.9e6),
        ("resnet_logmel", 636_681, 636_681),
    ],
)
def test_what_may_be_shipped_stays_small(name: str, least: float, most: float) -> None:
    assert least <= n_parameters(build(name, 8)) <= most


def test_the_peers_have_about_the_published_numbers() -> None:
    assert n_parameters(build("lstm_attention", 8)) == 46_772
    light = build("light_sernet", 7)
    assert n_parameters(light) + n_running(light) == pytest.approx(463_000, abs=500)
