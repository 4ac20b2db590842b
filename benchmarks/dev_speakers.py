"""Models side by side on the dev speakers of four corpora: what the shipped model is chosen by.

    python benchmarks/dev_speakers.py CORPORA [--noise FOLDER] NAME=MODEL...

No test speaker is heard, and no noise or room that robustness is measured in: of both, the kinds
that may teach. Figures of a model are added to those that are there.
"""

from __future__ import annotations

import argparse
import functools
import json
from collections import defaultdict
from pathlib import Path

import numpy as np

from serotone.audio.find import find_files
from serotone.audio.io import read as read_audio
from serotone.corpora import read
from serotone.effects.degrade import in_room, lossy, loudest, telephone
from serotone.effects.noise_partition import noise_split, room_split
from serotone.evaluation.conditions import KBIT_S, in_noise
from serotone.evaluation.predict_utterances import Alter
from serotone.evaluation.robustness import CLEAN
from serotone.inference.recognizer import Recognizer
from serotone.labels import CANONICAL
from serotone.metrics.classes import uar
from serotone.training.recipe import load_recipe
from serotone.types import Utterance

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "benchmarks/results/dev_speakers.json"
SPEAKERS = list(load_recipe("five-corpora").data.dev_speakers)


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


def alterations(folder: Path) -> dict[str, Alter]:
    """What the clips are heard through, by its name in the table."""
    files = noise_split(find_files([folder / "esc10"])).train
    room = read_audio(room_split(find_files([folder / "rooms"])).train[0])
    return {
        **{f"noise, {db} dB": functools.partial(in_noise, files, 0, db) for db in (10, 0)},
        "medium room": lambda audio, _: in_room(audio, room),
        "telephone": lambda audio, _: telephone(audio),
        "MP3": lambda audio, _: lossy(audio, "mp3", kbit_s=KBIT_S),
        "loudest 1 s": lambda audio, _: loudest(audio, 1.0),
    }


def measure(
    model: str,
    clips: dict[str, tuple[list[Utterance], list[str]]],
    ways: dict[str, Alter],
) -> dict[str, dict[str, float]]:
    """UAR by way and corpus, the answer chosen among the labels that model and corpus share."""
    recognizer = Recognizer.open(model, sound_check=False)
    figures: dict[str, dict[str, float]] = {way: {} for way in ways}
    for corpus, (utterances, known) in clips.items():
        labels = [label for label in recognizer.model.labels if label in known]
        ours = [u for u in utterances if u.label in labels]
        sounds = [read_audio(u.path, sample_rate=recognizer.model.sample_rate) for u in ours]
        truth = [labels.index(u.label or "") for u in ours]
        for way, alter in ways.items():
            answers = recognizer.predict_batch(
                [alter(sound, u.id) for sound, u in zip(sounds, ours, strict=True)]
            )
            chosen = [
                max(range(len(labels)), key=lambda i: a.probabilities[labels[i]]) for a in answers
            ]
            figures[way][corpus] = round(uar(np.array(truth), np.array(chosen)), 4)
    return figures


def main() -> None:
    """Measure the models that are named, and keep the others' figures."""
    parser = argparse.ArgumentParser(description="Measure models on dev speakers.")
    parser.add_argument("corpora", type=Path)
    parser.add_argument("models", nargs="+", metavar="NAME=MODEL")
    parser.add_argument(
        "--noise",
        type=Path,
        help="measure in noise and rooms too: the folder that SEROTONE_NOISE names",
    )
    asked = parser.parse_args()
    clips = dev_clips(asked.corpora)
    kept = json.loads(OUT.read_text()) if OUT.is_file() else {"uar": {}}
    kept["speakers"] = SPEAKERS
    kept["n"] = {corpus: len(utterances) for corpus, (utterances, _) in clips.items()}
    ways: dict[str, Alter] = {CLEAN: lambda audio, _: audio}
    if asked.noise:
        ways |= alterations(asked.noise)
    for named in asked.models:
        name, _, model = named.partition("=")
        figures = measure(model or name, clips, ways)
        print(name, figures)
        kept["uar"][name] = figures.pop(CLEAN)
        if figures:
            kept.setdefault("altered", {})[name] = figures
        OUT.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
