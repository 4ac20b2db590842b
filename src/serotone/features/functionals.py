"""One vector a clip: how its low-level descriptors are distributed and how they move."""

from __future__ import annotations

import torch
from torch import Tensor

from serotone.config import Config
from serotone.features.descriptors import Descriptors, DescriptorsConfig
from serotone.features.frame import FrameFeatures, frame_mask
from serotone.features.mfcc import delta

PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
HEIGHTS = (25, 50, 75, 90)
"""Per cent of the range, in whose upper part a share of the frames lies."""

STATISTICS = (
    *("mean", "deviation", "skewness", "kurtosis"),
    *(f"percentile{p}" for p in PERCENTILES),
    *("range25_75", "range25_50", "range50_75", "range1_99"),
    *("slope", "residual", "curvature", "centre"),
    *(f"above{p}" for p in HEIGHTS),
    *("rise", "fall", "rising", "peaks", "peak_mean", "maximum_at", "minimum_at"),
)
"""What each descriptor is summed up by, in the order of the vector."""

VOICING = ("voiced_share", "voiced_rate", "voiced_length")
"""Share of frames with voice, stretches of voice a second, their mean length in frames."""

TELLING = 1e-3
"""Part of the range that a frame must rise by to have risen: less may be rounding."""

FAR = 1e9
"""Beyond any value."""


class FunctionalsConfig(Config):
    """Settings of ``Functionals``."""

    descriptors: DescriptorsConfig = DescriptorsConfig()


