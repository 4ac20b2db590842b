"""How long a model takes for a clip."""

from __future__ import annotations

import platform
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from serotone.inference.backend import OnnxBackend

CLIP_S = 3.0
"""Length of the clip that latency is measured on."""

N_TIMES = 9


@dataclass(frozen=True, slots=True)
class Latency:
    """Median processor time of one clip of three seconds, alone, on one thread.

    Attributes:
        ms: milliseconds.
        cpu: what it was measured on.
    """

    ms: float
    cpu: str


def measure_latency(onnx: Path, *, sample_rate: int, n_times: int = N_TIMES) -> Latency:
    """Run ``model.onnx`` on noise, from waveform to probabilities, and take the median.

    Processor time, not the clock's: other work on the machine does not count.

    Args:
        onnx: the file.
        sample_rate: of the model, in Hz.
        n_times: how often, after two runs that do not count.

    Raises:
        ModelError: when the file cannot be loaded.
    """
    backend = OnnxBackend(onnx, n_threads=1)
    noise = np.random.default_rng(0).normal(scale=0.1, size=round(CLIP_S * sample_rate))
    clip = noise.astype(np.float32)
    times = []
    for _ in range(n_times + 2):
        start = time.thread_time()
        backend.run([clip])
        times.append(time.thread_time() - start)
    return Latency(1000 * statistics.median(times[2:]), _cpu())


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine()
