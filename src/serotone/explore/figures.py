"""Pictures of clips and of a corpus's measures, as SVG bytes; see ``figures`` for the style."""

from __future__ import annotations

import hashlib
import io
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from serotone.errors import MissingExtraError
from serotone.explore.pitch import F_MAX_HZ, pitch
from serotone.html.figures import ACCENT, INK, SECOND, STYLE
from serotone.types import Audio

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HOP = 256
TOP_DB = 70.0
QUIET_DB = 40.0
TITLE_IN, GAP_IN, TIMES_IN = 0.2, 0.28, 0.45
N_COLOURS = 48
"""Shades of a picture; few enough that it packs small, more than the eye tells apart."""

PITCH_CLASSES: Mapping[str, int] = {"C": 0, "D♯": 3, "F♯": 6, "A": 9}


@dataclass(frozen=True, slots=True)
class Analysis:
    """Features of one clip, over T frames of 16 ms.

    Attributes:
        audio: the sound.
        spectrogram: (T, 257), power in dB.
        log_mel: (T, 64), in dB.
        mfcc: (T, 20).
        chroma: (T, 12).
    """

    audio: Audio
    spectrogram: NDArray[np.float32]
    log_mel: NDArray[np.float32]
    mfcc: NDArray[np.float32]
    chroma: NDArray[np.float32]


def analyse(audio: Audio) -> Analysis:
    """Features by the layers that serotone's models are made of.

    Raises:
        MissingExtraError: without torch.
    """
    try:
        import torch
    except ImportError:
        raise MissingExtraError("spectrograms", "train", "torch") from None
    from serotone.features.chroma import Chroma, ChromaConfig
    from serotone.features.frame import PowerSpectrum
    from serotone.features.logmel import LogMel, LogMelConfig, power_to_db
    from serotone.features.mfcc import Mfcc, MfccConfig

    rate = audio.sample_rate
    shared: dict[str, Any] = {"sample_rate": rate, "hop_length": HOP}
    mel = {**shared, "n_fft": 512, "n_mels": 64, "f_max": rate / 2}
    waveforms = torch.as_tensor(audio.signal)[None]
    lengths = torch.tensor([len(audio.signal)])
    with torch.inference_mode():
        power = PowerSpectrum(n_fft=512, hop_length=HOP)(waveforms)
        log_mel = LogMel(LogMelConfig(**mel))(waveforms, lengths)
        mfcc = Mfcc(MfccConfig(**mel))(waveforms, lengths)
        chroma = Chroma(ChromaConfig(**shared, n_fft=2048))(waveforms, lengths)
        pictures = [part[0].numpy() for part in (power_to_db(power), log_mel, mfcc, chroma)]
    return Analysis(audio, *pictures)


def sound_picture(analysis: Analysis, *, name: str) -> bytes:
    """Waveform, spectrogram, mel spectrogram and pitch of a clip, one below the other.

    Args:
        analysis: of the clip.
        name: of the clip, different from all others on the page.

    Raises:
        MissingExtraError: without matplotlib, as every function here.
    """
    figure, (wave, spectrum, mel, voice) = _figure(
        (0.65, GAP_IN), (1.2, GAP_IN), (1.0, GAP_IN), (0.7, TIMES_IN)
    )
    audio = analysis.audio
    _draw_wave(wave, audio)
    top = float(analysis.spectrogram.max())
    _draw_map(spectrum, analysis.spectrogram, low=top - TOP_DB, high=top)
    _label(spectrum, "spectrogram, kHz", [n * 257 / 8 - 0.5 for n in (0, 2, 4, 6, 8)], "02468")
    _draw_mel(mel, analysis.log_mel, audio.sample_rate)
    times_s, hz = pitch(audio)
    voice.plot(times_s, hz, ".", color=SECOND, markersize=3)
    voice.set(yscale="log", ylim=(60, F_MAX_HZ), xlabel="seconds", xlim=(0, audio.duration_s))
    voice.set_yticks([75, 150, 300, 600], ["75", "150", "300", "600"], minor=False)
    voice.minorticks_off()
    voice.grid(axis="y")
    voice.set_title("pitch, Hz", fontsize=9, loc="left", pad=3)
    for axes in (spectrum, mel):
        _no_times(axes, audio)
    return _svg(figure, name)


