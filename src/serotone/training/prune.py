"""Structured pruning: a narrower copy of a trained ``resnet_logmel``, to be trained further.

A channel matters as much as the filters that write it, in L1 norm (Li et al. 2017,
arXiv:1608.08710), as their batch norm scales them (its scale is what Liu et al. 2017,
10.1109/ICCV.2017.298, prune by). Layers whose outputs are added, as a block and its shortcut, share
their channels, and so their sums decide.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from serotone.errors import ConfigError
from serotone.models.base import EmotionModel
from serotone.models.mel_base import VARIANCE_FLOOR
from serotone.models.resnet_logmel import ResNetLogMelConfig
from serotone.store.layout import DESCRIPTION, WEIGHTS
from serotone.store.load import ModelInfo
from serotone.training.init_weights import copy_weights
from serotone.training.recipe import Recipe

ARCHITECTURE = "resnet_logmel"
NORM_PARTS = ("weight", "bias", "running_mean", "running_var")
MAY_DIFFER = {"stem_width", "widths", "dropout"}


@dataclass(frozen=True, slots=True)
class Channels:
    """Channels that several layers share.

    Attributes:
        width: how many stay.
        writers: convolutions that write them, each with its norm.
        readers: convolutions that read them.
    """

    width: int
    writers: tuple[tuple[str, str], ...]
    readers: tuple[str, ...]


def take_narrower(model: EmotionModel, source: ModelInfo, recipe: Recipe) -> list[str]:
    """Copy what matters most of a trained model into a narrower one.

    Args:
        model: the recipe's, with fresh weights.
        source: the trained one.
        recipe: of the narrower one.

    Returns:
        Names of weights that begin fresh, as those of a last layer with other classes do.

    Raises:
        ConfigError: when one of the two is not of ``resnet_logmel``, or they differ in more than
            the number of channels.
    """
    values = json.loads((source.path / DESCRIPTION).read_text(encoding="utf-8"))["recipe"]
    if not recipe.model == values["model"] == ARCHITECTURE:
        raise ConfigError(
            f"prune: got model '{recipe.model}' and init '{source.name}' of '{values['model']}', "
            f"expected '{ARCHITECTURE}' for both. Leave prune away, or name such models."
        )
    wide, narrow = (
        ResNetLogMelConfig.parse(settings, where="architecture")
        for settings in (values["architecture"], recipe.architecture)
    )
    weights = load_file(source.path / WEIGHTS)
    return copy_weights(model, narrowed(weights, wide, narrow), name=source.name)


def narrowed(
    weights: Mapping[str, Tensor], wide: ResNetLogMelConfig, narrow: ResNetLogMelConfig
) -> dict[str, Tensor]:
    """The weights of a ``ResNetLogMel`` without the channels that matter least.

    Args:
        weights: of the trained net, by name, running statistics included.
        wide: its settings.
        narrow: the settings wanted; as many channels or fewer.

    Returns:
        float32 weights of the narrow net, channels in their old order.

    Raises:
        ConfigError: when anything but widths and dropout differs, or a width grows.
    """
    _check(wide, narrow)
    found = {name: value.float() for name, value in weights.items() if value.is_floating_point()}
    groups = shared_channels(narrow)
    # All is ranked before anything is cut: what a filter reads that will go counts as well.
    kept = [most_important(importance(found, group.writers), group.width) for group in groups]
    for group, channels in zip(groups, kept, strict=True):
        for convolution, norm in group.writers:
            names = [f"{convolution}.weight", *(f"{norm}.{part}" for part in NORM_PARTS)]
            found |= {name: found[name][channels] for name in names}
        for reader in group.readers:
            found[f"{reader}.weight"] = found[f"{reader}.weight"][:, channels]
    return found | _pooled(found, kept[-1], n_channels=wide.widths[-1])


def shared_channels(config: ResNetLogMelConfig) -> list[Channels]:
    """All channels of a net of these settings; the last are those that are pooled."""
    n_blocks = config.n_blocks
    stages = [
        [f"blocks.{stage * n_blocks + block}" for block in range(n_blocks)]
        for stage in range(len(config.widths))
    ]
    groups = [Channels(config.stem_width, (("stem.0", "stem.1"),), _entrance(stages[0]))]
    for width, blocks, following in zip(config.widths, stages, [*stages[1:], []], strict=True):
        groups += [
            Channels(width, ((f"{block}.first", f"{block}.first_norm"),), (f"{block}.second",))
            for block in blocks
        ]
        # Where a stage begins, the shortcut is a convolution; further blocks add to what it wrote.
        shortcut = (f"{blocks[0]}.shortcut.0", f"{blocks[0]}.shortcut.1")
        seconds = tuple((f"{block}.second", f"{block}.second_norm") for block in blocks)
        inside = tuple(f"{block}.first" for block in blocks[1:])
        groups.append(Channels(width, (shortcut, *seconds), (*inside, *_entrance(following))))
    return groups


def importance(weights: Mapping[str, Tensor], writers: Sequence[tuple[str, str]]) -> Tensor:
    """(C,) L1 norms of filters times their norm's scale, summed over what writes a channel."""
    # Divided by the norm's deviation as well, filters that read what is nearly silent came first,
    # and on dev speakers the shipped model then began worse than with channels drawn by lot.
    norms = []
    for convolution, norm in writers:
        filters = weights[f"{convolution}.weight"].flatten(1).abs().sum(dim=1)  # (C,)
        norms.append(filters * weights[f"{norm}.weight"].abs())
    return torch.stack(norms).sum(dim=0)


