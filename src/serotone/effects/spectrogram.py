"""Augmentation of feature batches, on the fly and in torch."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from serotone.config import Config, Range

FRAME_S = 0.016
"""From one frame to the next, in the default net."""


class AugmentConfig(Config):
    """How features are altered in training. Zero switches a part off.

    Attributes:
        speed: largest relative change of tempo, drawn evenly from ±speed.
        band_shift: largest shift along the mel axis, in bands, drawn evenly from ±band_shift; it
            moves pitch and vocal tract together (Jaitly & Hinton 2013, vocal tract length
            perturbation).
        gain: largest change of level, in the features' own units.
        trim: chance that a clip loses a random part of the quiet before and after its speech, so
            that a model does not lean on the silent ends of studio recordings. What is left keeps
            the clip's mean.
        trim_range: frames whose mean lies further than this below the loudest frame's count as
            quiet; in the features' own units, which are 20 dB in the default net.
        cut: chance that a part of a clip is heard alone, of at least ``cut_frames`` and with the
            loudest frame in it. It keeps the clip's mean too.
        noise: chance that noise is mixed in which was never recorded: the levels of its bands, how
            they move and whether it comes in bursts are drawn each time (see ``add_noise``).
        noise_snr_db: level of a clip's louder frames less that of the noise, drawn evenly.
        room: chance that a clip is heard in a room that nobody built (see ``add_room``).
        room_s: time in which its echoes fall by 60 dB, drawn evenly.
        room_ratio_db: level of the direct sound less that of the echoes, drawn evenly.
        narrow: chance that high bands, low ones or both are lost, as by telephones, codecs and
            small microphones (see ``narrow_bands``).
        colour_db: largest deviation of the gain that each band gets, as of another microphone or
            another voice (see ``colour_bands``).
        unit_db, range_db: what one of the features' own units is in dB, and how far below a
            clip's loudest value they reach, for noise, rooms, narrow bands and colour alone: as in
            the default net, whose features are log-mel.
        n_band_masks, band_mask: count and largest width of masked bands (SpecAugment, Park et al.
            2019, 10.21437/Interspeech.2019-2680).
        n_time_masks, time_mask: count and largest width of masked stretches, in frames.
        mixup: alpha of the Beta that two clips are mixed with (Zhang et al. 2018, mixup,
            arXiv:1710.09412).
    """

    speed: float = Field(default=0.0, ge=0, lt=1)
    band_shift: int = Field(default=0, ge=0)
    gain: float = Field(default=0.0, ge=0)
    trim: float = Field(default=0.0, ge=0, le=1)
    trim_range: float = Field(default=1.75, gt=0)
    cut: float = Field(default=0.0, ge=0, le=1)
    cut_frames: int = Field(default=60, ge=1)
    noise: float = Field(default=0.0, ge=0, le=1)
    noise_snr_db: Range = (0.0, 25.0)
    room: float = Field(default=0.0, ge=0, le=1)
    room_s: Range = (0.15, 1.5)
    room_ratio_db: Range = (-6.0, 12.0)
    narrow: float = Field(default=0.0, ge=0, le=1)
    colour_db: float = Field(default=0.0, ge=0)
    unit_db: float = Field(default=20.0, gt=0)
    range_db: float = Field(default=80.0, gt=0)
    n_band_masks: int = Field(default=0, ge=0)
    band_mask: int = Field(default=0, ge=0)
    n_time_masks: int = Field(default=0, ge=0)
    time_mask: int = Field(default=0, ge=0)
    mixup: float = Field(default=0.0, ge=0)


def uniform(low: float, high: float, generator: torch.Generator) -> float:
    """One number drawn evenly from [low, high)."""
    return low + (high - low) * float(torch.rand((), generator=generator))


def integer(high: int, generator: torch.Generator) -> int:
    """One integer drawn evenly from 0 … high."""
    return int(torch.randint(high + 1, (), generator=generator))


def augment_clip(features: Tensor, config: AugmentConfig, generator: torch.Generator) -> Tensor:
    """One clip's (T, F) features, altered by all but mixup; (T', F)."""
    x = features
    if config.trim:
        x = trim_ends(x, config, generator)
    if config.cut and uniform(0, 1, generator) < config.cut:
        x = cut_out(x, config.cut_frames, generator)
    if config.speed:
        factor = uniform(1 - config.speed, 1 + config.speed, generator)
        x = change_speed(x, factor)
    if config.band_shift:
        x = shift_bands(x, uniform(-config.band_shift, config.band_shift, generator))
    if config.room and uniform(0, 1, generator) < config.room:
        x = add_room(x, config, generator)
    if config.noise and uniform(0, 1, generator) < config.noise:
        x = add_noise(x, config, generator)
    if config.narrow and uniform(0, 1, generator) < config.narrow:
        x = narrow_bands(x, config, generator)
    if config.colour_db:
        x = colour_bands(x, config, generator)
    if config.gain:
        x = x + uniform(-config.gain, config.gain, generator)
    if config.n_band_masks or config.n_time_masks:
        x = mask_bands_and_times(x, config, generator)
    return x


def _at_the_mean_of(features: Tensor, altered: Tensor) -> Tensor:
    return altered - altered.mean() + features.mean()


def _power(features: Tensor, config: AugmentConfig) -> Tensor:
    """Of log-mel, its largest being 1."""
    return 10 ** (((features - features.max()) * config.unit_db) / 10)


def _levels(power: Tensor, config: AugmentConfig) -> Tensor:
    """Log-mel of power, in the features' own units."""
    return 10 * power.clamp(min=1e-12).log10() / config.unit_db