def feature_picture(analysis: Analysis, *, name: str) -> bytes:
    """MFCC, chroma and the Fourier spectrum of a clip; arguments as in ``sound_picture``."""
    figure, (cepstrum, tones, fourier) = _figure(
        (1.0, GAP_IN), (1.0, TIMES_IN + TITLE_IN), (1.25, TIMES_IN)
    )
    # Number 0 is the level, far larger than all others: they would look flat. So would most
    # frames beside the few strongest.
    mfcc = analysis.mfcc[:, 1:]
    reach = float(np.percentile(np.abs(mfcc), 97)) or 1.0
    _draw_map(cepstrum, mfcc, low=-reach, high=reach, colours="RdBu_r")
    _label(cepstrum, "MFCC, number 1 to 19", (0, 9, 18), ("1", "10", "19"))
    # Every frame's strongest class is 1, even in silence, where that means nothing.
    level_db = analysis.log_mel.max(axis=1, keepdims=True)
    chroma = np.where(level_db > level_db.max() - QUIET_DB, analysis.chroma, 0)
    _draw_map(tones, chroma, low=0, high=1)
    _label(tones, "chroma, pitch class", list(PITCH_CLASSES.values()), list(PITCH_CLASSES))
    _no_times(cepstrum, analysis.audio)
    tones.set(xlabel="seconds", xlim=(0, analysis.audio.duration_s))
    power = 10 ** (analysis.spectrogram.astype(np.float64) / 10)
    db = 10 * np.log10(np.maximum(power.mean(axis=0), 1e-10))
    khz = np.linspace(0, analysis.audio.sample_rate / 2000, len(db))
    fourier.fill_between(khz, db - db.max(), -TOP_DB, color=ACCENT, alpha=0.3, linewidth=0)
    fourier.plot(khz, db - db.max(), color=ACCENT, linewidth=1)
    fourier.set(xlim=(0, khz[-1]), ylim=(-TOP_DB, 3), xlabel="kHz")
    fourier.grid()
    fourier.set_title("Fourier spectrum, mean of the clip, dB", fontsize=9, loc="left", pad=3)
    return _svg(figure, name)


def mel_picture(
    log_mel: NDArray[np.float32], *, sample_rate: int, high_db: float, longest_s: float, name: str
) -> bytes:
    """A mel spectrogram on scales that altered copies of a clip can share.

    Args:
        log_mel: of shape (T, F), in dB.
        sample_rate: of its sound, in Hz.
        high_db: of the brightest colour; 70 dB less is the darkest.
        longest_s: where the time axis ends.
        name: different from all others on the page.
    """
    figure, (mel,) = _figure((1.0, TIMES_IN), width=3.4, left=0.4)
    _draw_mel(mel, log_mel, sample_rate, high_db=high_db)
    mel.set(xlabel="seconds", xlim=(0, longest_s))
    return _svg(figure, name)


