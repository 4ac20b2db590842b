"""Whether a clip should be heard several times, altered a little, and the answers averaged.

    python benchmarks/hear_again.py --corpora ../shared/corpora

On the dev speakers of four corpora, with the shipped model; no test speaker is heard. Speed changes
the pitch along with it; a late start leaves out the first tenth of a second.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import soxr
from dev_speakers import OUT as DEV_SPEAKERS
from dev_speakers import dev_clips
from numpy.typing import NDArray

from serotone.audio.io import read
from serotone.inference.recognizer import Recognizer
from serotone.metrics.classes import uar
from serotone.types import Audio

OUT = DEV_SPEAKERS.with_name("hear_again.json")
SPEEDS = (0.88, 0.94, 1.06, 1.12)
LATE_S = 0.1

Alter = Callable[[Audio], Audio]


def hearings(rate: int) -> dict[str, Alter]:
    """The ways to hear a clip, by name."""
    ways: dict[str, Alter] = {"as it is": lambda audio: audio}
    for speed in SPEEDS:
        ways[f"speed {speed}"] = lambda audio, speed=speed: Audio(  # type: ignore[misc]
            soxr.resample(audio.signal, rate * speed, rate).astype(np.float32), rate
        )
    ways["late"] = lambda audio: Audio(audio.signal[round(LATE_S * rate) :], rate)
    return ways


TOGETHER: Mapping[str, tuple[str, ...]] = {
    "as it is": ("as it is",),
    "late start": ("late",),
    "with ±6 % speed": ("as it is", "speed 0.94", "speed 1.06"),
    "with ±6 and ±12 % speed": ("as it is", *(f"speed {speed}" for speed in SPEEDS)),
    "with a late start": ("as it is", "late"),
    "with all of these": ("as it is", "late", *(f"speed {speed}" for speed in SPEEDS)),
}


def answers(
    recognizer: Recognizer, sounds: list[Audio], labels: list[str]
) -> dict[str, NDArray[np.float64]]:
    """(M, C) log-probabilities of each hearing."""
    said = {}
    for name, alter in hearings(recognizer.sample_rate).items():
        predictions = recognizer.predict_batch([alter(audio) for audio in sounds])
        rows = [[p.probabilities[label] for label in labels] for p in predictions]
        said[name] = np.log(np.array(rows) + 1e-6)
    return said


def main() -> None:
    """Measure, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", type=Path, default=Path("../shared/corpora"))
    parser.add_argument("--model", default="default")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    recognizer = Recognizer.open(options.model, sound_check=False)
    figures: dict[str, dict[str, float]] = {name: {} for name in TOGETHER}
    n = {}
    for corpus, (utterances, known) in dev_clips(options.corpora).items():
        labels = [label for label in recognizer.labels if label in known]
        ours = [u for u in utterances if u.label in labels]
        truth = np.array([labels.index(u.label or "") for u in ours])
        sounds = [read(u.path, sample_rate=recognizer.sample_rate) for u in ours]
        said = answers(recognizer, sounds, labels)
        n[corpus] = len(ours)
        for name, ways in TOGETHER.items():
            mean = np.mean([said[way] for way in ways], axis=0)
            figures[name][corpus] = round(uar(truth, mean.argmax(axis=1)), 4)
    kept = {"model": options.model, "n": n, "uar": figures}
    options.out.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(kept, indent=2))


if __name__ == "__main__":
    main()