def trim_ends(features: Tensor, config: AugmentConfig, generator: torch.Generator) -> Tensor:
    """Cut a random part of the quiet at both ends of (T, F); never any of the speech between."""
    if uniform(0, 1, generator) >= config.trim:
        return features
    level = features.mean(dim=1)
    loud = (level > level.max() - config.trim_range).nonzero()[:, 0]
    first, last = int(loud[0]), int(loud[-1])
    start = integer(first, generator)
    end = len(features) - integer(len(features) - 1 - last, generator)
    kept = features[start:end]
    return _at_the_mean_of(features, kept)


def cut_out(features: Tensor, n_least: int, generator: torch.Generator) -> Tensor:
    """A part of (T, F), evenly drawn from ``n_least`` frames to all, around the loudest frame."""
    n_frames = len(features)
    if n_frames <= n_least:
        return features
    length = n_least + integer(n_frames - n_least, generator)
    loudest = int(features.mean(dim=1).argmax())
    first, last = max(0, loudest - length + 1), min(loudest, n_frames - length)
    start = first + integer(last - first, generator)
    kept = features[start : start + length]
    return _at_the_mean_of(features, kept)


def change_speed(features: Tensor, factor: float) -> Tensor:
    """Resample (T, F) along time so that it runs ``factor`` times as fast."""
    n_new = max(1, round(len(features) / factor))
    return torch.nn.functional.interpolate(
        features.T[None], size=n_new, mode="linear", align_corners=False
    )[0].T


def shift_bands(features: Tensor, shift: float) -> Tensor:
    """Move (T, F) along its bands by a fractional number; the edge band fills the gap."""
    n_bands = features.shape[1]
    position = (torch.arange(n_bands) - shift).clamp(0, n_bands - 1)
    low = position.floor().long()
    weight = position - low
    high = (low + 1).clamp(max=n_bands - 1)
    return features[:, low] * (1 - weight) + features[:, high] * weight


def add_room(features: Tensor, config: AugmentConfig, generator: torch.Generator) -> Tensor:
    """Let log-mel (T, F) die away as in a room, high bands sooner; the clip's mean is kept.

    The echoes of each band are its power, spread over later frames along a falling exponential
    (Lebart et al. 2001, A new method based on spectral subtraction for speech dereverberation).
    """
    n_frames, n_bands = features.shape
    power = _power(features, config)
    longest_s = uniform(*config.room_s, generator)
    falls_s = longest_s * torch.linspace(1, uniform(0.3, 1, generator), n_bands)
    # A frame later, so much is left of each band's echoes.
    left = 10 ** (-6 * FRAME_S / falls_s)
    n_heard = min(n_frames, 1 + round(longest_s / FRAME_S))
    ages = torch.arange(1, n_heard + 1)
    echo = (1 - left)[:, None] * left[:, None] ** (ages - 1)  # (F, ages), its sum at most 1
    before = torch.nn.functional.pad(power.T, (n_heard, 0))[:, :-1]
    late = torch.nn.functional.conv1d(before[None], echo.flip(1)[:, None], groups=n_bands)[0].T
    share = 10 ** (-uniform(*config.room_ratio_db, generator) / 10)
    return _at_the_mean_of(features, _levels(power + share * late, config))


def narrow_bands(features: Tensor, config: AugmentConfig, generator: torch.Generator) -> Tensor:
    """Let the high bands of log-mel (T, F) fall away, at times the low ones; the mean is kept.

    Where the high ones begin is drawn from the upper half of the bands: with 64 up to 8 kHz, from
    1.7 kHz on; a telephone's end at 3.4. What falls out of the range that the front end hears is
    as quiet as its quietest.
    """
    n_bands = features.shape[1]
    band = torch.arange(n_bands, dtype=features.dtype)
    high = uniform(n_bands / 2, n_bands, generator)
    loss = uniform(3, 40, generator) * (band - high).clamp(min=0)
    if uniform(0, 1, generator) < 0.5:
        low = uniform(0, n_bands / 8, generator)
        loss = loss + uniform(2, 20, generator) * (low - band).clamp(min=0)
    left = features - loss / config.unit_db
    left = left.clamp(min=float(left.max()) - config.range_db / config.unit_db)
    return _at_the_mean_of(features, left)


