"""Alterations of features: what they keep and what they may not touch."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from serotone.effects import AugmentConfig
from serotone.effects.spectrogram import augment_clip, cut_out, draw_noise, trim_ends
from serotone.errors import ConfigError


def clip(n_before: int, n_speech: int, n_after: int) -> Tensor:
    quiet, loud = -3.0, 1.0
    levels = [quiet] * n_before + [loud] * n_speech + [quiet] * n_after
    return torch.tensor(levels)[:, None] + torch.linspace(-0.1, 0.1, 8)


def trimmed(features: Tensor, seed: int, chance: float = 1.0) -> Tensor:
    config = AugmentConfig(trim=chance)
    return trim_ends(features, config, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("key", "value"), [("cut_frames", 0), ("cut", 1.5), ("speed", 1.0), ("n_time_masks", -1)]
)
def test_what_would_leave_nothing_of_a_clip_is_refused(key: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"'{key}': got {value}"):
        AugmentConfig.parse({key: value})


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


def test_a_part_is_drawn_around_the_loudest_frame_and_keeps_the_mean() -> None:
    features = clip(20, 30, 25)
    features[40] += 1
    lengths = set()
    for seed in range(60):
        kept = cut_out(features, 20, torch.Generator().manual_seed(seed))
        assert kept.mean() == pytest.approx(float(features.mean()), abs=1e-5)
        contrast = kept.mean(dim=1)
        assert float(contrast.max() - contrast.sort().values[-2]) == pytest.approx(1, abs=1e-4)
        lengths.add(len(kept))
    assert min(lengths) >= 20
    assert len(lengths) > 20
    assert torch.equal(cut_out(features, 75, torch.Generator()), features)


@pytest.mark.parametrize("snr_db", [20.0, 0.0])
def test_noise_is_mixed_in_at_the_ratio_to_the_louder_frames(snr_db: float) -> None:
    features = clip(20, 30, 25)
    config = AugmentConfig(noise=1.0, noise_snr_db=(snr_db, snr_db))
    ratios = []
    for seed in range(60):
        noisy = augment_clip(features, config, torch.Generator().manual_seed(seed))
        assert noisy.shape == features.shape
        assert noisy.mean() == pytest.approx(float(features.mean()), abs=1e-5)
        # Where nobody speaks, 80 dB below the speech, only the noise is left.
        power = 10 ** (noisy * config.unit_db / 10)
        silence = torch.cat([power[:20], power[50:]]).mean()
        ratios.append(float(10 * (power[20:50].mean() / silence - 1).log10()))
    # The noise moves, so that one clip's silence does not tell the ratio; all of them do.
    assert torch.tensor(ratios).nanmedian() == pytest.approx(snr_db, abs=2)


def test_no_two_noises_are_alike_and_the_same_draw_is_the_same_noise() -> None:
    noises = [draw_noise(200, 64, torch.Generator().manual_seed(seed)) for seed in range(30)]
    assert torch.equal(noises[7], draw_noise(200, 64, torch.Generator().manual_seed(7)))
    assert all(noise.isfinite().all() for noise in noises)
    centred = torch.stack([(n.mean(0) - n.mean()) for n in noises])
    alike = torch.corrcoef(centred).fill_diagonal_(0)
    assert alike.abs().mean() < 0.7
    assert alike.min() < -0.5  # low hums and high hisses


def decibels(features: torch.Tensor) -> torch.Tensor:
    """Against the loudest value."""
    return 20 * (features - features.max())


def test_a_room_lets_a_sound_die_away_in_its_time() -> None:
    one_clap = torch.full((120, 8), -2.0)
    one_clap[30] = 2.0
    config = AugmentConfig(room=1.0, room_s=(0.5, 0.5), room_ratio_db=(0.0, 0.0))
    for seed in range(5):
        heard = augment_clip(one_clap, config, torch.Generator().manual_seed(seed))
        assert heard.shape == one_clap.shape
        assert heard.mean() == pytest.approx(float(one_clap.mean()), abs=1e-4)
        level = decibels(heard)
        assert level[:30].max() < -76.9  # nothing sounds earlier but the quiet and its echo
        fall = (level[31] - level[41]) / (10 * 0.016)  # dB a second
        assert fall[0] == pytest.approx(60 / 0.5, rel=0.01)
        assert (fall.diff() > -0.1).all()  # high bands sooner
        # The echoes together are as loud as the clap itself.
        power = 10 ** (level / 10)
        assert power[31:, 0].sum() / power[30, 0] == pytest.approx(1, rel=0.1)


def test_further_off_there_is_more_echo() -> None:
    features = clip(20, 30, 25)
    quiet = []
    for ratio_db in (10.0, -5.0):
        config = AugmentConfig(room=1.0, room_s=(1.0, 1.0), room_ratio_db=(ratio_db, ratio_db))
        heard = augment_clip(features, config, torch.Generator().manual_seed(3))
        quiet.append(float(decibels(heard)[52:60].mean()))
    assert quiet[1] > quiet[0] + 8


def test_narrow_bands_lose_what_is_high_or_low_and_nothing_else() -> None:
    torch.manual_seed(0)
    features = torch.randn(50, 64).clamp(-2, 2) / 2
    lost_low = 0
    ends = []
    for seed in range(60):
        config = AugmentConfig(narrow=1.0)
        heard = augment_clip(features, config, torch.Generator().manual_seed(seed))
        assert heard.mean() == pytest.approx(float(features.mean()), abs=1e-5)
        assert float(decibels(heard).min()) >= -80.001
        middle = heard[:, 8:32] - features[:, 8:32]
        assert torch.allclose(middle, middle.mean(), atol=1e-4)
        change = (heard - features).mean(0) - middle.mean()
        kept = change > -0.05  # units of 20 dB
        ends.append(int(kept.nonzero().max()))
        lost_low += not kept[0]
        assert kept[8 : ends[-1] + 1].all()
    assert min(ends) < 40 and max(ends) == 63
    assert 10 < lost_low < 40


def test_colour_moves_every_frame_alike_by_as_much_as_asked() -> None:
    features = clip(20, 30, 25)
    sizes = []
    for seed in range(200):
        generator = torch.Generator().manual_seed(seed)
        heard = augment_clip(features, AugmentConfig(colour_db=6.0), generator)
        gains = 20 * (heard - features)  # dB
        torch.testing.assert_close(gains, gains[:1].expand_as(gains), atol=1e-4, rtol=0)
        assert heard.mean() == pytest.approx(float(features.mean()), abs=1e-5)
        sizes.append(float(gains[0].std()))
    sizes.sort()
    assert sizes[20] < 1  # often hardly any
    assert 3 < sizes[190] < 9
    assert len(set(sizes)) == len(sizes)


def test_without_a_chance_of_noise_nothing_is_drawn() -> None:
    generator = torch.Generator().manual_seed(0)
    before = generator.get_state()
    augment_clip(clip(20, 30, 25), AugmentConfig(noise_snr_db=(0, 0), room_s=(1, 1)), generator)
    assert torch.equal(generator.get_state(), before)
    assert len(draw_noise(1, 1, generator)) == 1
