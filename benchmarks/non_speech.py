"""How often sound without speech comes out as a confident emotion, with and without the check.

``python benchmarks/non_speech.py --noise DIR --corpora DIR`` writes ``results/non-speech.json``.
Music is made with sox, where it is there.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from serotone.audio.find import find_files
from serotone.audio.io import read
from serotone.audio.sound_check import has_speech, seems_speech
from serotone.inference.recognizer import Recognizer
from serotone.types import Audio

RATE = 16_000
CONFIDENT = 0.5
CORPORA = ("ravdess", "tess", "emodb", "nemo", "ased")
NOTES = ("C3", "E3", "G3", "A3", "C4", "D4", "E4", "G4")
TUNES = {
    "chord": "synth 4 sin 261.6 sin 329.6 sin 392 remix - gain -6",
    "organ": "synth 4 square 130.8 square 196 square 261.6 remix - gain -12",
    "sweep": "synth 4 sin 200:2000 gain -6",
    "hum": "synth 4 sin 50 sin 100 sin 150 remix - gain -10",
    **{f"pluck-{note}": f"synth 3 pluck {note} gain -6" for note in NOTES},
    **{f"flute-{note}": f"synth 0.4 triangle {note} fade 0.05 0.4 0.1 repeat 6" for note in NOTES},
}


def made() -> Iterator[tuple[str, Audio]]:
    """Silence, noise, and music where sox is there."""
    draw = np.random.default_rng(0)
    yield "silence", Audio(np.zeros(3 * RATE, np.float32), RATE, "silence")
    for number in range(20):
        level = 10 ** draw.uniform(-3, -0.7)
        signal = np.clip(level * draw.standard_normal(3 * RATE), -1, 1)
        yield "white noise", Audio(signal.astype(np.float32), RATE, f"white-{number}")
    if shutil.which("sox"):
        with tempfile.TemporaryDirectory() as scratch:
            for name, words in TUNES.items():
                path = Path(scratch) / f"{name}.wav"
                subprocess.run(["sox", "-n", "-r", str(RATE), path, *words.split()], check=True)
                yield "music", read(path, sample_rate=RATE)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--noise", type=Path, required=True)
    options.add_argument("--corpora", type=Path, required=True)
    options.add_argument("--model", default="default")
    options.add_argument("--n", type=int, default=100, help="clips of each corpus")
    options.add_argument("--out", type=Path, default=Path("results/non-speech.json"))
    chosen = options.parse_args()
    sounds = list(made())
    for path in find_files([chosen.noise]):
        sounds.append((path.parent.name, read(path, sample_rate=RATE)))
    checked = Recognizer.open(chosen.model)
    plain = checked.without_sound_check()
    rows: dict[str, dict[str, int]] = {}
    for kind, audio in sounds:
        before, after = plain.predict_audio(audio), checked.predict_audio(audio)
        row = rows.setdefault(kind, {"n": 0, "before": 0, "after": 0, "after_without_extra": 0})
        row["n"] += 1
        row["before"] += before.confidence > CONFIDENT
        row["after"] += after.confidence > CONFIDENT
        row["after_without_extra"] += seems_speech(audio) and before.confidence > CONFIDENT
    speech = {}
    for name in CORPORA:
        files = find_files([chosen.corpora / name])
        clips = [
            read(path, sample_rate=RATE)
            for path in random.Random(0).sample(files, min(chosen.n, len(files)))
        ]
        speech[name] = {
            "n": len(clips),
            "missed": sum(not has_speech(clip) for clip in clips),
            "missed_without_extra": sum(not seems_speech(clip) for clip in clips),
        }
    values = {"model": checked.model.name, "confident_above": CONFIDENT,
              "sounds": rows, "speech": speech}  # fmt: skip
    chosen.out.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(values, indent=1))


if __name__ == "__main__":
    main()