def colour_bands(features: Tensor, config: AugmentConfig, generator: torch.Generator) -> Tensor:
    """Raise some bands of log-mel (T, F) and lower others, all clip long; the mean is kept.

    The gains lie on straight lines between three to eight knots over the bands (Nam et al. 2022,
    FilterAugment, 10.1109/ICASSP43922.2022.9747680).
    """
    size = uniform(0, config.colour_db, generator)
    gains = _hills(features.shape[1], 3 + integer(5, generator), size, generator)
    return _at_the_mean_of(features, features + gains / config.unit_db)


def add_noise(features: Tensor, config: AugmentConfig, generator: torch.Generator) -> Tensor:
    """Mix log-mel (T, F) with drawn noise; the clip's mean is kept.

    Powers add, as they do on average where phases know nothing of each other.
    """
    noise = draw_noise(len(features), features.shape[1], generator)
    snr_db = uniform(*config.noise_snr_db, generator)
    power, of_noise = _power(features, config), 10 ** (noise / 10)
    by_frame = power.mean(dim=1)
    loud = by_frame[by_frame >= by_frame.mean()].mean()
    share = loud / of_noise.mean() * 10 ** (-snr_db / 10)
    return _at_the_mean_of(features, _levels(power + share * of_noise, config))


def draw_noise(n_frames: int, n_bands: int, generator: torch.Generator) -> Tensor:
    """Noise that could be anything: (T, F) in dB about 0, a frame every ``FRAME_S``.

    A slope and hills over the bands, a slow rise and fall, at times a beat or bursts that die
    away, and the scatter that the power of noise has.
    """
    slope = uniform(-35, 10, generator) * torch.linspace(-0.5, 0.5, n_bands)
    bands = slope + _hills(n_bands, 8, uniform(0, 8, generator), generator)
    level = _hills(n_frames, 2 + n_frames // 30, uniform(0, 6, generator), generator)
    frames = torch.arange(n_frames)
    if uniform(0, 1, generator) < 0.3:
        per_frame = uniform(2, 25, generator) * FRAME_S  # beats
        level = level + uniform(2, 8, generator) * torch.sin(2 * torch.pi * per_frame * frames)
    if uniform(0, 1, generator) < 0.3:
        starts = torch.rand(n_frames, generator=generator) < uniform(0.01, 0.2, generator)
        heights = uniform(10, 30, generator) * torch.rand(n_frames, generator=generator) * starts
        fall = uniform(1, 10, generator)  # dB a frame
        since = frames[:, None] - frames  # a burst's age in a frame
        aged = (heights - fall * since).masked_fill(since < 0, 0)
        level = level + aged.amax(dim=1).clamp(min=0)
    shape = torch.full((n_frames, n_bands), uniform(1, 4, generator))
    scatter = torch._standard_gamma(shape, generator=generator) / shape
    return bands + level[:, None] + 10 * scatter.clamp(min=1e-4).log10()


def _hills(n: int, n_knots: int, size: float, generator: torch.Generator) -> Tensor:
    """(n,) values on straight lines between knots of that deviation."""
    knots = size * torch.randn(1, 1, n_knots, generator=generator)
    lines = torch.nn.functional.interpolate(knots, size=n, mode="linear", align_corners=True)
    return lines[0, 0]


def mask_bands_and_times(
    features: Tensor, config: AugmentConfig, generator: torch.Generator
) -> Tensor:
    """Set random stripes of (T, F) to the clip's mean (SpecAugment)."""
    masked = features.clone()
    mean = features.mean()
    n_times, n_bands = features.shape
    for _ in range(config.n_band_masks):
        width = integer(config.band_mask, generator)
        start = integer(max(n_bands - width, 0), generator)
        masked[:, start : start + width] = mean
    for _ in range(config.n_time_masks):
        # Never more than a fifth of the clip: a short one must keep something to hear.
        width = min(integer(config.time_mask, generator), n_times // 5)
        start = integer(max(n_times - width, 0), generator)
        masked[start : start + width] = mean
    return masked


def mixup_pairs(n: int, alpha: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Partner indices (n,) and the share (n,) in [0.5, 1] that each clip keeps of itself."""
    partner = torch.randperm(n, generator=generator)
    # A Beta(a, a) draw is G1 / (G1 + G2) of two Gamma(a) draws; torch's own has no generator.
    gammas = torch._standard_gamma(torch.full((2, n), alpha), generator=generator)
    share = gammas[0] / gammas.sum(0).clamp(min=1e-12)
    return partner, torch.maximum(share, 1 - share)
