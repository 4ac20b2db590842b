"""Acoustic features as torch layers: waveform (B, N) in, frames (B, T, F) out.

None has learned state, so each exports inside the model that uses it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from serotone.registry import Registry

if TYPE_CHECKING:
    from serotone.features.frame import FrameFeatures

NAMES = (
    "mel64",
    "mel128",
    "mfcc13dd",
    "mfcc20",
    "mfcc40",
    "chroma12",
    "centroid",
    "rolloff",
    "zcr",
    "rms",
    "stack2376",
    "pitch",
    "functionals",
)

FEATURES: Registry[Callable[[], FrameFeatures]] = Registry(
    "feature set", "serotone.features", {name: f"serotone.features.sets:{name}" for name in NAMES}
)
"""Names of feature sets to functions that build their layer."""
