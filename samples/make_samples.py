"""Make the clips of this folder with espeak-ng: ``python samples/make_samples.py``.

Needs espeak-ng (``apt-get install espeak-ng``) and serotone's core packages. The voices are made
by a machine: the clips show what serotone prints, never how often it is right.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

SAMPLE_RATE = 16000
LONGEST_S = 3.0


class Clip(NamedTuple):
    """What espeak-ng is asked for: pitch is 0-99, speed in words a minute, both its own units."""

    name: str
    voice: str
    pitch: int
    words_per_minute: int
    text: str


CLIPS = (
    Clip("en-even", "en-us+f3", 50, 160, "The train leaves at a quarter past nine."),
    Clip("en-fast-high", "en-gb+m3", 95, 210, "You will not believe what they just told me!"),
    Clip("en-slow-low", "en-gb-scotland+m7", 5, 105, "Nobody came to meet us."),
    Clip("de-fast", "de+f2", 75, 215, "Das ist jetzt schon das dritte Mal in dieser Woche!"),
    Clip("es-even", "es+m1", 45, 165, "El mercado abre los martes y los jueves."),
    Clip("pl-slow-high", "pl+f5", 85, 120, "Nie wiem, kto to jest."),
)  # fmt: skip


def speak(clip: Clip) -> NDArray[np.float32]:
    """Samples at ``SAMPLE_RATE``: float32 of shape (N,), peaking at half of full scale."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.wav"
        subprocess.run(
            ["espeak-ng", "-v", clip.voice, "-p", str(clip.pitch), "-s", str(clip.words_per_minute),
             "-w", str(path), clip.text],
            check=True,
        )  # fmt: skip
        signal, sample_rate = soundfile.read(path, dtype="float32")
    signal = soxr.resample(signal, sample_rate, SAMPLE_RATE)
    return 0.5 * signal / np.abs(signal).max()


def main() -> int:
    """Write every clip beside this file; 1 where one is longer than ``LONGEST_S``."""
    too_long = 0
    for clip in CLIPS:
        signal = speak(clip)
        path = Path(__file__).with_name(f"synthetic-{clip.name}.wav")
        soundfile.write(path, signal, SAMPLE_RATE, subtype="PCM_16")
        duration_s = len(signal) / SAMPLE_RATE
        too_long += duration_s > LONGEST_S
        print(f"{path.name}: {duration_s:.2f} s")
    return int(too_long > 0)


if __name__ == "__main__":
    sys.exit(main())
