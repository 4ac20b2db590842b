"""How fast serotone answers, beside the floor and beside what else is there, all in one run.

    python benchmarks/speed.py [--corpora DIR] [--clips 32] [--quick]

Clips are 3.8 s at 48 kHz as WAV: cut from RAVDESS where ``--corpora`` or ``SEROTONE_CORPORA`` has
it, else made of ``samples/``. The floor is decoding and resampling to 16 kHz, nothing else. Every
system runs in a process of its own, so that its memory and its start are its own; within one
process the floor is measured again between the repeats, and a ratio is the median of the ratios
to the floor just before. Writes ``benchmarks/results/speed.json``.

What is not installed is skipped, and the result says why.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import soundfile
import soxr

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "speed.json"
CLIP_S, RATE, MODEL_RATE = 3.8, 48_000, 16_000
TARGETS = {
    "batch_of_floor": 2.5,
    "cold_first_answer_s": 0.6,
    "cold_memory_mb": 150.0,
    "live_window_ms": 8.0,
}

Work = Callable[[Sequence[Path]], object]


def floor(paths: Sequence[Path]) -> list[np.ndarray]:
    """Decode and resample, nothing else."""
    signals = []
    for path in paths:
        signal, rate = soundfile.read(path, dtype="float32")
        signals.append(soxr.resample(signal, rate, MODEL_RATE))
    return signals


def serotone_work(n_threads: int, batch_size: int, model: str = "default") -> Work:
    from serotone.inference.recognizer import Recognizer

    recognizer = Recognizer.open(model, n_threads=n_threads)
    return lambda paths: list(recognizer.predict_files(paths, batch_size=batch_size))


def librosa_work() -> Work:
    import librosa

    def features(signal: np.ndarray) -> np.ndarray:
        mfcc = librosa.feature.mfcc(y=signal, sr=MODEL_RATE, n_mfcc=40)
        chroma = librosa.feature.chroma_stft(y=signal, sr=MODEL_RATE)
        mel = librosa.feature.melspectrogram(y=signal, sr=MODEL_RATE)
        return np.concatenate([part.mean(axis=1) for part in (mfcc, chroma, mel)])

    return lambda paths: [features(signal) for signal in floor(paths)]


def opensmile_work() -> Work:
    import opensmile

    smile = opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02,
        feature_level=opensmile.FeatureLevel.Functionals,
    )
    return lambda paths: [smile.process_signal(s, MODEL_RATE) for s in floor(paths)]


def wav2vec2_work() -> Work:
    import torch
    from transformers import Wav2Vec2Config, Wav2Vec2Model

    torch.set_num_threads(1)
    model = Wav2Vec2Model(Wav2Vec2Config()).eval()

    def work(paths: Sequence[Path]) -> list[object]:
        with torch.no_grad():
            return [model(torch.from_numpy(s)[None]).last_hidden_state for s in floor(paths)]

    return work


def keras_work() -> Work:
    """As R5: librosa's frames of 22.05 kHz as 2376 numbers, five Conv1D blocks, dense 512.

    On Keras's torch backend where none is chosen: torch is here for wav2vec2 anyway.
    """
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras
    import librosa

    layers: list[object] = [keras.Input((2376, 1))]
    for width, size, pool in ((512, 5, 5), (512, 5, 5), (256, 5, 5), (256, 3, 5), (128, 3, 3)):
        layers += [
            keras.layers.Conv1D(width, size, padding="same", activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.MaxPool1D(pool, strides=2, padding="same"),
        ]
    layers += [keras.layers.Flatten(), keras.layers.Dense(512, activation="relu")]
    layers += [keras.layers.BatchNormalization(), keras.layers.Dense(8, activation="softmax")]
    network = keras.Sequential(layers)

    def features(path: Path) -> np.ndarray:
        signal, _ = librosa.load(path, duration=2.5, offset=0.6)
        zcr = librosa.feature.zero_crossing_rate(signal).ravel()
        rms = librosa.feature.rms(y=signal).ravel()
        mfcc = librosa.feature.mfcc(y=signal).T.ravel()
        return np.resize(np.concatenate([zcr, rms, mfcc]), 2376)

    return lambda paths: [
        network.predict(features(path)[None, :, None], verbose=0) for path in paths
    ]


SYSTEMS: dict[str, Callable[[], Work]] = {
    "librosa features": librosa_work,
    "openSMILE eGeMAPS": opensmile_work,
    "wav2vec2-base, random weights": wav2vec2_work,
    "librosa and Keras (R5)": keras_work,
}


def measure(make: Callable[[], Work], paths: Sequence[Path], *, batch: int, repeats: int) -> dict:
    """First answer, then medians a clip and of ratios to the floor, batch by batch in turns."""
    began = time.perf_counter()
    work = make()
    work(paths[:1])
    first_s = time.perf_counter() - began
    groups = [paths[i : i + batch] for i in range(0, len(paths), batch)]
    rows = []
    floor(paths[:1])
    for group in [groups[0], *groups * repeats]:
        least, least_processor = spent_ms(floor, group)
        took, processor = spent_ms(work, group)
        rows.append((took, least, took / least, processor, processor / least_processor))
    wall, floor_wall, ratio, processor_ms, processor_ratio = (
        round(statistics.median(column), 3) for column in zip(*rows[1:], strict=True)
    )
    return {
        "first_answer_s": round(first_s, 3),
        "ms_per_clip": wall,
        "floor_ms_per_clip": floor_wall,
        "of_floor": ratio,
        "processor_ms_per_clip": processor_ms,
        "processor_of_floor": processor_ratio,
    }


def spent_ms(run: Work, paths: Sequence[Path]) -> tuple[float, float]:
    """Wall time a clip and, of all threads, processor time a clip."""
    began, began_processor = time.perf_counter(), time.process_time()
    run(paths)
    wall_s, processor_s = time.perf_counter() - began, time.process_time() - began_processor
    return 1000 * wall_s / len(paths), 1000 * processor_s / len(paths)


def alone(name: str, arguments: Sequence[str]) -> dict:
    """One measurement in a process of its own; why it was skipped where it cannot run."""
    command = [sys.executable, str(Path(__file__)), "--one", name, *arguments]
    began = time.perf_counter()
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    output, errors = started.communicate()
    if started.returncode:
        return {"skipped": (errors.strip().splitlines() or ["no reason given"])[-1]}
    found = json.loads(output.splitlines()[-1])
    return found | {"process_s": round(time.perf_counter() - began, 3)}


def one(name: str, options: argparse.Namespace) -> dict:
    """What ``alone`` runs in its process."""
    paths = sorted(options.folder.glob("clip*.wav"))
    if name == "long":
        return long_file(options.folder / "long.wav")
    if name == "live":
        return live(paths[0])
    if name == "serotone":

        def make() -> Work:
            return serotone_work(options.threads, options.batch, options.model)
    else:
        make = SYSTEMS[name]
        paths = paths[: options.others]
    found = measure(make, paths, batch=options.batch, repeats=options.repeats)
    return found | {"memory_mb": memory_mb()}


def memory_mb() -> float:
    """The most that this process held since it began to run Python, in MB."""
    status = Path("/proc/self/status")
    if status.exists():
        # What the system counts for a process begins with what its parent held.
        most = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        if most:
            return round(int(most[1]) * 1024 / 1e6, 1)
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(used * (1 if sys.platform == "darwin" else 1024) / 1e6, 1)


def long_file(path: Path) -> dict:
    """Real-time factor of a long recording, on one thread."""
    work = serotone_work(1, 1)
    began = time.perf_counter()
    work([path])
    took_s = time.perf_counter() - began
    length_s = soundfile.info(path).duration
    return {
        "length_s": round(length_s, 1),
        "took_s": round(took_s, 3),
        "real_time_factor": round(took_s / length_s, 5),
        "times_real_time": round(length_s / took_s, 1),
        "memory_mb": memory_mb(),
    }


def live(path: Path) -> dict:
    """A window of 3 s, one at a time, one thread: wall and processor time."""
    from serotone.inference.recognizer import Recognizer
    from serotone.types import Audio

    recognizer = Recognizer.open(n_threads=1)
    window = Audio(floor([path])[0][: 3 * MODEL_RATE], MODEL_RATE, "live")
    wall, processor = [], []
    for _ in range(60):
        began, began_cpu = time.perf_counter(), time.thread_time()
        recognizer.predict_audio(window)
        wall.append(1000 * (time.perf_counter() - began))
        processor.append(1000 * (time.thread_time() - began_cpu))
    return {
        "window_ms": round(statistics.median(wall[5:]), 3),
        "p95_ms": round(float(np.percentile(wall[5:], 95)), 3),
        "processor_ms": round(statistics.median(processor[5:]), 3),
    }


LAUNCH = """
import json, os, sys, time
began = time.perf_counter()
_, status, usage = os.wait4(os.spawnv(os.P_NOWAIT, sys.argv[1], sys.argv[1:]), 0)
took_s = time.perf_counter() - began
processor_s = usage.ru_utime + usage.ru_stime
print(json.dumps([status, took_s, processor_s, usage.ru_maxrss]), file=sys.stderr)
"""
"""Starts a command from a small process: its memory is counted from that of its parent on."""


def cold(path: Path, runs: int) -> dict:
    """``serotone predict one.wav`` from nothing: times and most memory, medians."""
    command = [sys.executable, "-m", "serotone", "predict", "--format", "json", str(path)]
    found = []
    for _ in range(runs):
        launch = [sys.executable, "-S", "-c", LAUNCH, *command]
        ran = subprocess.run(launch, capture_output=True, text=True, check=True)
        status, *values = json.loads(ran.stderr.splitlines()[-1])
        if status:
            raise SystemExit(f"serotone predict failed: {ran.stderr}")
        found.append(values)
    times, processor, most = zip(*found, strict=True)
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "runs": runs,
        "first_answer_s": round(statistics.median(times), 3),
        "least_s": round(min(times), 3),
        "processor_s": round(statistics.median(processor), 3),
        "memory_mb": round(statistics.median(most) * unit / 1e6, 1),
    }


def write_clips(folder: Path, corpora: Path | None, n: int, long_s: float) -> str:
    """Clips of 3.8 s at 48 kHz, and one long file; returns what they are made of."""
    found = sorted((corpora / "ravdess").rglob("03-01-*")) if corpora else []
    sources = found[:: max(1, len(found) // n)] or sorted((ROOT / "samples").glob("*.wav"))
    size = round(CLIP_S * RATE)
    signals = []
    for i in range(n):
        signal, rate = soundfile.read(sources[i % len(sources)], dtype="float32", always_2d=True)
        signal = soxr.resample(signal.mean(axis=1), rate, RATE)
        signals.append(np.resize(signal, size))
        soundfile.write(folder / f"clip{i:04d}.wav", signals[-1], RATE, subtype="PCM_16")
    n_long = max(1, round(long_s / CLIP_S))
    long = np.concatenate([signals[i % n] for i in range(n_long)])
    soundfile.write(folder / "long.wav", long, RATE, subtype="PCM_16")
    return "RAVDESS" if found else "samples/"


def main() -> int:
    """Print and write the figures; 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--corpora", type=Path, default=os.environ.get("SEROTONE_CORPORA"))
    parser.add_argument("--clips", type=int, default=32)
    parser.add_argument("--others", type=int, default=8, help="clips that the others get")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="few clips, one repeat")
    parser.add_argument("--model", default="default")
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--batch", type=int, default=1, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(options.one, options)))
        return 0
    if options.quick:
        options.clips, options.others, options.repeats = 8, 2, 1
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        corpora = Path(options.corpora) if options.corpora else None
        speech = write_clips(folder, corpora, options.clips, 60 if options.quick else 600)
        result = gather(options, folder) | {"speech": speech}
    result["targets"] = TARGETS
    result["missed"] = missed(result)
    options.out.parent.mkdir(exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))
    return int(bool(result["missed"]))


