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
def test_what_a_virtual_microphone_hears_is_answered(tmp_path: Path) -> None:
    script, out = ROOT / "benchmarks" / "live_latency.py", tmp_path / "latency.json"
    words = [sys.executable, script, "--seconds", "12", "--minutes", "1", "--out", out]
    # Its exit status tells of the delay, which a busy machine has too.
    subprocess.run(words, capture_output=True, check=False, cwd=ROOT)
    found = json.loads(out.read_text())
    assert found["latency"]["source"].startswith("PulseAudio null sink")
    assert found["latency"]["n_predictions"] >= 5
    assert found["growth"]["growth_mb"] < found["limits"]["growth_mb"]
