"""Beginning from a trained model's weights instead of fresh ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from serotone.errors import ConfigError
from serotone.models.base import EmotionModel
from serotone.store.layout import WEIGHTS
from serotone.store.load import ModelInfo, describe, resolve
from serotone.types import Sides, speakers


def beginning(names: Sequence[str], split: Sides) -> ModelInfo:
    """The model that a recipe's ``init`` names: of several, the first that may begin this run.

    It has learned from nobody whom the split keeps for dev or test, and nobody of the test side
    chose its epoch.

    Args:
        names: of models, or their folders.
        split: of the run that goes on from it.

    Raises:
        ConfigError: when none may.
        ModelError: when there is no such model.
    """
    test = set(speakers(split.test))
    held = test.union(speakers(split.dev))
    refused = []
    for name in names:
        model = describe(resolve(name))
        taught, chose = (model.provenance.get(f"{side}_speakers", ()) for side in ("train", "dev"))
        heard = sorted(held.intersection(taught) | test.intersection(chose))
        if not heard:
            return model
        refused.append(
            f"'{name}' was trained with {len(heard)} speaker(s) that split '{split.name}' keeps "
            f"for dev or test ({', '.join(heard[:3])}, …)"
        )
    raise ConfigError(
        f"init {'; '.join(refused)}. Expected none. Begin from a model that was trained without "
        "them."
    )


def take_weights(model: EmotionModel, source: ModelInfo) -> list[str]:
    """Copy all weights of the source that the model has in the same shape. See ``copy_weights``."""
    return copy_weights(model, load_file(source.path / WEIGHTS), name=source.name)


def copy_weights(model: EmotionModel, found: Mapping[str, Tensor], *, name: str) -> list[str]:
    """Copy all weights that the model has in the same shape.

    Args:
        model: that takes them.
        found: by name.
        name: of the model they are of.

    Returns:
        Names of those that begin fresh, as those of a last layer with other classes do.

    Raises:
        ConfigError: when nothing but the last layers fits.
    """
    # Safetensors keep no numbers of batches seen, which no model of ours reads.
    own = {k: v for k, v in model.state_dict().items() if not k.endswith("num_batches_tracked")}
    fitting = {
        key: found[key].to(value.dtype)
        for key, value in own.items()
        if key in found and found[key].shape == value.shape
    }
    n_learned = sum(value.numel() for value in own.values() if value.is_floating_point())
    n_taken = sum(value.numel() for value in fitting.values() if value.is_floating_point())
    if n_taken < n_learned / 2:
        raise ConfigError(
            f"init '{name}' is of another architecture: {n_taken:,} of {n_learned:,} "
            "weights fit. Give a model of the recipe's own architecture and settings."
        )
    with torch.no_grad():
        model.load_state_dict(fitting, strict=False)
    return sorted(set(own) - set(fitting))


def inherited(description: dict[str, Any], source: ModelInfo) -> dict[str, Any]:
    """``model.json`` of a model that began as another: what taught the other taught it too."""
    before, after = source.provenance, description["provenance"]
    merged: dict[str, Mapping[str, Any]] = {c["name"]: c for c in before.get("corpora", ())}
    merged |= {c["name"]: c for c in after["corpora"]}
    taught = {*before.get("train_speakers", ()), *after["train_speakers"]}
    provenance = {
        **after,
        "corpora": [merged[name] for name in sorted(merged)],
        "readers": {**before.get("readers", {}), **after["readers"]},
        "train_speakers": sorted(taught),
        "dev_speakers": sorted({*before.get("dev_speakers", ()), *after["dev_speakers"]} - taught),
        "init": {"name": source.name, "commit": before.get("commit")},
    }
    return {**description, "provenance": provenance}
