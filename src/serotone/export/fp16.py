"""A graph whose learned weights are kept in half precision, and computed in single."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from serotone.export.int8 import LEARNED

LARGEST = float(np.finfo(np.float16).max)
"""Weights beyond it stay as they are."""


def halve(model: onnx.ModelProto) -> int:
    """Keep the weights of convolutions, dense and recurrent layers as float16, in place.

    A node turns each to float32; onnxruntime does so once, when it opens the file. Processors
    have no convolution in half precision: computing in it would be slower, not faster. Fourier
    transform and mel filters are untouched.

    Returns:
        How many arrays were turned.
    """
    graph = model.graph
    takers = (*LEARNED, "LSTM", "GRU")
    wanted = {name for node in graph.node if node.op_type in takers for name in node.input[1:]}
    turned = 0
    for tensor in graph.initializer:
        if tensor.name not in wanted or tensor.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(tensor)
        if np.abs(values).max(initial=0.0) > LARGEST:
            continue
        name = f"{tensor.name}_half"
        cast = helper.make_node("Cast", [name], [tensor.name], name, to=TensorProto.FLOAT)
        graph.node.insert(0, cast)
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), name))
        turned += 1
    return turned
