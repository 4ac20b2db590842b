"""Feature extraction beside librosa: the same clips, one run, one thread, as a ratio.

Every set is timed on its own, so that each layer pays for its own spectrum, as librosa does; then
all sets together, where spectra are shared. Rounds alternate between the two, so that whatever
else the machine does falls on both.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy and torch read it

import librosa
import numpy as np
import soundfile
import soxr
import torch
from numpy.typing import NDArray

from serotone.features import NAMES
from serotone.features.extract import Extractor
from serotone.features.frame import FrameFeatures

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "features.json"
ROUNDS = 11
OURS = ("pitch", "functionals")
"""Sets that librosa does not have."""

Signal = NDArray[np.float32]
Clips = dict[int, list[Signal]]


def load() -> Clips:
    """The sample clips at the two rates that the sets want."""
    clips: Clips = {}
    for rate in (16_000, 22_050):
        clips[rate] = []
        for path in sorted((ROOT / "samples").glob("*.wav")):
            signal, own = soundfile.read(path, dtype="float32")
            clips[rate].append(np.asarray(soxr.resample(signal, own, rate), dtype=np.float32))
    return clips


def by_librosa(name: str, y: Signal) -> object:
    """A set as its users write it."""
    of = librosa.feature
    match name:
        case "mel64":
            shape = {"n_fft": 2048, "hop_length": 512, "n_mels": 64, "fmax": 8_000}
            return librosa.power_to_db(of.melspectrogram(y=y, sr=16_000, **shape))
        case "mel128":
            return librosa.power_to_db(of.melspectrogram(y=y, sr=22_050))
        case "mfcc13dd":
            shape = {"n_fft": 512, "win_length": 441, "hop_length": 220}
            mfcc = of.mfcc(y=y, sr=22_050, n_mfcc=13, **shape)
            return np.vstack([mfcc, of.delta(mfcc), of.delta(mfcc, order=2)])
        case "mfcc20" | "mfcc40":
            return of.mfcc(y=y, sr=22_050, n_mfcc=int(name[-2:]))
        case "chroma12":
            return of.chroma_stft(y=y, sr=22_050, tuning=0.0)
        case "centroid":
            return of.spectral_centroid(y=y, sr=22_050)
        case "rolloff":
            return of.spectral_rolloff(y=y, sr=22_050)
        case "zcr":
            return of.zero_crossing_rate(y)
        case "rms":
            return of.rms(y=y)
        case "stack2376":
            part = y[round(0.6 * 22_050) :][: round(2.5 * 22_050)]
            mfcc = of.mfcc(y=part, sr=22_050)
            return np.hstack([of.zero_crossing_rate(part)[0], of.rms(y=part)[0], mfcc.T.ravel()])
        case _:
            raise ValueError(name)


def by_librosa_all(name: str, signals: list[Signal]) -> None:
    """A set of all signals, one at a time."""
    for signal in signals:
        by_librosa(name, signal)


def by_serotone(layer: FrameFeatures, signals: list[Signal]) -> None:
    """One clip at a time, as librosa works."""
    for signal in signals:
        layer(torch.from_numpy(signal)[None], torch.tensor([len(signal)]))


def cpu_s(work: Callable[[], object]) -> float:
    """Seconds of this process alone; other processes on the machine do not count."""
    began = time.process_time()
    work()
    return time.process_time() - began


def compare(ours: Callable[[], object], theirs: Callable[[], object]) -> dict[str, float]:
    """Median seconds of both and how many times faster ours is."""
    ours(), theirs()  # first calls compile and fill caches
    pairs = [(cpu_s(ours), cpu_s(theirs)) for _ in range(ROUNDS)]
    serotone_s, librosa_s = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(b / a for a, b in pairs)
    return {
        "serotone_ms": round(1000 * serotone_s, 2),
        "librosa_ms": round(1000 * librosa_s, 2),
        "ratio": round(ratio, 2),
    }


def measure(clips: Clips) -> dict[str, dict[str, float]]:
    """Figures of each set on its own, and of ``all`` together."""
    extractor = Extractor([name for name in NAMES if name not in OURS])
    figures = {}
    for name, layer in extractor.layers.items():
        signals = clips[layer.sample_rate]
        figures[name] = compare(
            partial(by_serotone, layer, signals), partial(by_librosa_all, name, signals)
        )

    def together() -> None:
        for rate, signals in clips.items():
            for signal in signals:
                extractor.features_at(torch.from_numpy(signal)[None], rate)

    def one_by_one() -> None:
        for name, layer in extractor.layers.items():
            by_librosa_all(name, clips[layer.sample_rate])

    figures["all"] = compare(together, one_by_one)
    return figures


def main() -> int:
    """Print a table and write ``benchmarks/results/features.json``."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    clips = load()
    with torch.inference_mode():
        figures = measure(clips)
    sound_s = sum(len(signal) for signal in clips[16_000]) / 16_000
    print(f"{sound_s:.1f} s of sound, one thread, median of {ROUNDS} rounds, processor time")
    print(f"{'set':<12}{'serotone ms':>13}{'librosa ms':>13}{'times faster':>14}")
    for name, figure in figures.items():
        print(
            f"{name:<12}{figure['serotone_ms']:>13.2f}{figure['librosa_ms']:>13.2f}"
            f"{figure['ratio']:>14.2f}"
        )
    result = {
        "benchmark": "features",
        "sound_s": round(sound_s, 2),
        "rounds": ROUNDS,
        "sets": figures,
        "librosa": librosa.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
    }
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
