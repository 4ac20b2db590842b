"""Altered copies of a clip's sound, the same for the same seed and clip."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from serotone.audio.find import SUFFIXES
from serotone.config import Config, Range
from serotone.effects.codec import CODECS, round_trip
from serotone.effects.degrade import telephone
from serotone.effects.noise_partition import HeldOut, noise_split, room_split
from serotone.errors import ConfigError, MissingExtraError
from serotone.types import Audio

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Signal = NDArray[np.float32]

FIXED_COPIES = ("noise", "pitch", "pitch+noise")
"""The altered rows of the four-copy protocol; on the split ``claimed`` they end an id."""

PEAK_NOISE = 0.035
"""Largest deviation of its noise, as a share of the clip's largest sample."""

SEMITONES_UP = 0.7
"""What its pitch is raised by."""


class WaveformConfig(Config):
    """Altered copies of each training clip, made once when it is read.

    A copy undergoes each alteration that is set with the same ``chance``, in the order below.
    Zero, nothing or an empty folder switches one off.

    Attributes:
        copies: of each clip.
        fixed: further copies, as the four-copy protocol makes them.
        draw: hear one of a clip and its copies each epoch; else all of them are rows.
        chance: of each alteration.
        pitch_semitones: largest change of pitch, drawn evenly from ± that.
        stretch: largest relative change of tempo, drawn evenly from ± that.
        shift_s: largest move in time, drawn evenly from ± that; zeros fill the gap.
        rooms: folder of impulse responses; variables as ``$SEROTONE_NOISE`` are filled in.
        noise_files: folder of recorded noise, likewise, mixed in at ``snr_db``.
        held_out: leave out the kinds of noise and the rooms that robustness is measured with (see
            ``serotone.effects.noise_partition``).
        white_noise: mix in Gaussian noise at ``snr_db``.
        snr_db: signal-to-noise ratio, drawn evenly in between.
        gaussian_noise: standard deviation of noise of fixed strength, full scale being 1.
        peak_noise: noise whose deviation is drawn evenly from 0 to this share of the clip's
            largest sample.
        gain_db: largest change of level, drawn evenly from ± that.
        telephone: the band, rate and coding of a telephone line (``serotone.effects.degrade``).
        codecs: round trip through one of these, drawn evenly.
    """

    copies: int = Field(default=0, ge=0)
    fixed: tuple[Literal["noise", "pitch", "pitch+noise"], ...] = ()
    draw: bool = True
    chance: float = Field(default=0.5, gt=0, le=1)
    pitch_semitones: float = Field(default=0.0, ge=0, le=24)
    stretch: float = Field(default=0.0, ge=0, lt=0.9)
    shift_s: float = Field(default=0.0, ge=0)
    rooms: str = ""
    noise_files: str = ""
    held_out: bool = False
    white_noise: bool = False
    snr_db: Range = (5.0, 20.0)
    gaussian_noise: float = Field(default=0.0, ge=0)
    peak_noise: float = Field(default=0.0, ge=0)
    gain_db: float = Field(default=0.0, ge=0)
    telephone: bool = False
    codecs: tuple[Literal["mp3", "opus", "vorbis"], ...] = ()


class Alterations:
    """Makes the copies of clips.

    Args:
        config: which.
        seed: with a clip's id, decides all that is drawn.

    Raises:
        ConfigError: when a folder is missing or has no sound in it.
        MissingExtraError: when audiomentations is not installed.
    """

    def __init__(self, config: WaveformConfig, *, seed: int) -> None:
        self.config = config
        self.seed = seed
        self._steps = _steps(config) if config.copies else []

    @property
    def n_copies(self) -> int:
        """Of each clip."""
        return len(self.config.fixed) + self.config.copies

    def copies(self, audio: Audio, clip: str) -> list[Audio]:
        """The altered copies of a clip; none of them is longer than its stretched sound.

        Args:
            audio: the sound.
            clip: id of the utterance.
        """
        made = [fixed_copy(audio, kind, clip) for kind in self.config.fixed]
        for number in range(self.config.copies):
            with _seeded(f"{self.seed}\n{clip}\n{number}"):
                made.append(self._altered(audio))
        return made

    def _altered(self, audio: Audio) -> Audio:
        signal = audio.signal
        for step in self._steps:
            if random.random() < self.config.chance:
                signal = step(signal, audio.sample_rate)
        return _audible(audio, signal)


def fixed_copy(audio: Audio, kind: str, clip: str) -> Audio:
    """A copy as R1's protocol stores it: noise, pitch +0.7 semitones, or both.

    Args:
        audio: the sound.
        kind: of ``FIXED_COPIES``.
        clip: id of the utterance, which decides the noise.

    Raises:
        MissingExtraError: when audiomentations is not installed.
    """
    with _seeded(f"{clip}\n{kind}"):
        signal = audio.signal
        if "pitch" in kind:
            shift = _audiomentations().PitchShift(SEMITONES_UP, SEMITONES_UP, p=1)
            signal = _step(shift)(signal, audio.sample_rate)
        if "noise" in kind:
            signal = _peak_noise(signal, PEAK_NOISE)
    return _audible(audio, signal)


