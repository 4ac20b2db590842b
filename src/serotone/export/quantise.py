"""A graph in eight bits: convolutions and dense layers, calibrated on training clips."""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from serotone.errors import ConfigError
from serotone.export.tidy import constants

LEARNED = ("Conv", "Gemm")
"""Operators that are turned to eight bits where their weights are large enough to matter."""

BETWEEN = ("Relu", "Add", "Mul", "MaxPool")
"""Operators that stay in eight bits between two of these, so that nothing is turned to and fro."""

LEAST_WEIGHTS = 2048
"""Smaller layers keep floats: they cost no time, and the last of them decides."""


class Calibration:
    """Clips one by one, as onnxruntime's calibration asks for them."""

    def __init__(self, signals: Sequence[NDArray[np.float32]]) -> None:
        self._signals = signals
        self.rewind()

    def rewind(self) -> None:
        """Begin anew."""
        self._left = iter(self._signals)

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        """The next clip as the graph's inputs; None after the last."""
        signal = next(self._left, None)
        if signal is None:
            return None
        return {"waveforms": signal[None], "lengths": np.array([len(signal)], np.int64)}

    def __iter__(self) -> Iterator[dict[str, NDArray[Any]]]:
        return iter(self.get_next, None)


def to_int8(source: Path, path: Path, signals: Sequence[NDArray[np.float32]]) -> int:
    """Write a graph whose body computes in eight bits (static, QDQ, weights by channel).

    Fourier transform, mel filters, logarithm, scaling and the last layers keep floats.
    Weights use seven of the eight bits: processors without VNNI add two products in sixteen.

    Args:
        source: the graph in floats.
        path: of the new one.
        signals: clips (N,) of the training side, at the model's sample rate.

    Returns:
        How many operators were turned.

    Raises:
        ConfigError: without clips, or where the graph has nothing to turn.

    Source:
        Jacob et al. 2018, 10.1109/CVPR.2018.00286.
    """
    if not len(signals):
        raise ConfigError("got no clips to calibrate on, expected some. Name a corpus to take.")
    from onnxruntime.quantization import (
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as scratch, _quiet():
        ready = Path(scratch) / "ready.onnx"
        # Folds batch norms and gives nodes the shapes that the quantiser looks at.
        quant_pre_process(source, ready, skip_symbolic_shape=True)
        names = body(onnx.load(str(ready)).graph)
        if not names:
            raise ConfigError(
                f"{source}: no convolution or dense layer to turn to eight bits. "
                "Export --format onnx-fp16 instead."
            )
        quantize_static(
            ready,
            path,
            Calibration(signals),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=[*LEARNED, *BETWEEN],
            nodes_to_quantize=names,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            extra_options={"CalibMovingAverage": True, "CalibMovingAverageConstant": 0.05},
        )
    return len(names)


def body(graph: Any) -> list[str]:
    """Names of the nodes to turn: large learned layers, and what stands between them."""
    values = constants(graph)
    makers = {name: node for node in graph.node for name in node.output}
    learned = {node.name for node in graph.node if _is_large(node, values)}
    after = _reach(graph.node, lambda node: [makers[n] for n in node.input if n in makers], learned)
    users: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
    before = _reach(
        reversed(graph.node),
        lambda node: [u for n in node.output for u in users.get(n, [])],
        learned,
    )
    between = {
        node.name
        for node in graph.node
        if node.op_type in BETWEEN and node.name in after and node.name in before
    }
    return [node.name for node in graph.node if node.name in learned | between]


def _is_large(node: Any, values: Any) -> bool:
    if node.op_type not in LEARNED or len(node.input) < 2 or node.input[1] not in values:
        return False
    return bool(values[node.input[1]].size >= LEAST_WEIGHTS)


def _reach(nodes: Any, neighbours: Any, seeds: set[str]) -> set[str]:
    """Names of the nodes from which a seed is met along ``neighbours``, in the order given."""
    met: set[str] = set()
    for node in nodes:
        if any(other.name in seeds or other.name in met for other in neighbours(node)):
            met.add(node.name)
    return met


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps the quantiser's advice off standard error."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