class Functionals(FrameFeatures):
    """Statistics of each descriptor and of its slope, and three numbers of voicing.

    What every frame has is summed up over the whole clip, what voice has over the frames with
    voice; without any, its statistics are 0. In the manner of ComParE, with fewer functionals of
    fewer descriptors.

    Attributes:
        names: as ``f0_percentile50`` or ``level_delta_deviation``; a mean that was taken away
            before is not among them.
        hop_length: of the frames inside; the vector itself is one frame.

    Source:
        Schuller et al. 2016, 10.21437/Interspeech.2016-129; Eyben 2016,
        10.1007/978-3-319-27299-3.
    """

    is_vector = True
    kept: Tensor

    def __init__(self, config: FunctionalsConfig) -> None:
        super().__init__()
        self.descriptors = Descriptors(config.descriptors)
        self.sample_rate = self.descriptors.sample_rate
        self.hop_length = self.descriptors.hop_length
        names = [
            *(
                f"{name}{of}_{statistic}"
                for group in (config.descriptors.anywhere, config.descriptors.voiced)
                for of in ("", "_delta")
                for name in group
                for statistic in STATISTICS
            ),
            *VOICING,
        ]
        nothing = {f"{name}_mean" for name in config.descriptors.centred}
        kept = [i for i, name in enumerate(names) if name not in nothing]
        self.register_buffer("kept", torch.tensor(kept), persistent=False)
        self.names = tuple(names[i] for i in kept)
        self.n_features = len(self.names)

    def n_frames(self, lengths: Tensor) -> Tensor:
        """(B,) samples to (B,) ones."""
        return torch.ones_like(lengths)

    def forward(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        """(B, N) and (B,) to (B, 1, n_features)."""
        counts = self.descriptors.n_frames(lengths)
        frames = self.descriptors(waveforms, lengths)
        n_anywhere = self.descriptors.n_anywhere
        anywhere, of_voice = frames[..., :n_anywhere], frames[..., n_anywhere:-1]
        mask = frame_mask(counts, frames.shape[1])[..., None]
        voiced = (frames[..., -1:] > 0.5) & mask
        parts = [
            functionals(x, where)
            for group, where in ((anywhere, mask), (of_voice, voiced))
            for x in (group, delta(group, counts, order=1))
        ]
        seconds = counts[:, None] * (self.hop_length / self.sample_rate)
        everything = torch.cat([*parts, voicing(voiced, counts, seconds)], dim=1)
        return everything[:, self.kept][:, None]


def functionals(x: Tensor, mask: Tensor) -> Tensor:
    """Statistics over time of the frames that count.

    Args:
        x: (B, T, F).
        mask: (B, T, 1), true where a frame counts; the same for all of F.

    Returns:
        (B, F · len(STATISTICS)), the statistics of the first of F first; 0 where no frame counts.
        Slopes are by frame, times 100; places are shares of the clip.
    """
    m = mask.to(x.dtype)
    n_found = m.sum(dim=1, keepdim=True)
    n = n_found.clamp(min=1)  # (B, 1, 1)

    def mean(values: Tensor) -> Tensor:
        return (values * m).sum(dim=1, keepdim=True) / n

    middle = mean(x)
    away = (x - middle) * m
    variance = mean(away.square())
    deviation = (variance + 1e-8).sqrt()
    quantiles = _quantiles(x, mask, n)
    low, q25, q50, q75, high = (quantiles[i] for i in (0, 2, 3, 4, 6))
    width = (high - low).clamp(min=1e-4)
    found = [
        middle,
        deviation,
        mean(away**3) / deviation**3,
        mean(away**4) / deviation**4,
        *quantiles,
        *(q75 - q25, q50 - q25, q75 - q50, width),
        *_trend(x, away, m, n, low),
        *(mean((x > low + p / 100 * width).to(x.dtype)) for p in HEIGHTS),
        *_motion(x, mask, n, middle, TELLING * width),
    ]
    statistics = torch.cat(found, dim=1) * (n_found > 0)  # (B, statistics, F)
    return statistics.transpose(1, 2).flatten(1)


def voicing(voiced: Tensor, counts: Tensor, seconds: Tensor) -> Tensor:
    """(B, T, 1) voice, (B,) frames and (B, 1) seconds to (B, 3): ``VOICING``."""
    v = voiced[..., 0].to(seconds.dtype)
    n_voiced = v.sum(dim=1, keepdim=True)
    begins = (v[:, 1:] - v[:, :-1]).clamp(min=0).sum(dim=1, keepdim=True) + v[:, :1]
    share = n_voiced / counts[:, None]
    return torch.cat([share, begins / seconds, n_voiced / begins.clamp(min=1)], dim=1)


def _quantiles(x: Tensor, mask: Tensor, n: Tensor) -> list[Tensor]:
    """``PERCENTILES`` with linear interpolation, (B, 1, F) each."""
    ordered = x.masked_fill(~mask, FAR).sort(dim=1).values
    found = []
    for percent in PERCENTILES:
        place = percent / 100 * (n - 1)
        below = place.floor()
        lower, upper = (
            ordered.gather(1, i.long().expand(-1, 1, x.shape[2]))
            for i in (below, torch.minimum(below + 1, n - 1))
        )
        found.append(lower + (place - below) * (upper - lower))
    return found


def _trend(x: Tensor, away: Tensor, m: Tensor, n: Tensor, low: Tensor) -> list[Tensor]:
    """Of a line through time its slope and what it leaves over; curvature; centre of gravity."""
    t = torch.arange(x.shape[1], device=x.device, dtype=x.dtype)[None, :, None]
    t = (t - (t * m).sum(dim=1, keepdim=True) / n) * m
    spread = t.square().sum(dim=1, keepdim=True)
    slope = (t * away).sum(dim=1, keepdim=True) / spread.clamp(min=1)
    left = (away - slope * t) * m
    residual = (left.square().sum(dim=1, keepdim=True) / n).sqrt()
    bow = (t.square() - spread / n) * m
    curvature = (bow * left).sum(dim=1, keepdim=True) / bow.square().sum(dim=1, keepdim=True).clamp(
        min=1
    )
    weight = (x - low).clamp(min=0) * m
    centre = (t * weight).sum(dim=1, keepdim=True) / weight.sum(dim=1, keepdim=True).clamp(min=1e-4)
    return [100 * slope, residual, 1e4 * curvature, centre / n]


def _motion(x: Tensor, mask: Tensor, n: Tensor, middle: Tensor, least: Tensor) -> list[Tensor]:
    """Mean rise and fall a frame, share of rises; peaks a frame and their height; extremes."""
    both = (mask[:, 1:] & mask[:, :-1]).to(x.dtype)
    n_both = both.sum(dim=1, keepdim=True).clamp(min=1)
    steps = (x[:, 1:] - x[:, :-1]) * both
    up, down = steps.clamp(min=0), (-steps).clamp(min=0)
    moves = [
        part.sum(dim=1, keepdim=True) / n_both for part in (up, down, (steps > least).to(x.dtype))
    ]
    here = x[:, 1:-1]
    peak = ((here - x[:, :-2] > least) & (here - x[:, 2:] > -least) & mask[:, 2:]).to(x.dtype)
    n_peaks = peak.sum(dim=1, keepdim=True)
    height = (here * peak).sum(dim=1, keepdim=True) / n_peaks.clamp(min=1) - middle
    places = [
        y.masked_fill(~mask, -FAR).argmax(dim=1, keepdim=True).to(x.dtype) / n for y in (x, -x)
    ]
    return [*moves, n_peaks / n, height, *places]
