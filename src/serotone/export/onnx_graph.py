"""A trained model to one self-describing ONNX file, and the proof that both say the same."""

from __future__ import annotations

import json
import logging
import tempfile
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from serotone.errors import ModelError
from serotone.export.graph_passes import fold_orders
from serotone.features.frame import frame_mask
from serotone.inference.backend import METADATA_KEY, OnnxBackend
from serotone.models.base import EmotionModel

OPSET = 18
OUTPUTS = ("probabilities", "intensity", "embedding")


class Pipeline(nn.Module):
    """Model and calibration as one graph: waveforms in, calibrated probabilities out.

    Args:
        model: not training.
        temperature: that logits are divided by (Guo et al. 2017, arXiv:1706.04599).
        intensity: whether the model was taught intensity; else it says NaN.
    """

    def __init__(self, model: EmotionModel, *, temperature: float, intensity: bool) -> None:
        super().__init__()
        self.model = model
        self.temperature = temperature
        self.intensity = intensity

    def forward(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, N) and (B,) to probabilities (B, C), intensity (B,), embedding (B, E)."""
        # What a caller leaves after a clip's end is never heard; and a model that has no use for
        # lengths still exports with them.
        inside = frame_mask(lengths, waveforms.shape[1]).to(waveforms.dtype)
        output = self.model(waveforms * inside, lengths)
        probabilities = (output.logits / self.temperature).softmax(dim=1)
        strength = output.intensity
        if not self.intensity:
            strength = torch.full_like(strength, torch.nan)
        return probabilities, strength, output.embedding


def to_onnx(pipeline: Pipeline, path: Path, description: Mapping[str, Any]) -> None:
    """Write the graph for any batch size and length, with its description in the metadata."""
    rate = pipeline.model.sample_rate
    waveforms = torch.randn(2, 2 * rate + 1234)
    lengths = torch.tensor([2 * rate + 1234, rate])
    pipeline.eval()
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        # The exporter that traces takes seconds where the newer one takes minutes for an LSTM;
        # what tracing could get wrong, the comparison at other shapes finds.
        torch.onnx.export(
            pipeline,
            (waveforms, lengths),
            str(path),
            dynamo=False,
            input_names=["waveforms", "lengths"],
            output_names=list(OUTPUTS),
            dynamic_axes={
                "waveforms": {0: "batch", 1: "samples"},
                **{name: {0: "batch"} for name in ("lengths", *OUTPUTS)},
            },
            opset_version=OPSET,
        )
    graph = onnx.load(str(path))
    fold_orders(graph, n_samples=rate)
    onnx.helper.set_model_props(graph, {METADATA_KEY: json.dumps(description)})
    onnx.save(graph, str(path))


@dataclass(frozen=True)
class Parity:
    """Largest difference between torch and ONNX over many shapes.

    Attributes:
        probabilities, embedding: absolute differences.
        n_shapes: batch shapes compared.
    """

    probabilities: float
    embedding: float
    n_shapes: int


def parity(pipeline: Pipeline, path: Path, shapes: Iterable[tuple[int, ...]] = ()) -> Parity:
    """Compare torch and ONNX on noise of several lengths and batch sizes.

    Args:
        pipeline: what was exported.
        path: the ONNX file.
        shapes: lengths in samples of the clips of each batch; a telling choice when empty.
    """
    rate = pipeline.model.sample_rate
    chosen = list(shapes) or [
        (rate,),
        (rate // 10,),
        (5 * rate + 1,),
        (rate, 3 * rate + 17),
        (rate // 3, 2 * rate, 7 * rate + 255),
        tuple(rate // 2 + 997 * i for i in range(9)),
    ]
    backend = OnnxBackend(path)
    generator = torch.Generator().manual_seed(0)
    worst = {"probabilities": 0.0, "embedding": 0.0}
    pipeline.eval()
    for lengths in chosen:
        signals = [0.1 * torch.randn(n, generator=generator) for n in lengths]
        padded = nn.utils.rnn.pad_sequence(signals, batch_first=True)
        with torch.no_grad():
            probabilities, _, embedding = pipeline(padded, torch.tensor(lengths))
        output = backend.run([signal.numpy() for signal in signals])
        for key, ours, theirs in (
            ("probabilities", probabilities, output.probabilities),
            ("embedding", embedding, output.embedding),
        ):
            worst[key] = max(worst[key], float(np.abs(ours.numpy() - theirs).max()))
    return Parity(worst["probabilities"], worst["embedding"], len(chosen))


TOLERANCE = 1e-4
"""Largest difference of a probability between torch and ONNX that an export may have."""


def export_checked(pipeline: Pipeline, path: Path, description: Mapping[str, Any]) -> Parity:
    """Export, compare, and refuse a graph that says something else.

    Raises:
        ModelError: when ONNX and torch differ by more than ``TOLERANCE``.
    """
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / path.name
        to_onnx(pipeline, draft, description)
        found = parity(pipeline, draft)
        if found.probabilities > TOLERANCE:
            raise ModelError(
                f"{path}: ONNX and torch differ by {found.probabilities:.2g}, "
                f"expected at most {TOLERANCE:.0e}. Check the architecture's exportability."
            )
        path.write_bytes(draft.read_bytes())
    return found
