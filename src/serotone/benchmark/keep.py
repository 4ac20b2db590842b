"""An evaluation of a model folder into the folder of results."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from serotone.benchmark.result_store import write_answers, write_result
from serotone.evaluation.latency import measure_latency
from serotone.evaluation.result import Evaluation
from serotone.store.layout import ONNX
from serotone.store.load import ModelInfo


def keep(
    evaluation: Evaluation,
    model: ModelInfo,
    *,
    folder: Path,
    name: str,
    n_folds: int | None = None,
    more: Mapping[str, Any] | None = None,
) -> Path:
    """Write figures, answers, size and latency.

    Args:
        evaluation: of the model.
        model: that was measured.
        folder: of results.
        name: of the files, without ending.
        n_folds: how many the split has, None where it has none.
        more: further keys.

    Returns:
        The file of the figures.

    Raises:
        ConfigError: when the folder cannot be written to.
    """
    latency = measure_latency(model.path / ONNX, sample_rate=model.sample_rate)
    values = evaluation.to_dict() | {
        "trained_on": "+".join(corpus["name"] for corpus in model.provenance.get("corpora", ())),
        "n_folds": n_folds,
        "model_sha256": model.onnx_sha256,
        "size_bytes": model.size_bytes,
        "latency_ms": round(latency.ms, 2),
        "latency_cpu": latency.cpu,
        **(more or {}),
    }
    write_answers(folder, name, evaluation.answers)
    return write_result(folder, name, values)