def most_important(importances: Tensor, n: int) -> Tensor:
    """(n,) indices of the largest of (C,), ascending; of equals the first stay."""
    return importances.argsort(descending=True, stable=True)[:n].sort().values


def _entrance(stage: Sequence[str]) -> tuple[str, ...]:
    """The convolutions that read what comes to a stage."""
    return tuple(f"{block}.{part}" for block in stage[:1] for part in ("first", "shortcut.0"))


def _pooled(found: Mapping[str, Tensor], channels: Tensor, *, n_channels: int) -> dict[str, Tensor]:
    """Weights of attentive pooling and embedding, whose inputs are channels by bands."""
    n_bands = found["pool.score.2.bias"].numel() // n_channels
    rows = (channels[:, None] * n_bands + torch.arange(n_bands)).flatten()  # (C' F',)
    stays = torch.zeros(n_channels * n_bands, dtype=torch.bool)
    stays[rows] = True
    means, deviations = found["embed.1.weight"].chunk(2, dim=1)  # (E, C F') each
    # A channel that is always quiet has a deviation all the same: the pooling's floor.
    floor = deviations[:, ~stays].sum(dim=1) * VARIANCE_FLOOR**0.5
    return {
        "pool.score.0.weight": found["pool.score.0.weight"][:, rows],
        "pool.score.2.weight": found["pool.score.2.weight"][rows],
        "pool.score.2.bias": found["pool.score.2.bias"][rows],
        "embed.1.weight": torch.cat([means[:, rows], deviations[:, rows]], dim=1),
        "embed.1.bias": found["embed.1.bias"] + floor,
    }


def _check(wide: ResNetLogMelConfig, narrow: ResNetLogMelConfig) -> None:
    before, after = _others(wide), _others(narrow)
    differing = [name for name in before if before[name] != after[name]]
    if differing:
        raise ConfigError(
            f"prune: {', '.join(differing)} of [architecture] not as in the trained model, "
            "expected no difference but in stem_width and widths. Take the others from its recipe."
        )
    expected, got = ((config.stem_width, *config.widths) for config in (wide, narrow))
    if len(got) != len(expected) or any(g > e for g, e in zip(got, expected, strict=True)):
        raise ConfigError(
            f"prune: got stem_width {narrow.stem_width} and widths {list(narrow.widths)}, expected "
            f"at most {wide.stem_width} and {list(wide.widths)}, as the trained model has. "
            "Give fewer channels, or leave prune away."
        )


def _others(config: ResNetLogMelConfig) -> dict[str, Any]:
    """Settings that pruning leaves as they are."""
    return config.model_dump(exclude=MAY_DIFFER)
