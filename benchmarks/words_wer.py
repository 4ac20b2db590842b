"""Word error rate of a transcriber on all clips of RAVDESS, by emotion and by strength.

    python benchmarks/words_wer.py ../shared/corpora/ravdess

Two sentences, 24 actors, eight emotions in two strengths. It takes about half an hour of one core.
What was heard is kept line by line in ``--heard``, so that a run that was stopped goes on where it
ended, and so that the other measurements need not listen again.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from serotone import corpora
from serotone.audio.io import read
from serotone.labels import CANONICAL
from serotone.metrics.wer import word_errors
from serotone.types import Utterance
from serotone.words.transcribe import open_transcriber

ROOT = Path(__file__).resolve().parents[1]
SENTENCES = {"kids": "kids are talking by the door", "dogs": "dogs are sitting by the door"}
STRENGTHS = {"normal": 0.0, "strong": 1.0}


def listen(utterances: Iterable[Utterance], path: Path, engine: str) -> dict[str, dict[str, Any]]:
    """The transcript of each clip by its id, from the file where it is there."""
    heard = {}
    if path.is_file():
        lines = path.read_text(encoding="utf-8").splitlines()
        heard = {row["id"]: row for row in map(json.loads, lines)}
    waiting = [utterance for utterance in utterances if utterance.id not in heard]
    transcribe = open_transcriber(engine) if waiting else None
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        for n, utterance in enumerate(waiting):
            audio = read(utterance.path)
            began = time.process_time()
            transcript = transcribe(audio)
            row = {
                "id": utterance.id,
                "text": transcript.text,
                "confidence": round(transcript.confidence, 6),
                "words": [asdict(word) for word in transcript.words],
                "duration_s": round(audio.duration_s, 3),
                "cpu_s": round(time.process_time() - began, 3),
            }
            file.write(json.dumps(row) + "\n")
            file.flush()
            heard[utterance.id] = row
            if n % 50 == 0:
                print(f"{n} of {len(waiting)}", flush=True)
    return heard


def said(utterance: Utterance) -> str:
    """The sentence that the actor was given."""
    return SENTENCES[utterance.sentence]


def rate(utterances: Sequence[Utterance], heard: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Word errors over words said, and how many clips came out without an error."""
    pairs = [(said(u).split(), heard[u.id]["text"].split()) for u in utterances]
    errors = [word_errors(reference, hypothesis) for reference, hypothesis in pairs]
    n_words = sum(len(reference) for reference, _ in pairs)
    return {
        "n": len(pairs),
        "wer": round(sum(errors) / n_words, 4),
        "exact": round(sum(error == 0 for error in errors) / len(pairs), 4),
        "empty": round(sum(not hypothesis for _, hypothesis in pairs) / len(pairs), 4),
    }


def measure(utterances: Sequence[Utterance], heard: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """All rates: over everything, by emotion, by strength, by both, by sentence, by sex."""

    def of(**wanted: object) -> dict[str, Any]:
        chosen = [u for u in utterances if all(getattr(u, k) == v for k, v in wanted.items())]
        return rate(chosen, heard)

    strong = {
        name: {
            emotion: of(label=emotion, intensity=value)
            for emotion in CANONICAL
            if emotion != "neutral"  # recorded in one strength alone
        }
        for name, value in STRENGTHS.items()
    }
    times = [(heard[u.id]["cpu_s"], heard[u.id]["duration_s"]) for u in utterances]
    return {
        "all": of(),
        "by_emotion": {emotion: of(label=emotion) for emotion in CANONICAL},
        "by_strength": {name: of(intensity=value) for name, value in STRENGTHS.items()},
        "by_strength_and_emotion": strong,
        "by_sentence": {name: of(sentence=name) for name in SENTENCES},
        "by_sex": {sex: of(sex=sex) for sex in ("female", "male")},
        "cpu_s_per_s": round(sum(cpu for cpu, _ in times) / sum(length for _, length in times), 3),
    }


def main() -> None:
    """Listen, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path, help="RAVDESS's own folder")
    parser.add_argument("--engine", default="pocketsphinx")
    parser.add_argument("--heard", type=Path, default=ROOT / "runs/words/ravdess-heard.jsonl")
    parser.add_argument("--out", type=Path, default=ROOT / "results/words-wer-ravdess.json")
    options = parser.parse_args()
    utterances = corpora.read("ravdess", options.root).utterances
    heard = listen(utterances, options.heard, options.engine)
    result = {"corpus": "ravdess", "transcriber": options.engine, **measure(utterances, heard)}
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result["all"]))


if __name__ == "__main__":
    main()
