"""Feature sets of a recording, by the layers that models contain."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from serotone.audio.io import info, read
from serotone.errors import AudioError
from serotone.features import FEATURES
from serotone.features.frame import FrameFeatures, SpectralFeatures

LONGEST_S = 300.0
"""Features are of utterances; an hour of frames at once would not fit in memory."""


class Extracted(NamedTuple):
    """What was found in a recording.

    Attributes:
        duration_s: its length in seconds.
        features: float32 (T, F) of each set.
    """

    duration_s: float
    features: dict[str, NDArray[np.float32]]


class Extractor:
    """Computes feature sets of recordings; each spectrum that several share, once.

    Args:
        names: of ``FEATURES``.

    Raises:
        ConfigError: when there is no such set.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.layers: dict[str, FrameFeatures] = {name: FEATURES.get(name)() for name in names}

    def extract(self, path: str | Path) -> Extracted:
        """The features of one recording, whatever its rate.

        Raises:
            AudioError: when it cannot be read, or is longer than ``LONGEST_S``.
        """
        duration_s = info(path).duration_s
        if duration_s > LONGEST_S:
            raise AudioError(
                f"{path}: {duration_s:.0f} s long, expected at most {LONGEST_S:.0f} s. "
                "Cut it into utterances first."
            )
        features: dict[str, NDArray[np.float32]] = {}
        for rate in sorted({layer.sample_rate for layer in self.layers.values()}):
            signal = torch.from_numpy(read(path, sample_rate=rate).signal)[None]
            features |= self.features_at(signal, rate)
        return Extracted(duration_s, {name: features[name] for name in self.layers})

    def features_at(self, signal: torch.Tensor, rate: int) -> dict[str, NDArray[np.float32]]:
        """The sets that want this rate, of a signal (1, N) that has it; (T, F) each."""
        lengths = torch.tensor([signal.shape[1]])
        powers: dict[tuple[int, int, int], torch.Tensor] = {}
        found = {}
        with torch.inference_mode():
            for name, layer in self.layers.items():
                if layer.sample_rate != rate:
                    continue
                if isinstance(layer, SpectralFeatures):
                    shape = layer.spectrum.shape
                    if shape not in powers:
                        powers[shape] = layer.spectrum(signal)
                    features = layer.from_power(powers[shape], layer.n_frames(lengths))
                else:
                    features = layer(signal, lengths)
                found[name] = features[0].numpy()
        return found