def copy_of(utterance_id: str, path: Path) -> tuple[str, str]:
    """The clip that a row of the split ``claimed`` is a copy of, and which: ``""`` is the clip.

    Example:
        >>> copy_of("ravdess/03#pitch+noise", Path("03.wav")), copy_of("a/b#noise", Path("b#noise"))
        (('ravdess/03', 'pitch+noise'), ('a/b#noise', ''))
    """
    clip, _, kind = utterance_id.rpartition("#")
    # The file itself may be called so.
    if kind not in (*FIXED_COPIES, "clean") or path.stem.endswith(f"#{kind}"):
        return utterance_id, ""
    return clip, "" if kind == "clean" else kind


def as_row(audio: Audio, *, utterance_id: str, path: Path) -> Audio:
    """The sound of a row: the clip's own, or the copy that its id names."""
    clip, kind = copy_of(utterance_id, path)
    return fixed_copy(audio, kind, clip) if kind else audio


Step = Callable[["Signal", int], "Signal"]


def _steps(config: WaveformConfig) -> list[Step]:
    effects = _audiomentations()
    low, high = config.snr_db
    made: list[Step] = []
    if size := config.pitch_semitones:
        made.append(_step(effects.PitchShift(-size, size, p=1)))
    if size := config.stretch:
        stretch = effects.TimeStretch(1 - size, 1 + size, leave_length_unchanged=False, p=1)
        made.append(_step(stretch))
    if size := config.shift_s:
        shift = effects.Shift(-size, size, shift_unit="seconds", rollover=False, p=1)
        made.append(_step(shift))
    if config.rooms:
        rooms = _recordings("rooms", config.rooms, room_split if config.held_out else None)
        made.append(_step(effects.ApplyImpulseResponse(rooms, p=1)))
    if config.noise_files:
        split = noise_split if config.held_out else None
        noise = _recordings("noise_files", config.noise_files, split)
        made.append(_step(effects.AddBackgroundNoise(noise, low, high, p=1)))
    if config.white_noise:
        made.append(_step(effects.AddGaussianSNR(low, high, p=1)))
    if size := config.gaussian_noise:
        made.append(_step(effects.AddGaussianNoise(size, size, p=1)))
    if config.peak_noise:
        made.append(lambda signal, _: _peak_noise(signal, config.peak_noise))
    if size := config.gain_db:
        made.append(_step(effects.Gain(-size, size, p=1)))
    if config.telephone:
        made.append(lambda signal, rate: telephone(Audio(signal, rate)).signal)
    if config.codecs:
        made.append(lambda signal, rate: _codec(signal, rate, config.codecs))
    return made


def _step(effect: Any) -> Step:
    def apply(signal: Signal, sample_rate: int) -> Signal:
        with warnings.catch_warnings():
            # Noise and rooms of another rate are resampled, which it warns of each time.
            warnings.simplefilter("ignore")
            altered: Signal = effect(signal, sample_rate)
        return altered

    return apply


def _peak_noise(signal: Signal, share: float) -> Signal:
    spread = share * np.random.uniform() * float(np.abs(signal).max())
    return (signal + spread * np.random.normal(size=len(signal))).astype(np.float32)


def _codec(signal: Signal, sample_rate: int, names: tuple[str, ...]) -> Signal:
    return round_trip(signal, sample_rate, codec=CODECS[random.choice(names)])


def _audible(audio: Audio, signal: Signal) -> Audio:
    return replace(audio, signal=np.clip(np.nan_to_num(signal), -1, 1).astype(np.float32))


def _recordings(
    key: str, name: str, split: Callable[[Iterable[Path]], HeldOut] | None
) -> list[str]:
    folder = Path(os.path.expandvars(name)).expanduser()
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    chosen = files if split is None else split(files).train
    if not chosen:
        kinds = "" if split is None else " of a kind that is not held out for testing"
        raise ConfigError(
            f"[waveform] '{key}': got '{name}', expected a folder of recordings{kinds}. "
            f"Give one: --set waveform.{key}=FOLDER."
        )
    return [str(path) for path in chosen]


@contextlib.contextmanager
def _seeded(text: str) -> Iterator[None]:
    """Python's and numpy's global draws decided by a text: audiomentations takes them there."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])
    before = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])


def _audiomentations() -> Any:
    try:
        import audiomentations
    except ModuleNotFoundError:
        raise MissingExtraError("Waveform augmentation", "train", "audiomentations") from None
    return audiomentations
