"""Voice, words and both: on RAVDESS, on synthesised lines of MELD, and in a lexical probe.

    python benchmarks/words_fusion.py ../shared --learn      # weights, on dev
    python benchmarks/words_fusion.py ../shared              # figures, on test

RAVDESS has two sentences for all emotions, so its words can tell nothing. MELD's lines are spoken
by a synthesiser that has no feelings, so their voice can tell nothing. RAVDESS's transcripts are
those that ``benchmarks/words_wer.py`` heard; MELD's lines are taken as written, and a sample
of them as pocketsphinx hears the synthesiser.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import words_probe
from words_wer import listen

from serotone import corpora
from serotone.audio.io import read, read_bytes
from serotone.corpora.split import fold
from serotone.inference.fusion import DEFAULT, SMALLEST, Fusion, fuse
from serotone.inference.recognizer import Recognizer
from serotone.metrics.calibration import ece
from serotone.metrics.classes import accuracy, macro_f1, uar
from serotone.metrics.temperature import fit_temperature
from serotone.store.layout import ONNX, sha256
from serotone.training.text_data import LABELS, read_meld
from serotone.types import Audio, Prediction
from serotone.words.embedded import Embedded
from serotone.words.emotion import predict_texts
from serotone.words.transcribe import open_transcriber

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "runs/words"
HEARD = KEPT / "ravdess-heard.jsonl"
N_MELD = {"dev": 1_100, "test": 800}
N_HEARD = 60
"""Lines of MELD's test part that pocketsphinx hears: it takes longer than they last."""


GRID = {
    "words_weight": (1.4, 2.0, 2.8),
    "neutral_voice": (0.02, 0.1, 0.25),
    "neutral_words": (0.1, 0.25, 0.5),
    "sharpness": (1.0, 3.0),
    "least_confidence": (0.4, 0.6, 0.75),
    "prior_share": (0.5, 0.75),
}
"""What is tried on dev; the voice's weight stands for one."""

TOLERATED = 0.01
"""Share of UAR or accuracy on dev that a sense may cost the other."""


FIELDS = dataclasses.fields(Fusion)


class Case(NamedTuple):
    """One clip: the truth and what each sense says of it."""

    truth: str
    voice: Prediction
    words: Prediction
    confidence: float


def kept(path: Path, make: Callable[[str], Any], keys: Iterable[str]) -> dict[str, Any]:
    """What ``make`` gives for each key, from the file where it is there already."""
    path.parent.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {}
    if path.is_file():
        found = dict(map(json.loads, path.read_text(encoding="utf-8").splitlines()))
    with path.open("a", encoding="utf-8") as file:
        for key in keys:
            if key not in found:
                found[key] = make(key)
                file.write(json.dumps([key, found[key]]) + "\n")
                file.flush()
    return found


def speak(text: str) -> Audio:
    """The text in espeak-ng's American English, neither high nor fast."""
    command = ["espeak-ng", "-v", "en-us", "-p", "50", "-s", "160", "--stdout", "--", text]
    done = subprocess.run(command, check=True, capture_output=True)
    return read_bytes(done.stdout, source="espeak-ng", sample_rate=16000)


class Voice:
    """What the shipped voice model says, remembered between runs."""

    def __init__(self) -> None:
        self._recognizer = Recognizer.open(n_threads=1)
        digest = sha256(self._recognizer.model.path / ONNX)
        self._file = KEPT / f"voice-{digest[:12]}.jsonl"

    def __call__(self, sounds: dict[str, Callable[[], Audio]]) -> list[Prediction]:
        def make(key: str) -> dict[str, float]:
            return dict(self._recognizer.predict_audio(sounds[key]()).probabilities)

        found = kept(self._file, make, sounds)
        return [prediction(found[key]) for key in sounds]


def prediction(shares: dict[str, float]) -> Prediction:
    label = max(shares, key=shares.__getitem__)
    return Prediction("", 0.0, 0.0, shares, label, shares[label])


