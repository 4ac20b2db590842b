"""Architectures: one per file, found by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from serotone.registry import Registry

if TYPE_CHECKING:
    from serotone.models.contract import EmotionModel

MODELS: Registry[type[EmotionModel]] = Registry(
    "model",
    "serotone.models",
    {
        "resnet_logmel": "serotone.models.resnet_logmel:ResNetLogMel",
    },
)
