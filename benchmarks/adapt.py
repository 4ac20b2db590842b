"""What `serotone adapt` is worth: a model before and after it has heard a voice.

    python benchmarks/adapt.py dev CORPORA --noise FOLDER    # how much to mix, on dev speakers
    python benchmarks/adapt.py test CORPORA --noise FOLDER   # what it gives, on test speakers
    python benchmarks/adapt.py page                          # the tables of docs/adapt.md

Each speaker's clips are cut in two at random. The model hears one half without labels and is
measured on the other, then the other way round, so that no clip is judged that was given. On dev
speakers the share and the number of clips vary; on test speakers the share is the one in use.
Noise of dev is of the kinds that may teach, of test of those held out.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from dev_speakers import alterations
from numpy.typing import NDArray
from performance_page import filled
from scipy.special import softmax

from serotone.audio.io import read as read_audio
from serotone.corpora import read
from serotone.evaluation.conditions import SNRS_DB, conditions
from serotone.evaluation.predict_utterances import Alter
from serotone.metrics.calibration import ece
from serotone.metrics.classes import accuracy, uar
from serotone.metrics.interval import bootstrap_over_speakers, paired_bootstrap_over_speakers
from serotone.metrics.selective import conformal_sets
from serotone.store.card_figures import table
from serotone.store.load import describe, resolve
from serotone.training.adapt import SHARE, logits_of, refit, reopen
from serotone.types import Utterance, speakers

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "benchmarks/results/adapt.json"
PAGE = ROOT / "docs/adapt.md"
MOST = 60
"""Clips of a speaker that are taken on dev, where the grid is large."""
SHARES = (0.3, 0.5, 0.7)
COUNTS = (5, 20)
WAYS = {"dev": ("telephone", "noise, 10 dB"), "test": ("telephone", "noise-10db", "noise-0db")}
CALM = ("neutral", "calm")
COVERAGE = 0.9
"""Of the sets of labels."""


def people(side: str, corpora: Path, model: Model) -> dict[str, dict[str, list[Utterance]]]:
    """Clips of the model's dev or test speakers, by corpus and speaker, in random order."""
    found: dict[str, dict[str, list[Utterance]]] = {}
    wanted = model.info.provenance[f"{side}_speakers"]
    for corpus in sorted({speaker.partition("-")[0] for speaker in wanted}):
        utterances = [
            u
            for u in read(corpus, corpora / corpus).utterances
            if u.speaker in wanted and u.label in model.info.labels
        ]
        by_speaker = found.setdefault(corpus, {})
        for speaker in speakers(utterances):
            by_speaker[speaker] = [u for u in utterances if u.speaker == speaker]
            random.Random(speaker).shuffle(by_speaker[speaker])
    return found


class Measured(NamedTuple):
    """What was said of clips.

    Attributes:
        said: (M, C) probabilities by the way of adapting.
        truth: (M,) indices of labels.
        speakers: M names.
        threshold: of the model's sets of labels; NaN where it has none.
    """

    said: dict[str, NDArray[np.float64]]
    truth: NDArray[np.int64]
    speakers: list[str]
    threshold: float = np.nan


class Model:
    """A net as it is in its folder, and copies of it that know a voice."""

    def __init__(self, name: str) -> None:
        self.info = describe(resolve(name))
        self.temperature = json.loads((self.info.path / "model.json").read_text())["temperature"]

    def probabilities(
        self,
        signals: Sequence[NDArray[np.float32]],
        labels: Sequence[str],
        *,
        known: Sequence[NDArray[np.float32]] = (),
        share: float = SHARE,
    ) -> NDArray[np.float64]:
        """(M, C) of these labels, after hearing ``known`` where there is any."""
        net, temperature = reopen(self.info), self.temperature
        if known:
            temperature = refit(net, known, share=share, temperature=temperature)
        columns = [self.info.labels.index(label) for label in labels]
        logits: NDArray[np.float64] = logits_of(net, signals)[:, columns]
        return np.asarray(softmax(logits / temperature, axis=1))


