"""Alterations of features: what they keep and what they may not touch."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from serotone.augment import AugmentConfig
from serotone.augment.features import augment_clip, trim_ends


def clip(n_before: int, n_speech: int, n_after: int) -> Tensor:
    quiet, loud = -3.0, 1.0
    levels = [quiet] * n_before + [loud] * n_speech + [quiet] * n_after
    return torch.tensor(levels)[:, None] + torch.linspace(-0.1, 0.1, 8)


def trimmed(features: Tensor, seed: int, chance: float = 1.0) -> Tensor:
    config = AugmentConfig(trim=chance)
    return trim_ends(features, config, torch.Generator().manual_seed(seed))


def test_trimming_takes_quiet_ends_alone_and_keeps_the_mean() -> None:
    features = clip(20, 30, 25)
    lengths = set()
    for seed in range(40):
        kept = trimmed(features, seed)
        contrast = kept.mean(dim=1)
        assert int((contrast > contrast.min() + 2).sum()) in (30, 0)  # 0: no quiet is left
        assert len(kept) >= 30
        assert kept.mean() == pytest.approx(float(features.mean()), abs=1e-5)
        lengths.add(len(kept))
    assert len(lengths) > 10
    assert min(lengths) < 50 < max(lengths)


def test_a_clip_that_is_loud_to_its_ends_stays_whole() -> None:
    features = clip(0, 30, 0)
    assert torch.allclose(trimmed(features, 0), features, atol=1e-6)


def test_the_chance_decides_how_many_clips_are_trimmed() -> None:
    features = clip(20, 30, 25)
    n_cut = sum(len(trimmed(features, seed, chance=0.5)) < 75 for seed in range(200))
    assert 70 < n_cut < 130
    assert torch.equal(augment_clip(features, AugmentConfig(), torch.Generator()), features)