def gather(options: argparse.Namespace, folder: Path) -> dict:
    """All figures of one run."""
    shared = ["--folder", str(folder), "--repeats", str(options.repeats), "--model", options.model]
    shared += ["--others", str(options.others)]
    load_before = os.getloadavg()[0]
    found = {"benchmark": "speed", "clip_s": CLIP_S, "sample_rate": RATE, "clips": options.clips}
    found["cold"] = cold(folder / "clip0000.wav", 2 if options.quick else 7)
    threads = sorted({1, 1 if options.quick else min(2, os.cpu_count() or 1)})
    sizes = (1, 16) if options.quick else (1, 4, 16, 32)
    found["serotone"] = [
        {"threads": n, "batch_size": size}
        | alone("serotone", [*shared, "--threads", str(n), "--batch", str(size)])
        for n in threads
        for size in sizes
    ]
    found["others"] = {name: alone(name, shared) for name in SYSTEMS}
    found["live"] = alone("live", shared)
    found["long_file"] = alone("long", shared)
    return found | {
        "load_average_before": round(load_before, 2),
        "load_average_after": round(os.getloadavg()[0], 2),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
    }


def missed(result: dict) -> list[str]:
    """Targets that this run did not reach."""
    batches = [row["of_floor"] for row in result["serotone"] if row.get("batch_size", 1) > 1]
    got = {
        "batch_of_floor": min(batches),
        "cold_first_answer_s": result["cold"]["first_answer_s"],
        "cold_memory_mb": result["cold"]["memory_mb"],
        "live_window_ms": result["live"]["window_ms"],
    }
    return [f"{k}: {got[k]}, target {TARGETS[k]}" for k in TARGETS if got[k] > TARGETS[k]]


if __name__ == "__main__":
    sys.exit(main())
