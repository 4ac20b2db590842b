"""A trained text model to one small ONNX file: eight bits a number, calibrated, self-describing."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from serotone.training.text import TextModel, normaliser
from serotone.words.embedded import METADATA_KEY

OPSET = 18


class Served(nn.Module):
    """What the file computes: features of texts, padded, to calibrated probabilities.

    The table is kept as int8 with a scale for each column.

    Args:
        model: trained.
        temperature: that logits are divided by (Guo et al. 2017, arXiv:1706.04599).
    """

    def __init__(self, model: TextModel, *, temperature: float) -> None:
        super().__init__()
        table = model.table.weight.detach()
        self.scale = nn.Buffer(table.abs().amax(dim=0) / 127)
        # One more row, of nothing, for what a text is padded with.
        rounded = (table / self.scale).round().to(torch.int8)
        self.table = nn.Buffer(torch.cat([rounded, rounded.new_zeros(1, table.shape[1])]))
        weights = model.log_weight.weight.detach()[:, 0].exp().half()
        self.weights = nn.Buffer(torch.cat([weights, weights.new_zeros(1)]))
        self.head = model.head
        self.temperature = temperature

    @property
    def padding(self) -> int:
        """The number of the row of nothing."""
        return len(self.table) - 1

    def forward(self, ids: Tensor) -> Tensor:
        """Int64 (B, F) to (B, C)."""
        weights = self.weights[ids].float()  # (B, F)
        rows = self.table[ids].float()  # (B, F, D)
        bag = (rows * weights[:, :, None]).sum(dim=1) * self.scale  # (B, D)
        logits = self.head(bag / normaliser(weights.sum(dim=1))[:, None])
        shares: Tensor = (logits / self.temperature).softmax(dim=1)
        return shares


def to_onnx(served: Served, path: Path, description: Mapping[str, Any]) -> None:
    """Write the graph for any number of texts and features, described in its metadata.

    Args:
        served: what it computes.
        path: of the file.
        description: ``labels``, ``languages`` and what else is to be known of it; ``n_buckets``
            is added.
    """
    served.eval()
    example = torch.tensor([[1, 2, 3], [4, served.padding, served.padding]])
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            served,
            (example,),
            str(path),
            dynamo=False,
            input_names=["ids"],
            output_names=["probabilities"],
            dynamic_axes={"ids": {0: "batch", 1: "features"}, "probabilities": {0: "batch"}},
            opset_version=OPSET,
        )
    graph = onnx.load(str(path))
    text = json.dumps({**description, "n_buckets": served.padding})
    onnx.helper.set_model_props(graph, {METADATA_KEY: text})
    onnx.save(graph, str(path))