def ravdess(root: Path, voice: Voice, *, only_heard: bool) -> dict[str, list[Case]]:
    """Dev and test actors of the shipped model, with the words that pocketsphinx heard."""
    utterances = corpora.read("ravdess", root).utterances
    split = fold(utterances, "luna5:1")
    cases = {}
    for part in ("dev", "test"):
        chosen = split.part(part)
        heard = listen(() if only_heard else chosen, HEARD, "pocketsphinx")
        chosen = [u for u in chosen if u.id in heard]
        texts = [heard[u.id]["text"] for u in chosen]
        sounds = {u.id: (lambda path=u.path: read(path)) for u in chosen}
        cases[part] = [
            Case(u.label, said, read_, heard[u.id]["confidence"])
            for u, said, read_ in zip(
                chosen, voice(sounds), predict_texts(Embedded(), texts), strict=True
            )
        ]
    return cases


def meld(root: Path, voice: Voice) -> dict[str, list[Case]]:
    """Lines of dev and test in a neutral synthetic voice, with their words as written."""
    cases = {}
    for part, n in N_MELD.items():
        sentences = read_meld(root, part)
        rows = np.random.default_rng(0).permutation(len(sentences.texts))[:n]
        texts = [sentences.texts[row] for row in rows]
        truth = [LABELS[sentences.truth[row]] for row in rows]
        sounds = {f"espeak:{text}": (lambda text=text: speak(text)) for text in texts}
        voices = dict(zip(sounds, voice(sounds), strict=True))
        cases[part] = [
            Case(label, voices[f"espeak:{text}"], words, 1.0)
            for label, text, words in zip(
                truth, texts, predict_texts(Embedded(), texts), strict=True
            )
        ]
    return cases


def meld_heard(cases: Sequence[Case], *, only_heard: bool) -> list[Case]:
    """The first lines of a part as pocketsphinx hears them."""
    path = KEPT / "meld-heard.jsonl"
    chosen = cases[:N_HEARD]
    if only_heard:
        there = kept(path, dict, ())
        chosen = [case for case in chosen if case.words.text in there]
    transcribe = None if only_heard else open_transcriber()

    def make(text: str) -> dict[str, Any]:
        transcript = transcribe(speak(text))
        return {"text": transcript.text, "confidence": transcript.confidence}

    heard = kept(path, make, [case.words.text for case in chosen])
    rows = [heard[case.words.text] for case in chosen]
    words = predict_texts(Embedded(), [row["text"] for row in rows])
    return [
        case._replace(words=word, confidence=row["confidence"])
        for case, word, row in zip(chosen, words, rows, strict=True)
    ]


def both_of(case: Case, fusion: Fusion) -> Prediction:
    return fuse(case.voice, case.words, transcript_confidence=case.confidence, fusion=fusion)


def scores(cases: Sequence[Case], said: Sequence[Prediction]) -> dict[str, float]:
    """Of one sense, over the labels that the corpus has."""
    labels = sorted({case.truth for case in cases})
    rows = np.array([[narrowed(p, labels)[label] for label in labels] for p in said])
    truth = np.array([labels.index(case.truth) for case in cases])
    chosen = rows.argmax(axis=1)
    return {
        "uar": round(uar(truth, chosen), 4),
        "accuracy": round(accuracy(truth, chosen), 4),
        "macro_f1": round(macro_f1(truth, chosen), 4),
        "confidence": round(float(rows.max(axis=1).mean()), 4),
        "ece": round(ece(rows, truth), 4),
    }


def narrowed(said: Prediction, labels: Sequence[str]) -> dict[str, float]:
    """Shares among a corpus's labels; calm counts as neutral where the corpus has none."""
    shares = dict(said.probabilities)
    if "calm" not in labels and "neutral" in shares:
        shares["neutral"] += shares.pop("calm", 0.0)
    kept_shares = {label: shares.get(label, 0.0) for label in labels}
    total = sum(kept_shares.values()) or 1.0
    return {label: share / total for label, share in kept_shares.items()}


def ablation(cases: Sequence[Case], fusion: Fusion) -> dict[str, Any]:
    n_labels = len({case.truth for case in cases})
    return {
        "n": len(cases),
        "chance_uar": round(1 / n_labels, 4),
        "voice": scores(cases, [case.voice for case in cases]),
        "words": scores(cases, [case.words for case in cases]),
        "both": scores(cases, [both_of(case, fusion) for case in cases]),
    }


