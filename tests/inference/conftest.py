from __future__ import annotations

import pytest

from serotone.audio import vad

from .hearing import load_level_detector


@pytest.fixture
def by_level(monkeypatch: pytest.MonkeyPatch) -> None:
    """Speech is what is loud: no model, and no doubt what must come out."""
    monkeypatch.setattr(vad, "_load_silero", load_level_detector)
