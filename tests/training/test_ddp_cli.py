"""``serotone train --devices 2``: two processes, gloo, from recordings to a model folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from serotone.inference.recognizer import Recognizer
from serotone.types import Prediction

pytest.importorskip("lightning")

ROOT = Path(__file__).parents[2]
RECIPE = """
name = "two"

[architecture]
log_mel = { n_mels = 8 }
stem_width = 8
widths = [8]
time_strides = [2]
embedding_size = 4

[data]
corpora = ["folder"]
options = { folder = { speaker = "([a-d])_" } }
labels = ["happy", "sad"]
split = "speakers"
dev_speakers = ["folder-c"]
test_speakers = ["folder-d"]
max_s = 0.5

[optimiser]
epochs = 1
batch_size = 4
average = 0.0
threads = 1
"""


def test_two_processes_train_a_model_from_the_command_line(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    recordings = tmp_path / "recordings"
    for label, loud in (("happy", 0.3), ("sad", 0.03)):
        (recordings / label).mkdir(parents=True)
        for name in ("a_0", "a_1", "b_0", "b_1", "c_0", "d_0"):
            signal = loud * generator.standard_normal(8_000)
            soundfile.write(recordings / label / f"{name}.wav", signal, 16_000)
    recipe = tmp_path / "two.toml"
    recipe.write_text(RECIPE, encoding="utf-8")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    for name in ("RANK", "LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "MASTER_PORT"):
        environment.pop(name, None)
    words = ["train", str(recipe), "--root", str(recordings), "--out", str(tmp_path / "run")]
    ran = subprocess.run(
        [sys.executable, "-m", "serotone", *words, "--devices", "2"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert ran.returncode == 0, ran.stderr
    # The first process alone publishes and speaks, though both run the command.
    assert ran.stdout.strip() == str(tmp_path / "run" / "two")
    assert ran.stderr.count("kept epoch 1") == 1
    # Both read the recordings.
    assert ran.stderr.count("8 clips teach") == 2
    heard = Recognizer.open(tmp_path / "run" / "two").predict(recordings / "happy" / "d_0.wav")
    assert isinstance(heard, Prediction) and set(heard.probabilities) == {"happy", "sad"}
