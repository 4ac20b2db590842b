"""Wall time of a cold ``serotone predict samples/*.wav``: the process, the model and six answers.

Run with the Python of an environment that holds the core alone; ``make bench`` does so.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUNS = 5
LIMIT_S = 1.5
FORMATS = ("table", "json")


def wall_s(clips: list[str], written_as: str) -> float:
    """Seconds from the start of the process to its end."""
    command = [sys.executable, "-m", "serotone", "predict", "--format", written_as, *clips]
    began = time.perf_counter()
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> int:
    """Print the times for a person, then for a machine; 1 where a median is over the limit."""
    if importlib.util.find_spec("torch"):
        print("startup: this Python has torch; run 'make bench' for the core alone.")
        return 2
    clips = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "samples").glob("*.wav"))
    times = {name: sorted(wall_s(clips, name) for _ in range(RUNS)) for name in FORMATS}
    medians = {name: statistics.median(runs) for name, runs in times.items()}

    print(f"serotone predict, {len(clips)} clips, cold, {RUNS} runs")
    print(f"{'format':<8}{'median s':>10}{'least s':>10}{'most s':>10}")
    for name, runs in times.items():
        print(f"{name:<8}{medians[name]:>10.3f}{runs[0]:>10.3f}{runs[-1]:>10.3f}")
    result = {
        "benchmark": "startup",
        "n_clips": len(clips),
        "runs": RUNS,
        "median_s": {name: round(value, 3) for name, value in medians.items()},
        "limit_s": LIMIT_S,
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
    }
    print(json.dumps(result))
    return int(max(medians.values()) > LIMIT_S)


if __name__ == "__main__":
    sys.exit(main())
