"""Accuracy, size and latency of the model in floats, in half precision and in eight bits.

    python benchmarks/small.py --root DIR-OF-RAVDESS [--model default] [--split luna5:1] \
        [--pruned FOLDER]

Each form is exported by ``serotone export``'s own parts, eight bits calibrated on clips of the
model's training speakers, and measured on the test side of the split as ``serotone evaluate``
does. A pruned model comes beside it, in floats and in eight bits, and all are measured on speakers
that neither of the two heard. Latency is a clip's at a time, on one thread, the forms in turn,
medians; multiply-adds are those of convolutions and dense layers for a clip of 3 seconds. Writes
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
from typing import Any

import torch
from torch import Tensor, nn

from serotone.corpora import read
from serotone.corpora.split import fold
from serotone.evaluation.evaluate import evaluate
from serotone.export.calibration_clips import choose, signals_of
from serotone.export.convert import Form, export
from serotone.inference.recognizer import Recognizer
from serotone.models import MODELS
from serotone.store.layout import DESCRIPTION
from serotone.store.load import ModelInfo, describe, resolve
from serotone.types import Utterance

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
    parser.add_argument("--pruned", type=Path, help="folder of a pruned model, measured beside it")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    models = {"": describe(resolve(options.model))}
    if options.pruned:
        models["pruned-"] = describe(options.pruned)
    utterances = read("ravdess", options.root).utterances
    unheard = set.intersection(*(set(m.provenance["test_speakers"]) for m in models.values()))
    test = [u for u in fold(utterances, options.split).test if u.speaker in unheard]
    n_test = len(test[: options.limit or None])
    with tempfile.TemporaryDirectory() as scratch:
        forms = exported(models, utterances, folder=Path(scratch), n_clips=options.clips)
        latency = latencies(forms, signals_of(test[:N_LATENCY_CLIPS], models[""]))
        rows = {}
        for name, folder in forms.items():
            rows[name] = measured(name, folder, test[:n_test]) | latency[name]
            print(rows[name], file=sys.stderr)
    uar = {name: 100 * row["uar"] for name, row in rows.items()}
    floats = uar[Form.float32.value]
    lost = {
        name: round(floats - uar[name], 2) for name in uar if name.startswith(("pruned", "onnx-i"))
    }
    result = {
        "benchmark": "small",
        "model": models[""].name,
        "recipe": models[""].recipe,
        "pruned_recipe": models["pruned-"].recipe if options.pruned else None,
        "corpus": "ravdess",
        "split": options.split,
        "n_test": n_test,
        "n_calibration": options.clips,
        "forms": [*rows.values()],
        "loses_points_of_uar": lost,
        "limit_points": LIMIT_POINTS,
        "load_average": round(os.getloadavg()[0], 2),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
    }
    options.out.parent.mkdir(exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))
    return int(lost[Form.int8.value] > LIMIT_POINTS)


def exported(
    models: dict[str, ModelInfo], utterances: tuple[Utterance, ...], *, folder: Path, n_clips: int
) -> dict[str, Path]:
    """Folders of all forms: the model as it is and in each form, the pruned one in two."""
    made = {"as shipped": models[""].path}
    for prefix, source in models.items():
        taught = choose(utterances, source.provenance["train_speakers"], n=n_clips)
        signals = signals_of(taught, source)
        for form in (Form.float32, Form.int8) if prefix else Form:
            made[f"{prefix}{form.value}"] = folder / f"{prefix}{form.value}"
            export(source.path, made[f"{prefix}{form.value}"], form, signals=signals)
    return made


def measured(name: str, folder: Path, test: list[Utterance]) -> dict[str, Any]:
    """Size and scores of a form."""
    recognizer = Recognizer.open(folder)
    found = evaluate(recognizer, test, corpus="ravdess")
    return {
        "form": name,
        "uar": round(found.uar, 4),
        "accuracy": round(found.accuracy, 4),
        "ece": round(found.ece, 4),
        "n_parameters": recognizer.model.n_parameters,
        "multiply_adds": multiply_adds(folder),
        "size_mb": round(recognizer.model.size_bytes / 1e6, 3),
    }


def multiply_adds(folder: Path, *, length_s: float = 3.0) -> int:
    """Multiplications of convolutions and dense layers for one clip, by its recipe's network."""
    values = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    architecture: Any = MODELS.get(values["recipe"]["model"])
    config = architecture.config_class.parse(values["recipe"]["architecture"])
    model = architecture(config, len(values["labels"])).eval()
    counts: list[int] = []

    def count(layer: nn.Module, _: Any, output: Tensor) -> None:
        # Each number of the output is one filter's product with what it sees.
        counts.append(output.numel() * layer.weight[0].numel())  # type: ignore[index, union-attr]

    for layer in model.modules():
        if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Linear):
            layer.register_forward_hook(count)
    n_samples = round(length_s * model.sample_rate)
    with torch.no_grad():
        model(torch.zeros(1, n_samples), torch.tensor([n_samples]))
    return sum(counts)


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
