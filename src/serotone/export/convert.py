"""A model folder made from another: the same model, its graph in another form."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from safetensors.numpy import load_file

from serotone.errors import ConfigError
from serotone.export.fp16 import halve
from serotone.export.graph_passes import fold_orders
from serotone.export.int8 import to_int8
from serotone.inference.backend import METADATA_KEY, OnnxBackend
from serotone.store.layout import DESCRIPTION, ONNX, WEIGHTS, verify
from serotone.store.load import ModelInfo, describe
from serotone.store.save import save


class Form(StrEnum):
    """What a graph computes in, or keeps its weights in."""

    float32 = "onnx"
    float16 = "onnx-fp16"
    int8 = "onnx-int8"


@dataclass(frozen=True, slots=True)
class Exported:
    """A folder that was made, and how far it is from the one it was made from.

    Attributes:
        info: of the new folder.
        probabilities: largest absolute difference of a probability over the clips compared.
        agreement: share of these clips with the same most probable label.
        n_clips: compared; noise where no clips were given.
    """

    info: ModelInfo
    probabilities: float
    agreement: float
    n_clips: int


def export(
    source: Path, out: Path, form: Form, *, signals: Sequence[NDArray[np.float32]] = ()
) -> Exported:
    """Write a model folder whose graph has another form, and compare the two.

    Args:
        source: folder of the model.
        out: folder to write; one of this name is replaced.
        form: of the new graph.
        signals: clips (N,) of the training side at the model's rate, prepared as the model wants
            them; needed for eight bits.

    Raises:
        ConfigError: when the folder would replace its source, or clips are missing.
        ModelError: when the source was altered.
    """
    if out.resolve() == source.resolve():
        raise ConfigError(f"--out {out}: is the model itself, expected another folder. Name one.")
    info = describe(source)
    verify(source, names=(ONNX, WEIGHTS))
    description = _description(source, form, n_clips=len(signals))
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / ONNX
        model = onnx.load(str(source / ONNX))
        fold_orders(model, n_samples=info.sample_rate)
        if form is Form.float16:
            halve(model)
        onnx.save(model, str(path))
        if form is Form.int8:
            to_int8(path, path.with_name("eight.onnx"), signals)
            path = path.with_name("eight.onnx")
        _describe_graph(path, {"name": out.name, **description})
        made = save(out, onnx=path, weights=load_file(source / WEIGHTS), description=description)
    return _compare(source, made, signals or _noise(info.sample_rate))


def _description(source: Path, form: Form, *, n_clips: int) -> dict[str, Any]:
    """All of ``model.json`` but name and checksums; figures are of another graph and go."""
    values: dict[str, Any] = json.loads((source / DESCRIPTION).read_text(encoding="utf-8"))
    made_from = {"name": values.pop("name"), "sha256": values.pop("sha256")[ONNX]}
    if form is Form.int8:
        made_from["calibrated_on"] = f"{n_clips} clips of its training speakers"
    return values | {"figures": {}, "form": form.value, "made_from": made_from}


def _describe_graph(path: Path, description: Mapping[str, Any]) -> None:
    model = onnx.load(str(path))
    onnx.helper.set_model_props(model, {METADATA_KEY: json.dumps(description)})
    onnx.save(model, str(path))


def _compare(source: Path, made: ModelInfo, signals: Sequence[NDArray[np.float32]]) -> Exported:
    ours, theirs = OnnxBackend(source / ONNX), OnnxBackend(made.path / ONNX)
    gaps, same = [], []
    for signal in signals:
        expected, got = (backend.run([signal]).probabilities[0] for backend in (ours, theirs))
        gaps.append(float(np.abs(expected - got).max()))
        same.append(int(expected.argmax()) == int(got.argmax()))
    return Exported(made, max(gaps), float(np.mean(same)), len(same))


def _noise(sample_rate: int) -> list[NDArray[np.float32]]:
    generator = np.random.default_rng(0)
    lengths = (sample_rate // 3, sample_rate, 2 * sample_rate + 257, 4 * sample_rate)
    return [generator.normal(scale=0.1, size=n).astype(np.float32) for n in lengths]
