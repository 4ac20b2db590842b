"""Parameter counts in full width, each against its formula."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from torch import nn

from serotone.models import MODELS
from serotone.models.contract import EmotionModel, n_parameters


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


def test_the_peers_have_about_the_published_numbers() -> None:
    assert n_parameters(build("lstm_attention", 8)) == 46_772
    light = build("light_sernet", 7)
    assert n_parameters(light) + n_running(light) == pytest.approx(463_000, abs=500)