def spread(values: Mapping[str, Sequence[float]], *, x_label: str, name: str) -> bytes:
    """How a measure is spread, in all (above) and by label (below).

    A box holds the middle half, its line is the median, whiskers reach from 5 to 95 %, dots are
    the smallest and the largest.
    """
    n = len(values)
    figure, (above, below) = _figure((0.6, 0.12), (0.27 * n, TIMES_IN), width=3.4, left=0.95)
    everything = np.concatenate([np.asarray(part) for part in values.values()])
    above.hist(everything, bins=min(40, 8 + len(everything) // 20), color=ACCENT, alpha=0.8)
    above.set_title("clips", fontsize=9, loc="left", pad=3)
    above.tick_params(labelbottom=False)
    for row, part in enumerate(values.values()):
        low, start, middle, end, high = np.percentile(part, [5, 25, 50, 75, 95])
        below.plot([low, high], [row, row], color=ACCENT, linewidth=1.2)
        below.barh(row, end - start, 0.6, left=start, color=ACCENT, alpha=0.45)
        below.plot([middle, middle], [row - 0.3, row + 0.3], color=INK, linewidth=1.8)
        below.plot([min(part), max(part)], [row, row], ".", color=ACCENT, markersize=3)
    below.set(ylim=(n - 0.4, -0.6), xlabel=x_label)
    below.set_yticks(range(n), [_short(label) for label in values])
    below.tick_params(axis="y", length=0)
    below.grid(axis="x")
    above.sharex(below)
    return _svg(figure, name)


def _draw_wave(axes: Axes, audio: Audio) -> None:
    """Between the lowest and the highest sample of each column: small, whatever the length."""
    n_columns = 300
    edges = np.linspace(0, len(audio.signal), n_columns + 1).astype(int)
    parts = [audio.signal[a:b] for a, b in itertools.pairwise(edges) if b > a]
    low, high = [float(p.min()) for p in parts], [float(p.max()) for p in parts]
    times_s = np.linspace(0, audio.duration_s, len(parts))
    axes.fill_between(times_s, low, high, color=ACCENT, linewidth=0.4)
    reach = max(0.01, 1.05 * float(np.abs(audio.signal).max()))
    axes.set_ylim(-reach, reach)
    _no_times(axes, audio)
    axes.set_title("waveform, 1 is full scale", fontsize=9, loc="left", pad=3)


def _draw_mel(
    axes: Axes, log_mel: NDArray[np.float32], sample_rate: int, *, high_db: float | None = None
) -> None:
    from torch import tensor

    from serotone.features.logmel import hz_to_mel

    high = float(log_mel.max()) if high_db is None else high_db
    _draw_map(axes, log_mel, low=high - TOP_DB, high=high)
    khz = (0.5, 1, 2, 4)
    mels = hz_to_mel(tensor([1000 * k for k in khz] + [sample_rate / 2]))
    # Band b is centred on the edge b + 1 of n_mels + 2.
    rows = (mels[:-1] / mels[-1] * (log_mel.shape[1] + 1) - 1).tolist()
    _label(axes, "mel spectrogram, kHz", rows, [f"{k:g}" for k in khz])


def _draw_map(
    axes: Axes, frames: NDArray[np.float32], *, low: float, high: float, colours: str = "magma"
) -> None:
    from matplotlib import colormaps

    # Frame t is centred on t·HOP.
    half = HOP / 16_000 / 2
    end_s = (len(frames) - 1) * 2 * half + half
    axes.imshow(
        frames.T, origin="lower", aspect="auto", interpolation="none", vmin=low, vmax=high,
        cmap=colormaps[colours].resampled(N_COLOURS),
        extent=(-half, end_s, -0.5, frames.shape[1] - 0.5),
    )  # fmt: skip


def _label(axes: Axes, title: str, rows: Sequence[float], names: Sequence[str]) -> None:
    axes.set_yticks(rows, list(names))
    axes.set_title(title, fontsize=9, loc="left", pad=3)


def _no_times(axes: Axes, audio: Audio) -> None:
    """The clip's time axis, its numbers left to the panel below."""
    axes.set_xlim(0, audio.duration_s)
    axes.tick_params(labelbottom=False)


def _short(label: str) -> str:
    return label if len(label) <= 14 else f"{label[:13]}…"


def _figure(
    *panels: tuple[float, float], width: float = 4.3, left: float = 0.55
) -> tuple[Figure, list[Axes]]:
    """Panels below each other, each of a height and with room below it, all in inches.

    Laid out by hand: a solver's result differs in the last digits from run to run, and so would
    the names of parts that are made from it.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("drawing pictures", "train", "matplotlib") from None
    height = TITLE_IN + sum(size + below for size, below in panels)
    with rc_context(STYLE):
        figure = Figure(figsize=(width, height))
        all_axes, top = [], height - TITLE_IN
        for size, below in panels:
            place = (left / width, (top - size) / height, 1 - (left + 0.12) / width, size / height)
            all_axes.append(figure.add_axes(place))
            top -= size + below
    return figure, all_axes


def _svg(figure: Figure, name: str) -> bytes:
    from matplotlib import rc_context

    # A salt of its own: two pictures on a page must not share the names of their parts.
    salt = hashlib.sha256(name.encode()).hexdigest()[:12]
    stream = io.BytesIO()
    with rc_context({**STYLE, "svg.hashsalt": salt}):
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    # Names like "patch_2" are the same in all pictures, and nothing refers to them.
    return re.sub(rb' id="[A-Za-z0-9.]+_\d+"', b"", stream.getvalue())
