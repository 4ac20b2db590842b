"""Work that a graph need not do: what an exporter leaves, and no runtime takes out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import helper, numpy_helper


class Reorder(NamedTuple):
    """A reordering of the last axis before a product with a constant.

    Attributes:
        gather, product: the two nodes.
        order: of the last axis, (F,).
        matrix: the constant, (F, M).
    """

    gather: Any
    product: Any
    order: NDArray[np.int64]
    matrix: NDArray[np.float32]


def fold_orders(model: Any, *, n_samples: int = 16_000) -> int:
    """Put orders of the last axis into the matrix that follows, in place.

    The Fourier transform leaves its bins out of order. Moving 257 numbers a frame costs more
    than the mel filters themselves; moving the filters' rows once costs nothing.

    Args:
        model: the graph, of waveforms and lengths.
        n_samples: of a clip long enough to run it.

    Returns:
        How many were folded.
    """
    found = list(_reorders(model.graph))
    widths = _widths(model, [reorder.gather.input[0] for reorder in found], n_samples)
    for reorder in found:
        width = widths[reorder.gather.input[0]]
        matrix = np.zeros((width, reorder.matrix.shape[1]), np.float32)
        np.add.at(matrix, reorder.order % width, reorder.matrix)
        name = f"{reorder.product.name}_in_order"
        model.graph.initializer.append(numpy_helper.from_array(matrix, name))
        reorder.product.input[0] = reorder.gather.input[0]
        reorder.product.input[1] = name
        model.graph.node.remove(reorder.gather)
    _drop_unused(model.graph)
    return len(found)


def constants(graph: Any) -> Mapping[str, NDArray[Any]]:
    """Arrays that a graph holds, by name: its initializers and its constant nodes."""
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            values[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    return values


def _reorders(graph: Any) -> Iterator[Reorder]:
    values = constants(graph)
    users: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
    told = {output.name for output in graph.output}
    for node in graph.node:
        if node.op_type != "Gather" or node.output[0] in told:
            continue
        order = values.get(node.input[1])
        followers = users.get(node.output[0], [])
        if order is None or order.ndim != 1 or len(followers) != 1:
            continue
        product = followers[0]
        matrix = values.get(product.input[1]) if product.op_type == "MatMul" else None
        axis = helper.get_node_attr_value(node, "axis") if node.attribute else 0
        # What follows is a product over the last axis, of three in all features.
        if matrix is not None and matrix.ndim == 2 and axis in (2, -1):
            yield Reorder(node, product, order, matrix)


def _widths(model: Any, names: list[str], n_samples: int) -> dict[str, int]:
    """Lengths of the last axis of some values, from a run."""
    if not names:
        return {}
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    probe.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(
        probe.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    waveforms = np.full((1, n_samples), 0.1, np.float32)
    feed = {"waveforms": waveforms, "lengths": np.array([n_samples], np.int64)}
    return {
        name: int(value.shape[-1])
        for name, value in zip(names, session.run(names, feed), strict=True)
    }


def _drop_unused(graph: Any) -> None:
    used = {name for node in graph.node for name in node.input}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)
    idle = [n for n in graph.node if n.op_type == "Constant" and n.output[0] not in used]
    for node in idle:
        graph.node.remove(node)
