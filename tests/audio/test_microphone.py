"""The microphone itself: PortAudio and a virtual device, where this machine has them."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(not shutil.which("pulseaudio"), reason="needs pulseaudio, for a null sink")
@pytest.mark.skipif(not importlib.util.find_spec("sounddevice"), reason="needs serotone[mic]")
def test_what_a_virtual_microphone_hears_is_answered() -> None:
    script = ROOT / "benchmarks" / "live_latency.py"
    kept = ROOT / "benchmarks" / "results" / "live_latency.json"
    before = kept.read_text()
    try:
        words = [sys.executable, str(script), "--seconds", "12", "--minutes", "1"]
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT)
    finally:
        kept.write_text(before)
    found = json.loads(done.stdout)
    assert found["latency"]["source"].startswith("PulseAudio null sink")
    assert found["latency"]["n_predictions"] >= 5
    assert found["growth"]["growth_mb"] < found["limits"]["growth_mb"]
