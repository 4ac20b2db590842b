"""A graph in eight bits: convolutions and dense layers, calibrated on training clips."""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from serotone.errors import ConfigError
from serotone.export.graph_passes import constants

LEARNED = ("Conv", "Gemm")
"""Operators that are turned to eight bits where their weights are large enough to matter."""

BETWEEN = ("Relu", "Add", "Mul", "MaxPool")
"""Operators that stay in eight bits between two of these, so that nothing is turned to and fro."""

Names = Callable[[Any], Iterable[str]]

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

    Fourier transform, mel filters, logarithm, scaling, pooling and the last layers keep floats.
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
    learned = {node.name for node in graph.node if _is_large(node, values)}
    # From a learned layer on, and on to the next one, without a gap on the way.
    after = _joined(graph.node, learned, lambda node: node.input, lambda node: node.output)
    back = list(reversed(graph.node))
    before = _joined(back, learned, lambda node: node.output, lambda node: node.input)
    return [node.name for node in graph.node if node.name in learned | (after & before)]


def _is_large(node: Any, values: Any) -> bool:
    if node.op_type not in LEARNED or len(node.input) < 2 or node.input[1] not in values:
        return False
    weights = values[node.input[1]]
    # A layer over each frame alone scores attention, which eight bits blur, and costs little.
    return bool(weights.size >= LEAST_WEIGHTS and not (weights.ndim == 3 and weights.shape[2] == 1))


def _joined(nodes: Iterable[Any], seeds: set[str], near: Names, far: Names) -> set[str]:
    """Names of the ``BETWEEN`` nodes that hang together with a seed, in the order given."""
    touched: set[str] = set()
    joined: set[str] = set()
    for node in nodes:
        if node.name in seeds:
            touched.update(far(node))
        elif node.op_type in BETWEEN and touched.intersection(near(node)):
            joined.add(node.name)
            touched.update(far(node))
    return joined


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps the quantiser's advice off standard error."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
