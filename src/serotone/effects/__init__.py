"""Altered copies of what a model learns from: of sounds (once) and of features (every epoch)."""

from serotone.effects.spectrogram import (
    AugmentConfig,
    augment_clip,
    change_speed,
    mask_bands_and_times,
    mixup_pairs,
    shift_bands,
)

__all__ = [
    "AugmentConfig",
    "augment_clip",
    "change_speed",
    "mask_bands_and_times",
    "mixup_pairs",
    "shift_bands",
]
