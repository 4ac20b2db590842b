"""One net whose weights are the mean of several nets' that began as one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from serotone.ensembles.combine import provenance_of, told
from serotone.ensembles.members import Member, members_of
from serotone.errors import ModelError
from serotone.store.load import ModelInfo
from serotone.training.adapt import reopen
from serotone.training.save_model import OF_BEFORE, write

ARCHITECTURE = ("model", "architecture")
"""What of a recipe says which net it is."""

GONE = (*OF_BEFORE, "calibration", "recipe_figures")
"""What holds for the first member, and not for the mean."""

OF_ONE = ("epoch", "dev", "taught", "init")
"""The same of its training."""


def average_weights(
    models: Sequence[str | Path],
    *,
    folder: Path,
    shares: Sequence[float] | None = None,
    temperature: float = 1.0,
) -> ModelInfo:
    """Write a model folder whose weights are the mean of its members'.

    It is one net: as small and as quick as each of them. Only nets that go on from the same weights
    average; of nets that were drawn apart the mean is noise.

    Args:
        models: names or folders, at least two; each of the same architecture, none an ensemble.
        folder: where to; its name becomes the model's.
        shares: how much of each; they are scaled to sum to 1. All alike where None.
        temperature: that the logits are divided by, beyond the members' own.

    Raises:
        ConfigError: for fewer than two members, shares that do not fit, or an ensemble.
        ModelError: when their labels, preparation or architectures differ, or a file was altered.

    Source:
        Wortsman et al. 2022, Model soups, arXiv:2203.05482.
    """
    members = members_of(models, shares)
    nets = [reopen(member.info) for member in members]
    _refuse_other_nets(members)
    net = nets[0]
    net.load_state_dict(_mean([member.weight for member in members], nets))
    return write(net, _description(members, folder.name, temperature), folder=folder)


def _mean(shares: Sequence[float], nets: Sequence[nn.Module]) -> dict[str, Tensor]:
    """The nets' weights under their shares; counts are those of the first."""
    states = [net.state_dict() for net in nets]
    mean = dict(states[0])
    for name, value in mean.items():
        if value.is_floating_point():
            parts = [share * state[name] for share, state in zip(shares, states, strict=True)]
            mean[name] = torch.stack(parts).sum(dim=0)
    return mean


def _refuse_other_nets(members: Sequence[Member]) -> None:
    first = members[0]
    for member in members[1:]:
        if _net(member) != _net(first) or member.info.labels != first.info.labels:
            raise ModelError(
                f"'{member.info.name}' and '{first.info.name}' are other nets: their architectures "
                "or the order of their labels differ, and their weights have no mean. Average "
                "their probabilities: --how average."
            )


def _net(member: Member) -> Mapping[str, Any]:
    return {key: member.description["recipe"][key] for key in ARCHITECTURE}


def _description(members: Sequence[Member], name: str, temperature: float) -> dict[str, Any]:
    """All of ``model.json`` but name and checksums."""
    kept = {key: value for key, value in members[0].description.items() if key not in GONE}
    first = {key: value for key, value in kept["provenance"].items() if key not in OF_ONE}
    provenance = {**first, **provenance_of(members), "seed": first["seed"]}
    if provenance["split_hash"] == first["split_hash"]:
        provenance["split"] = first["split"]
    own = math.fsum(member.weight * member.description["temperature"] for member in members)
    return {
        **kept,
        "temperature": own * temperature,
        "recipe": {**kept["recipe"], "name": name},
        "licence": "\n".join(dict.fromkeys(member.info.licence for member in members)),
        "figures": {},
        "provenance": {**provenance, "averaged": [told(member) for member in members]},
    }