def halves(n: int) -> list[tuple[range, range]]:
    """What is given and what is judged, both ways."""
    first, second = range(n // 2), range(n // 2, n)
    return [(first, second), (second, first)]


def hear(ours: Iterable[Utterance], rate: int, alter: Alter | None) -> list[NDArray[np.float32]]:
    """The clips' signals, through what alters them."""
    sounds = ((read_audio(u.path, sample_rate=rate), u.id) for u in ours)
    return [(alter(sound, id) if alter else sound).signal for sound, id in sounds]


def measure(
    model: Model,
    by_speaker: Mapping[str, Sequence[Utterance]],
    labels: Sequence[str],
    ways: Mapping[str, tuple[str, int, float]],
    alter: Alter | None,
) -> Measured:
    """Probabilities of all clips by each way of adapting.

    Args:
        ways: which clips are given ("none", "any" or "calm"), how many at most, and the share.
    """
    said: defaultdict[str, list[NDArray[np.float64]]] = defaultdict(list)
    truth, names = [], []
    for speaker, ours in by_speaker.items():
        signals = hear(ours, model.info.sample_rate, alter)
        for given, judged in halves(len(ours)):
            judged_signals = [signals[i] for i in judged]
            truth += [labels.index(ours[i].label or "") for i in judged]
            names += [speaker] * len(judged)
            for name, (which, most, share) in ways.items():
                clips = [i for i in given if which != "calm" or ours[i].label in CALM]
                known = [] if which == "none" else [signals[i] for i in clips[:most]]
                said[name].append(
                    model.probabilities(judged_signals, labels, known=known, share=share)
                )
    joined = {name: np.concatenate(rows) for name, rows in said.items()}
    threshold = model.info.thresholds.get(COVERAGE, np.nan)
    return Measured(joined, np.array(truth), names, threshold)


def on_dev(model: Model, corpora: Path, noise: Path) -> dict[str, Any]:
    """Mean UAR over corpora by condition, number of clips and share."""
    given = {**{f"{n}": ("any", n) for n in COUNTS}, "half": ("any", 10**6)}
    given["neutral and calm"] = ("calm", 10**6)
    ways = {"none": ("none", 0, 0.0)} | {
        f"{name}|{share}": (*what, share) for name, what in given.items() for share in SHARES
    }
    through: dict[str, Alter | None] = {"clean": None}
    through |= {k: v for k, v in alterations(noise).items() if k in WAYS["dev"]}
    figures: defaultdict[str, defaultdict[str, list[float]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for by_speaker in people("dev", corpora, model).values():
        few = {name: ours[:MOST] for name, ours in by_speaker.items()}
        labels = known_labels(model, few)
        for condition, alter in through.items():
            measured = measure(model, few, labels, ways, alter)
            for way, rows in measured.said.items():
                figures[condition][way].append(uar(measured.truth, rows.argmax(axis=1)))
    return {
        condition: {way: round(float(np.mean(values)), 4) for way, values in by_way.items()}
        for condition, by_way in figures.items()
    }


def on_test(models: Sequence[Model], corpora: Path, noise: Path, bad: bool) -> dict[str, Any]:
    """UAR before and after on each corpus's test speakers, with intervals.

    Args:
        models: one, or one a fold, whose speakers are taken together.
        bad: also by telephone and in noise.
    """
    ways = {"none": ("none", 0, 0.0), "10": ("any", 10, SHARE), "half": ("any", 10**6, SHARE)}
    through: dict[str, Alter | None] = {"clean": None}
    if bad:
        found = conditions(noise=noise / "esc10")
        through |= {one.name: one.alter for one in found if one.name in WAYS["test"]}
    pooled: defaultdict[tuple[str, str], list[Measured]] = defaultdict(list)
    for model in models:
        for corpus, by_speaker in people("test", corpora, model).items():
            labels = known_labels(model, by_speaker)
            for condition, alter in through.items():
                measured = measure(model, by_speaker, labels, ways, alter)
                pooled[corpus, condition].append(measured)
                print(model.info.path, corpus, condition, flush=True)
    figures: dict[str, Any] = {}
    for (corpus, condition), parts in pooled.items():
        figures.setdefault(corpus, {})[condition] = before_and_after(parts)
    return figures


def before_and_after(parts: Sequence[Measured]) -> dict[str, Any]:
    """Scores by each way of adapting, and what is gained on none."""
    said = {way: np.concatenate([part.said[way] for part in parts]) for way in parts[0].said}
    truth = np.concatenate([part.truth for part in parts])
    names = [name for part in parts for name in part.speakers]
    row: dict[str, Any] = {"n": len(truth), "n_speakers": len(set(names))}
    for way, rows in said.items():
        got = rows.argmax(axis=1)
        interval = bootstrap_over_speakers(uar, truth, got, names)
        row[way] = {
            "uar": round(uar(truth, got), 4),
            "uar_ci": [round(interval.low, 4), round(interval.high, 4)],
            "ece": round(ece(rows, truth), 4),
            "sure": round(float(rows.max(axis=1).mean()), 4),
            "accuracy": round(accuracy(truth, got), 4),
        }
        held = float(np.mean(holds(parts, way)))
        if not np.isnan(held):
            row[way]["held"] = round(held, 4)
        if way != "none":
            before = said["none"].argmax(axis=1)
            gained = paired_bootstrap_over_speakers(uar, truth, got, before, names)
            ends = (gained.interval.low, gained.interval.high)
            row[way]["gained"] = round(gained.value, 4)
            row[way]["gained_ci"] = [round(end, 4) for end in ends]
            row[way]["p"] = round(gained.p_value, 4)
    return row


def holds(parts: Sequence[Measured], way: str) -> NDArray[np.float64]:
    """(M,) whether a clip's set of labels holds the truth; NaN without a threshold."""
    found = []
    for part in parts:
        inside = conformal_sets(part.said[way], part.threshold)[
            np.arange(len(part.truth)), part.truth
        ]
        found.append(np.where(np.isnan(part.threshold), np.nan, inside))
    return np.concatenate(found)


def known_labels(model: Model, by_speaker: Mapping[str, Sequence[Utterance]]) -> list[str]:
    """The model's labels that these clips have."""
    there = {u.label for ours in by_speaker.values() for u in ours}
    return [label for label in model.info.labels if label in there]


def dev_table(figures: Mapping[str, Mapping[str, float]]) -> str:
    """Mean UAR of the corpora by what is given, condition and share."""
    shares = sorted({way.partition("|")[2] for way in figures["clean"]} - {""})
    counts = list(dict.fromkeys(w.partition("|")[0] for w in figures["clean"] if "|" in w))
    rows = []
    for condition, by_way in figures.items():
        before = f"{by_way['none']:.1%}"
        for count in counts:
            cells = [f"{by_way[f'{count}|{share}']:.1%}" for share in shares]
            rows.append((condition, f"{count} clips" if count.isdigit() else count, before, *cells))
    head = ("heard through", "given", "before", *(f"share {share}" for share in shares))
    return table(head, rows)


def test_table(by_model: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """UAR before and after, corpus by corpus."""

    def points(*values: float) -> str:
        return ", ".join(f"{100 * value:+.1f}" for value in values)

    titles = {"clean": "clean"} | {one.name: one.title for one in conditions()}
    titles |= {f"noise-{db}db": f"noise, {db} dB" for db in SNRS_DB}
    rows: list[tuple[str, ...]] = []
    for name, figures in by_model.items():
        for corpus, by_condition in figures.items():
            for condition, row in by_condition.items():
                who = f"{corpus}, {row['n_speakers']} speakers, {row['n']:,} clips"
                gained = f"{points(row['half']['gained'])} [{points(*row['half']['gained_ci'])}]"
                eces = f"{row['none']['ece']:.3f} → {row['half']['ece']:.3f}"
                uars = (f"{row[way]['uar']:.1%}" for way in ("none", "10", "half"))
                held = [row[way].get("held", np.nan) for way in ("none", "half")]
                sets = "" if np.isnan(held).any() else f"{held[0]:.0%} → {held[1]:.0%}"
                rows.append((f"`{name}`", who, titles[condition], *uars, gained, eces, sets))
        for condition in next(iter(figures.values())) if len(figures) > 1 else ():
            means = [
                float(
                    np.mean(
                        [by_condition[condition][way]["uar"] for by_condition in figures.values()]
                    )
                )
                for way in ("none", "10", "half")
            ]
            uars = (f"{value:.1%}" for value in means)
            gained = points(means[2] - means[0])
            rows.append((f"`{name}`", "**mean of them**", titles[condition], *uars, gained, "", ""))
    head = ("model", "test speakers", "heard through", "before", "10 clips", "half")
    return table((*head, "gained [95 %]", "ECE", "sets of 90 % hold"), rows)


def write_page() -> None:
    """Put the tables between their marks."""
    kept = json.loads(OUT.read_text(encoding="utf-8"))
    page = PAGE.read_text(encoding="utf-8")
    for name, made in (("dev", dev_table), ("test", test_table)):
        if name not in kept:
            continue
        page = filled(page, name, made(kept[name]))
    PAGE.write_text(page, encoding="utf-8")


def main() -> None:
    """Measure and keep the figures, or write the page."""
    parser = argparse.ArgumentParser(description="Measure what adapting to a voice gives.")
    parser.add_argument("what", choices=("dev", "test", "page"))
    parser.add_argument("corpora", type=Path, nargs="?")
    parser.add_argument("--noise", type=Path, help="the folder that SEROTONE_NOISE names")
    parser.add_argument("--model", action="append", help="more than once for several folds")
    parser.add_argument("--name", default="default", help="of these models, in the table")
    parser.add_argument("--clean", action="store_true", help="test: neither telephone nor noise")
    asked = parser.parse_args()
    if asked.what != "page":
        if asked.corpora is None or asked.noise is None:
            parser.error("give CORPORA and --noise")
        models = [Model(name) for name in asked.model or ["default"]]
        kept = json.loads(OUT.read_text()) if OUT.is_file() else {}
        kept["share"] = SHARE
        if asked.what == "dev":
            kept["dev"] = on_dev(models[0], asked.corpora, asked.noise)
        else:
            figures = on_test(models, asked.corpora, asked.noise, bad=not asked.clean)
            kept.setdefault("test", {}).setdefault(asked.name, {}).update(figures)
        OUT.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    if PAGE.is_file() and OUT.is_file():
        write_page()


if __name__ == "__main__":
    main()
