"""Writing a model folder: whole or not at all."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serotone.errors import MissingExtraError
from serotone.store.card import card
from serotone.store.layout import CARD, DESCRIPTION, ONNX, WEIGHTS, sha256
from serotone.store.load import ModelInfo, describe


def save(
    folder: Path,
    *,
    onnx: Path,
    weights: Mapping[str, NDArray[np.generic]],
    description: Mapping[str, Any],
) -> ModelInfo:
    """Write ``model.onnx``, ``weights.safetensors``, ``model.json`` and ``card.md``.

    The folder appears complete, replacing one of the same name, or does not change.

    Args:
        folder: where to; its name becomes the model's.
        onnx: the exported file, which is copied.
        weights: arrays by parameter name.
        description: all of ``model.json`` but ``name`` and ``sha256``.

    Raises:
        MissingExtraError: when safetensors is not installed.
    """
    try:
        from safetensors.numpy import save_file
    except ModuleNotFoundError:
        raise MissingExtraError("Saving a model", "train", "safetensors") from None
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    draft.chmod(0o755)
    try:
        shutil.copyfile(onnx, draft / ONNX)
        save_file({name: np.ascontiguousarray(w) for name, w in weights.items()}, draft / WEIGHTS)
        (draft / WEIGHTS).chmod(0o644)
        sums = {name: sha256(draft / name) for name in (ONNX, WEIGHTS)}
        _write_description(draft, {"name": folder.name, **description, "sha256": sums})
        if folder.exists():
            shutil.rmtree(folder)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return describe(folder)


def record_figures(
    folder: Path,
    name: str,
    figures: Mapping[str, Any],
    robustness: Mapping[str, Any] | None = None,
) -> None:
    """Add an evaluation's figures to ``model.json`` under ``name``, and write the card anew."""
    values = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    values["figures"][name] = dict(figures)
    if robustness is not None:
        values.setdefault("robustness", {})[name] = dict(robustness)
    _write_description(folder, values)


def record_calibration(folder: Path, calibration: Mapping[str, Any]) -> None:
    """Write how a model's confidence was fitted into ``model.json``, and the card anew.

    Args:
        folder: of the model.
        calibration: added to what is there: ``conformal`` with ``thresholds`` by coverage.
    """
    values = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    before = {"temperature": values["temperature"], **values.get("calibration", {})}
    values["calibration"] = {**before, **calibration}
    _write_description(folder, values)


def record_results(folder: Path, results: Mapping[str, Mapping[str, Any]]) -> None:
    """Put results into ``model.json``, and write the card anew.

    Args:
        folder: of the model.
        results: ``figures``, ``recipe_figures``, ``robustness`` and ``together``. Figures that are
            there already stay where none of the same name come; the others are replaced.
    """
    values = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    values["figures"].update(results["figures"])
    values["recipe_figures"] = dict(results["recipe_figures"])
    values["robustness"] = dict(results["robustness"])
    values["together"] = dict(results["together"])
    _write_description(folder, values)


def _write_description(folder: Path, values: Mapping[str, Any]) -> None:
    text = json.dumps(values, indent=2, ensure_ascii=False)
    (folder / DESCRIPTION).write_text(text + "\n", encoding="utf-8")
    (folder / CARD).write_text(card(values), encoding="utf-8")
