"""The ONNX graph of an ensemble: its members' graphs, fed alike, and what puts them together."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike
from onnx import TensorProto, compose, helper, numpy_helper

from serotone.ensembles.members import TIE, How, Member
from serotone.ensembles.resample import Resampler
from serotone.errors import ModelError
from serotone.inference.backend import METADATA_KEY
from serotone.store.layout import ONNX

INPUTS = ("waveforms", "lengths")


class Graph:
    """Nodes and constants that grow, and the members they came from."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.functions: list[Any] = []

    def constant(self, value: ArrayLike) -> str:
        """Name of a new constant."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def add(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Append a node and return the name of its output."""
        name = output or f"ensemble_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name


def write_graph(
    members: Sequence[Member], how: How, path: Path, description: Mapping[str, Any]
) -> None:
    """Write the members' graphs as one, from waveforms to probabilities.

    Args:
        members: whose ``model.onnx`` are read.
        how: the answers are put together.
        path: of the file.
        description: for its metadata; its ``temperature`` is the graph's.

    Raises:
        ModelError: when the members were made for different versions of ONNX.
    """
    rate = max(member.info.sample_rate for member in members)
    graph = Graph()
    protos = [onnx.load(str(member.info.path / ONNX)) for member in members]
    for place, (member, proto) in enumerate(zip(members, protos, strict=True)):
        _include(graph, proto, place, rate, member.info.sample_rate)
    probabilities = list(_probabilities(graph, members))
    mean = _together(graph, probabilities, [member.weight for member in members], how)
    _tempered(graph, mean, description["temperature"])
    _intensity(graph, members)
    embeddings = [f"m{place}_embedding" for place in range(len(members))]
    graph.add("Concat", *embeddings, output="embedding", axis=1)
    model = helper.make_model(
        helper.make_graph(
            graph.nodes, "ensemble", _inputs(), _outputs(), initializer=graph.constants
        ),
        opset_imports=_opsets(protos),
        functions=graph.functions,
        ir_version=max(proto.ir_version for proto in protos),
        producer_name="serotone",
    )
    helper.set_model_props(model, {METADATA_KEY: json.dumps(description)})
    onnx.save(model, str(path))


def _opsets(protos: Sequence[Any]) -> list[Any]:
    versions: dict[str, int] = {}
    for proto in protos:
        for opset in proto.opset_import:
            if versions.setdefault(opset.domain, opset.version) != opset.version:
                raise ModelError(
                    f"the members need the ONNX operators {opset.domain or 'ai.onnx'} in versions "
                    f"{versions[opset.domain]} and {opset.version}, expected one. "
                    "Train or export them with the same serotone."
                )
    return [helper.make_opsetid(domain, version) for domain, version in versions.items()]


def _include(graph: Graph, proto: Any, place: int, rate: int, own_rate: int) -> None:
    """A member's nodes under names of its own, behind the shared inputs."""
    prefix = f"m{place}_"
    own = compose.add_prefix(proto, prefix)
    waveforms, lengths = INPUTS
    if own_rate != rate:
        waveforms, lengths = _resample(graph, Resampler(rate, own_rate))
    graph.add("Identity", waveforms, output=f"{prefix}waveforms")
    graph.add("Identity", lengths, output=f"{prefix}lengths")
    graph.nodes += own.graph.node
    graph.constants += own.graph.initializer
    graph.functions += own.functions


