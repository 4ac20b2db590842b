"""Fixtures that several rooms' tests share."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from serotone.audio import vad
from serotone.store.load import ModelInfo
from serotone.types import Audio
from tests.pitch_recognizer import load_level_detector

# Two workers that fill one cache of numba, which librosa uses, leave code that crashes.
_worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
os.environ["NUMBA_CACHE_DIR"] = str(
    Path(__file__).parents[1] / ".pytest_cache" / f"numba-{_worker}"
)


@pytest.fixture(scope="session")
def corpora_root() -> Path:
    """The folder of real corpora, or a skip that says where it was looked for."""
    default = Path(__file__).resolve().parents[2] / "shared" / "corpora"
    root = Path(os.environ.get("SEROTONE_CORPORA", default))
    if not root.is_dir():
        pytest.skip(f"needs real speech: no folder at {root} (set SEROTONE_CORPORA)")
    return root


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> ModelInfo:
    """A model folder of an untrained tiny net: three labels, exported once a session."""
    from tests.tiny import publish_tiny

    return publish_tiny(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def tone() -> Audio:
    """One second of a 220 Hz tone with harmonics at 16 kHz."""
    time_s = np.arange(16000) / 16000
    signal = sum(np.sin(2 * np.pi * 220 * k * time_s) / k for k in range(1, 5))
    return Audio(np.asarray(0.2 * signal, dtype=np.float32), 16000, "tone")


@pytest.fixture
def by_level(monkeypatch: pytest.MonkeyPatch) -> None:
    """Speech is what is loud: no model, and no doubt what must come out."""
    monkeypatch.setattr(vad, "_load_silero", load_level_detector)
