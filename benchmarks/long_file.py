"""Three hours in constant memory: peak memory and real-time factor of ``predict --timeline``.

    python benchmarks/long_file.py [--hours 3]

The recording is made of RAVDESS clips where they are, else of the samples in this repository, with
pauses between, and written as FLAC at 48 kHz, so that decoding and resampling count. A fresh
process hears it; its peak resident memory is what the kernel says of it (``ru_maxrss``).

Figures taken while the machine does other things are marked by the load average, and the processor
time is given beside the wall time: a busy machine stretches the second, not the first.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from serotone.audio.io import read

ROOT = Path(__file__).resolve().parents[1]
CORPORA = Path(os.environ.get("SEROTONE_CORPORA", ROOT.parent / "shared" / "corpora"))
RESULT = ROOT / "benchmarks" / "results" / "long_file.json"
FILE_RATE = 48_000
MEMORY_LIMIT_MB = 300
RTF_LIMIT = 0.01


def clips() -> list[Path]:
    """Real speech where there is some, else the synthetic samples."""
    real = sorted((CORPORA / "ravdess").glob("Actor_0[1-4]/03-01-*"))
    return real or sorted((ROOT / "samples").glob("*.wav"))


def talk(length_s: float, *, seed: int = 0) -> Iterator[NDArray[np.float32]]:
    """Clips and pauses until the length is reached."""
    draw = np.random.default_rng(seed)
    pool = clips()
    signals = [
        read(pool[i], sample_rate=FILE_RATE).signal for i in draw.permutation(len(pool))[:60]
    ]
    left = round(length_s * FILE_RATE)
    while left > 0:
        signal = signals[int(draw.integers(len(signals)))]
        pause = np.zeros(round(draw.uniform(0, 0.6) * FILE_RATE), np.float32)
        block = np.concatenate([signal, pause])[:left]
        left -= len(block)
        yield block


def make(path: Path, length_s: float) -> None:
    """Write the recording block by block."""
    with soundfile.SoundFile(
        path, "w", samplerate=FILE_RATE, channels=1, format="FLAC", subtype="PCM_16"
    ) as file:
        for block in talk(length_s):
            file.write(block)


def hear(path: Path, out: Path) -> dict[str, float]:
    """Wall time, processor time and peak memory of a process that writes the timeline."""
    words = ["predict", "--timeline", str(path), "--out", str(out)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "serotone", *words], check=True, cwd=ROOT)
    wall_s = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    # The kernel keeps the largest of all children; this is the only large one.
    return {"wall_s": wall_s, "cpu_s": cpu_s, "peak_mb": after.ru_maxrss / 1024}


def main() -> int:
    """Print the figures and write them; 1 where a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--hours", type=float, default=3.0)
    length_s = parser.parse_args().hours * 3600
    with tempfile.TemporaryDirectory() as scratch:
        path, out = Path(scratch) / "long.flac", Path(scratch) / "long.json"
        make(path, length_s)
        load_before = os.getloadavg()[0]
        cost = hear(path, out)
        summary = json.loads(out.read_text(encoding="utf-8"))[0]["summary"]
        size_mb = path.stat().st_size / 1e6
    result = {
        "benchmark": "long_file",
        "hours": round(length_s / 3600, 3),
        "file": f"FLAC, {FILE_RATE} Hz, {size_mb:.0f} MB",
        "speech_share": round(summary["speech_s"] / summary["duration_s"], 3),
        "wall_s": round(cost["wall_s"], 1),
        "cpu_s": round(cost["cpu_s"], 1),
        "real_time_factor": round(cost["wall_s"] / length_s, 5),
        "cpu_seconds_per_second": round(cost["cpu_s"] / length_s, 5),
        "peak_mb": round(cost["peak_mb"], 1),
        "limits": {"real_time_factor": RTF_LIMIT, "peak_mb": MEMORY_LIMIT_MB},
        "load_average_before": round(load_before, 2),
        "load_average_after": round(os.getloadavg()[0], 2),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
    }
    print(json.dumps(result, indent=2))
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return int(cost["wall_s"] / length_s > RTF_LIMIT or cost["peak_mb"] > MEMORY_LIMIT_MB)


if __name__ == "__main__":
    sys.exit(main())
