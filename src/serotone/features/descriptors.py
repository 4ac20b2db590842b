"""What paralinguists measure in each frame: spectrum, level and voice."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from serotone.config import Config
from serotone.features.frame import FrameFeatures, PowerSpectrum, frame_mask
from serotone.features.logmel import mel_filterbank, power_to_db
from serotone.features.mfcc import dct_matrix
from serotone.features.pitch import Pitch, PitchConfig
from serotone.features.scale import masked_max
from serotone.features.waveform import ZeroCrossings, ZeroCrossingsConfig

ROLLOFFS = (0.25, 0.5, 0.75, 0.9)
SMALLEST = 1e-10
"""Power below which a frame is silence, as in ``power_to_db``."""


class DescriptorsConfig(Config):
    """Settings of ``Descriptors``. Frequencies in Hz, lengths in samples.

    Attributes:
        n_fft, win_length: of the spectrum; pitch has longer frames of its own.
        n_mfcc: coefficients from the first on; the zeroth is the level.
        n_mels: bands that they are made of.
        n_bands: wider bands that are kept themselves.
        top_db: range of bands kept below the loudest one of the clip.
        level_db: range of levels kept below the loudest frame of the clip.
        voiced_strength: of a period in a frame with voice, at least.
        voiced_db: how far below the loudest frame one with voice lies, at most.
    """

    pitch: PitchConfig = PitchConfig()
    n_fft: int = 512
    win_length: int = 400
    n_mfcc: int = 16
    n_mels: int = 40
    n_bands: int = 26
    f_min: float = 20.0
    f_max: float = 8_000.0
    top_db: float = 80.0
    level_db: float = 60.0
    voiced_strength: float = 0.45
    voiced_db: float = 35.0

    @property
    def centred(self) -> tuple[str, ...]:
        """Names of those whose mean over the clip is taken away."""
        return (*(f"band{i + 1}" for i in range(self.n_bands)), "level")

    @property
    def anywhere(self) -> tuple[str, ...]:
        """Names of what every frame has."""
        return (
            *(f"mfcc{i + 1}" for i in range(self.n_mfcc)),
            *self.centred,
            *("centroid", "spread", "skewness", "kurtosis", "entropy"),
            *(f"rolloff{round(100 * share)}" for share in ROLLOFFS),
            *("alpha_ratio", "hammarberg", "share250_650", "share1000_4000", "share4000_8000"),
            *("slope0_500", "slope500_1500", "flux", "zcr", "period_strength"),
        )

    @property
    def voiced(self) -> tuple[str, ...]:
        """Names of what only a frame with voice has."""
        return (
            *("f0", "hnr", "f0_change", "level_change", "voiced_centroid"),
            *("voiced_slope0_500", "voiced_slope500_1500", "voiced_alpha_ratio"),
            "voiced_hammarberg",
        )


class Descriptors(FrameFeatures):
    """Low-level descriptors: those of every frame, then those of voice, then whether there is one.

    MFCC; decibels of bands less their mean over the clip; level in dB less its mean; centroid and
    spread in kHz, skewness and kurtosis of the magnitudes over frequency; entropy of the power;
    roll-offs in kHz; ratios and slopes of parts of the spectrum in dB and dB/kHz as in eGeMAPS;
    flux of the spectrum scaled to length 1; zero crossings; strength of the period. Of voice: F0 in
    octaves above 100 Hz, harmonics to noise in dB, both changes from the frame before without their
    sign, and some of the above. None depends on the level of the recording.

    Source:
        Eyben et al. 2016, 10.1109/TAFFC.2015.2457417 (eGeMAPS); Schuller et al. 2016,
        10.21437/Interspeech.2016-129 (ComParE).
    """

    mel: Tensor
    bands: Tensor
    dct: Tensor
    khz: Tensor

    def __init__(self, config: DescriptorsConfig) -> None:
        super().__init__()
        self.config = config
        rate = self.sample_rate = config.pitch.sample_rate
        self.hop_length = config.pitch.hop_length
        self.n_anywhere = len(config.anywhere)
        self.names = (*config.anywhere, *config.voiced, "is_voiced")
        self.n_features = len(self.names)
        self.pitch = Pitch(config.pitch)
        self.spectrum = PowerSpectrum(
            n_fft=config.n_fft, hop_length=self.hop_length, win_length=config.win_length
        )
        self.zero_crossings = ZeroCrossings(
            ZeroCrossingsConfig(
                sample_rate=rate, frame_length=config.win_length, hop_length=self.hop_length
            )
        )

        def filters(n_mels: int) -> Tensor:
            return mel_filterbank(
                sample_rate=rate,
                n_fft=config.n_fft,
                n_mels=n_mels,
                f_min=config.f_min,
                f_max=config.f_max,
            )

        constants = {
            "mel": filters(config.n_mels),
            "bands": filters(config.n_bands),
            "dct": dct_matrix(config.n_mels, config.n_mfcc + 1)[:, 1:],
            "khz": torch.arange(config.n_fft // 2 + 1) * (rate / config.n_fft / 1000),
        }
        for name, value in constants.items():
            self.register_buffer(name, value.float(), persistent=False)

    def forward(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        """(B, N) and (B,) to (B, T, n_features)."""
        counts = self.n_frames(lengths)
        power = self.spectrum(waveforms)
        n_total = power.shape[1]
        mask = frame_mask(counts, n_total)[..., None]
        pitch = self.pitch(waveforms, lengths)
        hz, strength = pitch[..., :1], pitch[..., 1:]
        level = _below_peak(
            power_to_db(power.sum(dim=-1, keepdim=True)), mask, self.config.level_db
        )
        voiced = (strength > self.config.voiced_strength) & (
            level > masked_max(level, mask) - self.config.voiced_db
        )
        level = level - _mean(level, mask)
        shape = self._shape(power)
        ratios = self._ratios(power)
        crossings = self.zero_crossings(waveforms, lengths)
        anywhere = [
            *self._bands(power, mask), level, *shape, *ratios, _flux(power), crossings, strength,
        ]  # fmt: skip
        octaves = torch.log2(hz / 100)
        hnr = 10 * torch.log10(strength.clamp(min=1e-3) / (1 - strength).clamp(min=1e-3))
        alpha, hammarberg, _, _, _, slope_low, slope_high = ratios
        of_voice = [
            # A leap of more than a quarter of an octave is an error of the octave, not a voice.
            octaves, hnr, _change(octaves).clamp(max=0.25), _change(level),
            shape[0], slope_low, slope_high, alpha, hammarberg,
        ]  # fmt: skip
        return torch.cat([*anywhere, *of_voice, voiced.to(power.dtype)], dim=-1)

    def _bands(self, power: Tensor, mask: Tensor) -> list[Tensor]:
        """MFCC, and bands less their means."""
        top_db = self.config.top_db
        fine = _below_peak(power_to_db(power @ self.mel), mask, top_db)
        bands = _below_peak(power_to_db(power @ self.bands), mask, top_db)
        return [fine @ self.dct, bands - _mean(bands, mask)]

    def _shape(self, power: Tensor) -> list[Tensor]:
        """Centroid, spread, skewness, kurtosis; entropy; roll-offs."""
        magnitude = power.sqrt()
        share = magnitude / magnitude.sum(dim=-1, keepdim=True).clamp(min=1e-6)

        def expected(values: Tensor) -> Tensor:
            return (share * values).sum(dim=-1, keepdim=True)

        centroid = expected(self.khz)
        away = self.khz - centroid
        variance = expected(away.square()).clamp(min=1e-4)
        spread = variance.sqrt()
        skewness, kurtosis = expected(away**3) / spread**3, expected(away**4) / variance.square()
        of_power = power / power.sum(dim=-1, keepdim=True).clamp(min=SMALLEST)
        entropy = -(of_power * (of_power + SMALLEST).log()).sum(dim=-1, keepdim=True)
        sums = of_power.cumsum(dim=-1)
        below = [(sums < part).sum(dim=-1, keepdim=True).to(power.dtype) for part in ROLLOFFS]
        rolloffs = [n * self.khz[1] for n in below]
        return [centroid, spread, skewness, kurtosis, entropy, *rolloffs]

    def _ratios(self, power: Tensor) -> list[Tensor]:
        """Alpha ratio, Hammarberg index, three shares, two slopes."""
        total = power_to_db(power.sum(dim=-1, keepdim=True))

        def part(low: float, high: float) -> Tensor:
            return power[..., self._bins(low, high)]

        def energy(low: float, high: float) -> Tensor:
            return power_to_db(part(low, high).sum(dim=-1, keepdim=True))

        def peak(low: float, high: float) -> Tensor:
            return power_to_db(part(low, high).amax(dim=-1, keepdim=True))

        def slope(low: float, high: float) -> Tensor:
            khz = self.khz[self._bins(low, high)]
            khz = khz - khz.mean()
            db = power_to_db(part(low, high))
            return (db * khz).sum(dim=-1, keepdim=True) / khz.square().sum()

        return [
            energy(0.05, 1) - energy(1, 5),
            peak(0, 2) - peak(2, 5),
            *(energy(*of) - total for of in ((0.25, 0.65), (1, 4), (4, 8))),
            slope(0, 0.5),
            slope(0.5, 1.5),
        ]

    def _bins(self, low_khz: float, high_khz: float) -> slice:
        """Those from ``low_khz`` on, below ``high_khz``."""
        width_khz = self.sample_rate / self.config.n_fft / 1000
        return slice(math.ceil(low_khz / width_khz), math.ceil(high_khz / width_khz))


def _below_peak(db: Tensor, mask: Tensor, top_db: float) -> Tensor:
    return torch.maximum(db, masked_max(db, mask) - top_db)


def _mean(x: Tensor, mask: Tensor) -> Tensor:
    """Over each clip's own frames, (B, 1, F)."""
    return (x * mask).sum(dim=1, keepdim=True) / mask.sum(dim=1, keepdim=True)


def _change(x: Tensor) -> Tensor:
    """From the frame before, without its sign; 0 in the first."""
    return torch.nn.functional.pad((x[:, 1:] - x[:, :-1]).abs(), (0, 0, 1, 0))


def _flux(power: Tensor) -> Tensor:
    """How far the spectrum has moved since the frame before, each scaled to length 1."""
    magnitude = power.sqrt()
    length = power.sum(dim=-1, keepdim=True).sqrt()
    unit = magnitude / length.clamp(min=1e-6)
    moved = (unit[:, 1:] - unit[:, :-1]).square().sum(dim=-1, keepdim=True).sqrt()
    return torch.nn.functional.pad(moved, (0, 0, 1, 0))