def learn(acted: Sequence[Case], spoken: Sequence[Case]) -> Fusion:
    """Temperatures, weights and shares, on the dev parts of the two corpora.

    Each sense's temperature comes from the corpus where it knows something. Of all weights that
    cost neither corpus more than ``TOLERATED`` against its better sense alone, and make neither
    surer by more than that (a sense that knows nothing must not add confidence), those are taken
    that lose least likelihood in the worse corpus: it moves smoothly where UAR of few clips jumps,
    and it punishes confidence that is not earned.
    """
    base = Fusion(
        voice_temperature=temperature(acted, [case.voice for case in acted]),
        words_temperature=temperature(spoken, [case.words for case in spoken]),
        words_prior={
            label: round(float(np.mean([c.words.probabilities[label] for c in spoken])), 4)
            for label in LABELS
        },
    )
    sides = ((acted, [c.voice for c in acted]), (spoken, [c.words for c in spoken]))
    before = [(scores(cases, said), surprise(cases, said)) for cases, said in sides]

    def cost(fusion: Fusion) -> tuple[float, float]:
        points, nats = [], []
        for (cases, _), (alone, surprise_alone) in zip(sides, before, strict=True):
            both = [both_of(case, fusion) for case in cases]
            together = scores(cases, both)
            points += [alone[name] - together[name] for name in ("uar", "accuracy")]
            points.append(together["confidence"] - alone["confidence"])
            nats.append(surprise(cases, both) - surprise_alone)
        return max(TOLERATED, *points), max(nats)

    tried = [
        dataclasses.replace(base, **dict(zip(GRID, values, strict=True)))
        for values in itertools.product(*GRID.values())
    ]
    best = min(tried, key=cost)
    print(json.dumps({"points_and_nats_lost_at_most": cost(best)}))
    for cases, _ in sides:
        print(json.dumps(ablation(cases, best)))
    return best


def surprise(cases: Sequence[Case], said: Sequence[Prediction]) -> float:
    """Mean negative log-likelihood of the truth, in nats."""
    labels = sorted({case.truth for case in cases})
    shares = [narrowed(p, labels)[case.truth] for case, p in zip(cases, said, strict=True)]
    return float(-np.log(np.maximum(shares, SMALLEST)).mean())


def temperature(cases: Sequence[Case], said: Sequence[Prediction]) -> float:
    """That would calibrate what a sense said."""
    labels = sorted({case.truth for case in cases})
    rows = [[narrowed(p, labels)[label] for label in labels] for p in said]
    truth = [labels.index(case.truth) for case in cases]
    return round(fit_temperature(np.log(np.maximum(rows, SMALLEST)), truth), 4)


def main() -> None:
    """Learn on dev, or measure on test."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shared", type=Path, help="holds corpora/ravdess and text/meld")
    parser.add_argument("--learn", action="store_true")
    parser.add_argument("--only-heard", action="store_true", help="clips that were heard already")
    parser.add_argument("--out", type=Path, default=ROOT / "results/words-fusion.json")
    options = parser.parse_args()
    voice = Voice()
    acted = ravdess(options.shared / "corpora/ravdess", voice, only_heard=options.only_heard)
    spoken = meld(options.shared / "text/meld", voice)
    if options.learn:
        fusion = learn(acted["dev"], spoken["dev"])
        print(json.dumps(dataclasses.asdict(fusion), indent=2))
        return
    result = {
        "model": Recognizer.open().model.name,
        "fusion": {
            name: dict(value) if isinstance(value, Mapping) else value
            for name, value in ((f.name, getattr(DEFAULT, f.name)) for f in FIELDS)
        },
        "ravdess_test": ablation(acted["test"], DEFAULT),
        "meld_test_synthesised": ablation(spoken["test"], DEFAULT),
        "meld_test_synthesised_heard": ablation(
            meld_heard(spoken["test"], only_heard=options.only_heard), DEFAULT
        ),
        "lexical_probe": words_probe.measure(speak, voice, acted["test"]),
    }
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
