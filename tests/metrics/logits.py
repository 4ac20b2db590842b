"""Logits whose best temperature is known."""

from __future__ import annotations

import numpy as np
from scipy.special import softmax


def sharp_logits(seed: int, n: int = 400, n_classes: int = 5, scale: float = 3.0):
    """Logits whose best temperature is near ``scale``, and truth drawn from them."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, n_classes)) * 1.5
    truth = np.array([rng.choice(n_classes, p=row) for row in softmax(logits, axis=1)])
    return logits * scale, truth
