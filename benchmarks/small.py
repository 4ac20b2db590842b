"""Accuracy, size and latency of the model in floats, in half precision and in eight bits.

    python benchmarks/small.py --root DIR-OF-RAVDESS [--model default] [--split luna5:1]

Each form is exported by ``serotone export``'s own parts, eight bits calibrated on clips of the
model's training speakers, and measured on the test side of the split as ``serotone evaluate``
does. Latency is a clip's at a time, on one thread, the forms in turn, medians. Writes
``benchmarks/results/small.json``; ``benchmarks/performance_page.py`` makes the page's table of it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

from serotone.corpora import read
from serotone.corpora.split import fold
from serotone.evaluation.evaluate import evaluate
from serotone.export.clips import choose, signals_of
from serotone.export.folder import Form, export
from serotone.inference.recognizer import Recognizer
from serotone.store.folder import describe, resolve

RESULT = Path(__file__).resolve().parent / "results" / "small.json"
LIMIT_POINTS = 1.0
N_LATENCY_CLIPS = 60


def main() -> int:
    """Print and write the figures; 1 where eight bits lose more than a point of UAR."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--model", default="default")
    parser.add_argument("--split", default="luna5:1")
    parser.add_argument("--clips", type=int, default=128, help="to calibrate on")
    parser.add_argument("--limit", type=int, default=0, help="test clips, 0 for all")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    source = describe(resolve(options.model))
    utterances = read("ravdess", options.root).utterances
    sides = fold(utterances, options.split)
    test = [u for u in sides.test if u.speaker in set(source.provenance["test_speakers"])]
    calibration = signals_of(
        choose(utterances, source.provenance["train_speakers"], n=options.clips), source
    )
    with tempfile.TemporaryDirectory() as scratch:
        forms = {"as shipped": source.path}
        for form in Form:
            folder = Path(scratch) / form.value
            export(source.path, folder, form, signals=calibration)
            forms[form.value] = folder
        latency = latencies(forms, signals_of(test[:N_LATENCY_CLIPS], source))
        rows = []
        for name, folder in forms.items():
            recognizer = Recognizer.open(folder)
            found = evaluate(recognizer, test[: options.limit or None], corpus="ravdess")
            rows.append(
                {
                    "form": name,
                    "uar": round(found.uar, 4),
                    "accuracy": round(found.accuracy, 4),
                    "ece": round(found.ece, 4),
                    "size_mb": round(recognizer.model.size_bytes / 1e6, 3),
                    **latency[name],
                }
            )
            print(rows[-1], file=sys.stderr)
    floats = next(row for row in rows if row["form"] == Form.float32.value)
    eight = next(row for row in rows if row["form"] == Form.int8.value)
    lost = round(100 * (float(floats["uar"]) - float(eight["uar"])), 2)
    result = {
        "benchmark": "small",
        "model": source.name,
        "recipe": source.recipe,
        "corpus": "ravdess",
        "split": options.split,
        "n_test": len(test[: options.limit or None]),
        "n_calibration": len(calibration),
        "forms": rows,
        "int8_loses_points_of_uar": lost,
        "limit_points": LIMIT_POINTS,
        "load_average": round(os.getloadavg()[0], 2),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
    }
    options.out.parent.mkdir(exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))
    return int(lost > LIMIT_POINTS)


def latencies(forms: dict[str, Path], signals: list) -> dict[str, dict[str, float]]:
    """Median milliseconds of a clip, on one thread; the forms take turns at each clip."""
    backends = {name: Recognizer.open(path, n_threads=1).backend for name, path in forms.items()}
    times: dict[str, list[float]] = {name: [] for name in forms}
    for signal in (*signals[:5], *signals):
        for name, backend in backends.items():
            began = time.thread_time()
            backend.run([signal])
            times[name].append(1000 * (time.thread_time() - began))
    medians = {name: statistics.median(values[5:]) for name, values in times.items()}
    first = next(iter(medians.values()))
    return {
        name: {"cpu_ms_per_clip": round(value, 3), "of_shipped": round(value / first, 3)}
        for name, value in medians.items()
    }


if __name__ == "__main__":
    sys.exit(main())