def _resample(graph: Graph, resampler: Resampler) -> tuple[str, str]:
    """The shared inputs at another rate: (B, N) and (B,)."""
    waveforms, lengths = INPUTS
    old, new = (graph.constant(np.array(n)) for n in (resampler.old, resampler.new))
    scaled = graph.add("Mul", lengths, new)
    raised = graph.add("Add", scaled, graph.constant(np.array(resampler.old - 1)))
    n_new = graph.add("Div", raised, old)
    channel = graph.add("Unsqueeze", waveforms, graph.constant(np.array([1])))
    pads = np.array([0, 0, resampler.width, 0, 0, resampler.width + resampler.old])
    padded = graph.add("Pad", channel, graph.constant(pads))
    phases = graph.add(
        "Conv", padded, graph.constant(resampler.kernel), strides=[resampler.old]
    )  # (B, new, blocks)
    in_order = graph.add("Transpose", phases, perm=[0, 2, 1])
    flat = graph.add("Reshape", in_order, graph.constant(np.array([0, -1])))
    longest = graph.add("ReduceMax", n_new, graph.constant(np.array([0])), keepdims=1)
    start, axis = graph.constant(np.array([0])), graph.constant(np.array([1]))
    return graph.add("Slice", flat, start, longest, axis), n_new


def _probabilities(graph: Graph, members: Sequence[Member]) -> Iterator[str]:
    """Each member's probabilities in the label order of the first."""
    labels = members[0].info.labels
    for place, member in enumerate(members):
        order = np.array([member.info.labels.index(label) for label in labels])
        yield graph.add("Gather", f"m{place}_probabilities", graph.constant(order), axis=1)


def _together(
    graph: Graph, probabilities: Sequence[str], weights: Sequence[float], how: How
) -> str:
    if how != "vote":
        return _weighted(graph, probabilities, weights)
    even = [1 / len(probabilities)] * len(probabilities)
    votes = [_vote(graph, name) for name in probabilities]
    tie = graph.add("Mul", _weighted(graph, probabilities, even), graph.constant(np.float32(TIE)))
    share = graph.add("Mul", _weighted(graph, votes, even), graph.constant(np.float32(1 - TIE)))
    return graph.add("Add", share, tie)


def _tempered(graph: Graph, probabilities: str, temperature: float) -> None:
    """Each to the power of 1 / T, and again a sum of 1."""
    if temperature == 1:
        graph.add("Identity", probabilities, output="probabilities")
        return
    raised = graph.add("Pow", probabilities, graph.constant(np.float32(1 / temperature)))
    total = graph.add("ReduceSum", raised, graph.constant(np.array([1])), keepdims=1)
    graph.add("Div", raised, total, output="probabilities")


def _vote(graph: Graph, probabilities: str) -> str:
    """1 for the most probable label, 0 for the others."""
    best = graph.add("ArgMax", probabilities, axis=1, keepdims=0)
    shape = graph.add("Shape", probabilities)
    depth = graph.add("Gather", shape, graph.constant(np.array([1])), axis=0)
    return graph.add("OneHot", best, depth, graph.constant(np.array([0, 1], np.float32)), axis=1)


def _weighted(
    graph: Graph, names: Sequence[str], weights: Sequence[float], *, output: str = ""
) -> str:
    scaled = [
        graph.add("Mul", name, graph.constant(np.float32(weight)))
        for name, weight in zip(names, weights, strict=True)
    ]
    return graph.add("Sum", *scaled, output=output)


def _intensity(graph: Graph, members: Sequence[Member]) -> None:
    """Of the members that have an opinion; NaN where none has."""
    having = [i for i, member in enumerate(members) if member.description["intensity"]]
    total = sum(members[i].weight for i in having)
    if total:
        names = [f"m{i}_intensity" for i in having]
        _weighted(graph, names, [members[i].weight / total for i in having], output="intensity")
    else:
        graph.add("Identity", "m0_intensity", output="intensity")


def _inputs() -> list[Any]:
    return [
        helper.make_tensor_value_info("waveforms", TensorProto.FLOAT, ["batch", "samples"]),
        helper.make_tensor_value_info("lengths", TensorProto.INT64, ["batch"]),
    ]


def _outputs() -> list[Any]:
    shapes: dict[str, list[str | int | None]] = {
        "probabilities": ["batch", None],
        "intensity": ["batch"],
        "embedding": ["batch", None],
    }
    return [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in shapes.items()
    ]
