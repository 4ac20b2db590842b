"""Models side by side on the dev speakers of four corpora: what the shipped model is chosen by.

    python benchmarks/dev_speakers.py ../shared/corpora NAME=MODEL...

No test speaker is heard. Figures of a model are added to those that are there.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

import numpy as np

from serotone.audio.io import read as read_audio
from serotone.corpora import read
from serotone.inference.recognizer import Recognizer
from serotone.labels import CANONICAL
from serotone.metrics.classes import uar
from serotone.types import Utterance

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "benchmarks/results/dev_speakers.json"
SPEAKERS = tomllib.loads((ROOT / "recipes/five-corpora.toml").read_text())["data"]["dev_speakers"]


def dev_clips(corpora: Path) -> dict[str, tuple[list[Utterance], list[str]]]:
    """Clips of each corpus's dev speakers, and all labels that the corpus has."""
    by_corpus: defaultdict[str, list[str]] = defaultdict(list)
    for speaker in SPEAKERS:
        by_corpus[speaker.partition("-")[0]].append(speaker)
    found = {}
    for corpus, speakers in by_corpus.items():
        utterances = read(corpus, corpora / corpus).utterances
        chosen = [u for u in utterances if u.speaker in speakers and u.label in CANONICAL]
        found[corpus] = (chosen, sorted({u.label for u in utterances if u.label}))
    return found


def measure(model: str, clips: dict[str, tuple[list[Utterance], list[str]]]) -> dict[str, float]:
    """UAR by corpus, the answer chosen among the labels that model and corpus share."""
    recognizer = Recognizer.open(model, sound_check=False)
    figures = {}
    for corpus, (utterances, known) in clips.items():
        labels = [label for label in recognizer.model.labels if label in known]
        ours = [u for u in utterances if u.label in labels]
        sounds = [read_audio(u.path, sample_rate=recognizer.model.sample_rate) for u in ours]
        answers = recognizer.predict_batch(sounds)
        chosen = [
            max(range(len(labels)), key=lambda i: a.probabilities[labels[i]]) for a in answers
        ]
        truth = [labels.index(u.label or "") for u in ours]
        figures[corpus] = round(uar(np.array(truth), np.array(chosen)), 4)
    return figures


def main() -> None:
    """Measure the models that are named, and keep the others' figures."""
    corpora, *models = sys.argv[1:]
    clips = dev_clips(Path(corpora))
    kept = json.loads(OUT.read_text()) if OUT.is_file() else {"uar": {}}
    kept["speakers"] = SPEAKERS
    kept["n"] = {corpus: len(utterances) for corpus, (utterances, _) in clips.items()}
    for named in models:
        name, _, model = named.partition("=")
        kept["uar"][name] = measure(model or name, clips)
        print(name, kept["uar"][name])
        OUT.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
