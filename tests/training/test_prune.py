"""Pruning: a copy with fewer channels, which of them go, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from torch import nn

from serotone.errors import ConfigError
from serotone.inference.recognizer import Recognizer
from serotone.models.base import ModelOutput, n_parameters
from serotone.models.resnet_logmel import ResNetLogMel, ResNetLogMelConfig
from serotone.store.load import ModelInfo, describe, resolve
from serotone.training.datasets import read_corpora, split_of
from serotone.training.prune import importance, most_important, narrowed, take_narrower
from serotone.training.recipe import Recipe, load_recipe
from serotone.training.save_model import publish
from serotone.training.train import Trained, build, train
from serotone.types import Split, Utterance

WIDE: dict[str, Any] = {
    "log_mel": {"n_mels": 12},
    "stem_width": 16,
    "widths": [16, 24],
    "time_strides": [2, 1],
    "n_blocks": 2,
    "embedding_size": 8,
}
NARROW = {**WIDE, "stem_width": 8, "widths": [8, 16]}
LABELS = ["happy", "sad", "angry"]


def net(settings: dict[str, Any], seed: int = 0) -> ResNetLogMel:
    """A net with statistics, biases and scales as training leaves them: all different."""
    torch.manual_seed(seed)
    model = ResNetLogMel(ResNetLogMelConfig.parse(settings), len(LABELS)).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.3)
            nn.init.normal_(module.running_mean, std=0.3)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    return model


def heard(model: ResNetLogMel) -> ModelOutput:
    waveforms = torch.randn(2, 9000, generator=torch.Generator().manual_seed(5))
    waveforms[1, 6000:] = 0
    with torch.no_grad():
        return model(waveforms, torch.tensor([9000, 6000]))


def pruned(model: ResNetLogMel, wide: dict[str, Any], narrow: dict[str, Any]) -> ResNetLogMel:
    before, after = (ResNetLogMelConfig.parse(settings) for settings in (wide, narrow))
    smaller = net(narrow, seed=9)
    weights = narrowed(model.state_dict(), before, after)
    smaller.load_state_dict({**smaller.state_dict(), **weights})
    return smaller


def silence(model: ResNetLogMel, name: str, norm: str, channels: list[int]) -> None:
    """Make a convolution and its norm write zeros to these channels."""
    modules = dict(model.named_modules())
    with torch.no_grad():
        modules[name].weight[channels] = 0
        for part in ("weight", "bias", "running_mean"):
            getattr(modules[norm], part)[channels] = 0


def assert_same(one: ModelOutput, other: ModelOutput, *, atol: float) -> None:
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a, b, atol=atol, rtol=0)


def test_all_channels_kept_is_the_same_net() -> None:
    model = net(WIDE)
    assert_same(heard(pruned(model, WIDE, WIDE)), heard(model), atol=1e-6)


def test_silent_channels_go_and_the_outputs_stay() -> None:
    model = net(WIDE)
    stem, first, last = [0, 2, 3, 5, 8, 9, 11, 15], [1, 2, 4, 7, 8, 10, 13, 14], [0, 5, 9, 11]
    last += [13, 17, 22, 23]
    silence(model, "stem.0", "stem.1", stem)
    # Both blocks of a stage add to what its first shortcut wrote.
    for stage, channels in ((0, first), (1, last)):
        silence(model, f"blocks.{2 * stage}.shortcut.0", f"blocks.{2 * stage}.shortcut.1", channels)
        for block in (2 * stage, 2 * stage + 1):
            silence(model, f"blocks.{block}.second", f"blocks.{block}.second_norm", channels)
    # Between a block's two convolutions channels are its own.
    inner = {f"blocks.{b}": sorted((3 * i + b) % n for i in range(8)) for b, n in
             ((0, 16), (1, 16), (2, 24), (3, 24))}  # fmt: skip
    for block, channels in inner.items():
        silence(model, f"{block}.first", f"{block}.first_norm", channels)
    expected = heard(model)
    smaller = pruned(model, WIDE, NARROW)
    assert_same(heard(smaller), expected, atol=1e-5)
    assert not torch.allclose(expected.intensity[0], expected.intensity[1], atol=1e-4)

    def left(gone: list[int], n: int) -> list[int]:
        return [c for c in range(n) if c not in gone]

    whole, cut = model.state_dict(), smaller.state_dict()
    assert torch.equal(cut["stem.0.weight"], whole["stem.0.weight"][left(stem, 16)])
    own = whole["blocks.3.first.weight"][left(inner["blocks.3"], 24)][:, left(last, 24)]
    assert torch.equal(cut["blocks.3.first.weight"], own)
    shortcut = whole["blocks.2.shortcut.0.weight"][left(last, 24)][:, left(first, 16)]
    assert torch.equal(cut["blocks.2.shortcut.0.weight"], shortcut)
    norm = whole["blocks.1.second_norm.running_var"][left(first, 16)]
    assert torch.equal(cut["blocks.1.second_norm.running_var"], norm)


def test_a_channel_counts_by_all_that_writes_it_and_by_its_norms() -> None:
    ones = torch.ones(3)
    weights = {
        "a.weight": torch.tensor([1.0, -2.0, 3.0])[:, None],
        "an.weight": torch.tensor([1.0, -4.0, 1.0]),
        "b.weight": torch.tensor([10.0, 0.0, 1.0])[:, None],
        "bn.weight": 0.5 * ones,
    }
    found = importance(weights, [("a", "an"), ("b", "bn")])
    torch.testing.assert_close(found, torch.tensor([6.0, 8.0, 3.5]), atol=1e-3, rtol=0)
    assert most_important(found, 2).tolist() == [0, 1]
    assert most_important(torch.ones(4), 2).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"widths": [8, 32]}, r"widths \[8, 32\], expected at most 16 and \[16, 24\]"),
        ({"stem_width": 24}, "stem_width 24"),
        ({"widths": [8], "time_strides": [2]}, "time_strides of"),
        ({"widths": [8]}, r"widths \[8\]"),
        ({"embedding_size": 4}, "embedding_size of"),
        ({"log_mel": {"n_mels": 16}}, "log_mel of"),
    ],
)
def test_what_is_not_a_narrower_copy_is_refused(changes: dict[str, Any], message: str) -> None:
    wide, narrow = (ResNetLogMelConfig.parse(s) for s in (WIDE, {**NARROW, **changes}))
    with pytest.raises(ConfigError, match=message) as caught:
        narrowed(net(WIDE).state_dict(), wide, narrow)
    assert "\n" not in str(caught.value)


def test_pruning_needs_a_model_to_prune() -> None:
    with pytest.raises(ConfigError, match="name it as init"):
        Recipe.parse({"name": "x", "prune": True, "data": {"corpora": ["folder"]}})


def recipe(**changes: Any) -> Recipe:
    data = {
        "corpora": ["folder"],
        "labels": LABELS[:2],
        "max_s": 0.5,
        "options": load_recipe("folder").data.options,
    }
    optimiser = {"epochs": 1, "batch_size": 4, "intensity_weight": 0.1}
    values = {"name": "narrow", "architecture": NARROW, "data": data, "optimiser": optimiser}
    return Recipe.parse({**values, **changes})


def published(model: ResNetLogMel | nn.Module, made_by: Recipe, folder: Path) -> ModelInfo:
    row = Utterance(id="f/zoe", path=Path("zoe.wav"), corpus="folder", speaker="zoe", label="sad")
    trained = Trained(model=model.eval(), temperature=1.0, dev={}, epoch=0, train_s=1.0)
    return publish(trained, made_by, Split("made", (row,), (), ()), folder=folder)


def test_another_architecture_is_refused(tmp_path: Path) -> None:
    other = recipe(model="lstm_attention", architecture={})
    source = published(build(other), other, tmp_path / "other")
    ours = recipe(init=str(source.path), prune=True)
    with pytest.raises(ConfigError, match="'other' of 'lstm_attention'"):
        take_narrower(build(ours), source, ours)


def test_the_shipped_model_is_halved_and_other_classes_begin_fresh() -> None:
    wanted = load_recipe("pruned")
    model = build(wanted)
    assert take_narrower(model, describe(resolve("default")), wanted) == []
    assert n_parameters(model) < 636_681 / 2
    few = wanted.model_copy(update={"data": recipe().data})
    fresh = take_narrower(build(few), describe(resolve("default")), few)
    assert fresh == ["emotion.bias", "emotion.weight"]


def recordings(root: Path) -> Path:
    generator = np.random.default_rng(0)
    for label in LABELS[:2]:
        for speaker in ("ann", "ben", "cy", "dee", "eve"):
            path = root / label / f"{speaker}_1.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, 0.1 * generator.standard_normal(4000), 8000)
    return root


def test_a_pruned_model_is_trained_published_and_predicts(tmp_path: Path) -> None:
    teacher = recipe(architecture=WIDE)
    source = published(build(teacher), teacher, tmp_path / "wide")
    ours = recipe(init=str(source.path), prune=True)
    folder = recordings(tmp_path / "in")
    split = split_of(ours, read_corpora(ours, {"folder": folder}))
    trained = train(ours, split, out=tmp_path / "run")
    info = publish(trained, ours, split, folder=tmp_path / "run" / "narrow")
    assert info.n_parameters < source.n_parameters
    assert info.provenance["init"]["name"] == "wide"
    assert "zoe" in info.provenance["train_speakers"]
    prediction = Recognizer.open(info.path).predict(folder / "sad" / "ann_1.wav")
    assert sum(prediction.probabilities.values()) == pytest.approx(1, abs=1e-4)
    assert 0 <= prediction.intensity <= 1


def test_who_taught_the_wide_model_may_not_test_the_pruned_one(tmp_path: Path) -> None:
    teacher = recipe(architecture=WIDE)
    source = published(build(teacher), teacher, tmp_path / "wide")
    ours = recipe(init=str(source.path), prune=True)
    row = Utterance(id="f/zoe", path=Path("zoe.wav"), corpus="folder", speaker="zoe", label="sad")
    with pytest.raises(ConfigError, match=r"was trained with 1 speaker\(s\)"):
        train(ours, Split("made", (), (), (row,)), out=tmp_path / "run")
