"""Four corpora teach, the fifth has never been heard: how each of the five is heard then.

    serotone benchmark loco --folds all --corpora ../shared/corpora
    python benchmarks/corpus_matrix.py --corpora ../shared/corpora

A row is a model of that benchmark, without the corpus it is named after. Of that corpus all clips
are heard; of the other four, those of the speakers who did not teach.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from serotone.corpora.split import folds
from serotone.evaluation.evaluate import evaluate
from serotone.inference.recognizer import Recognizer
from serotone.training.datasets import read_corpora
from serotone.training.recipe import load_recipe
from serotone.types import Sides, Split, Utterance

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "benchmarks/results/corpus_matrix.json"
RECIPE = "loco"


def measure(model: Path, split: Sides, corpora: dict[str, list[Utterance]]) -> dict[str, object]:
    """UAR, its interval and the number of clips, by corpus; none where nobody was kept apart."""
    recognizer = Recognizer.open(model, sound_check=False)
    row: dict[str, object] = {}
    for corpus, rows in corpora.items():
        heard = tuple(u for u in (*split.dev, *split.test) if u.corpus == corpus)
        if not heard:
            continue
        side = Split(split.name, split.train, (), heard)
        # Those kept apart fitted the temperature, which changes no answer, and nothing else.
        told = evaluate(recognizer, rows, corpus=corpus, split=side, allow_seen_speakers=True)
        row[corpus] = {
            "uar": round(told.uar, 4),
            "uar_ci": [round(told.uar_ci.low, 4), round(told.uar_ci.high, 4)],
            "n": len(told.answers),
            "n_labels": len(told.labels),
        }
    return row


def main() -> None:
    """Measure all models that are there, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", type=Path, default=Path("../shared/corpora"))
    parser.add_argument("--runs", type=Path, default=ROOT / "runs")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    recipe = load_recipe(RECIPE)
    names = recipe.data.corpora
    utterances = read_corpora(recipe, {name: options.corpora / name for name in names})
    corpora = {name: [u for u in utterances if u.corpus == name] for name in sorted(names)}
    kept: dict[str, dict[str, object]] = {}
    for split in folds(utterances, RECIPE, seed=recipe.seed):
        folder = options.runs / f"{RECIPE}-{split.name}-{recipe.seed}".replace(":", "-")
        left_out = split.test[0].corpus
        if not (folder / RECIPE).is_dir():
            print(f"{folder} is not there: serotone benchmark {RECIPE} --folds all")
            continue
        kept[left_out] = measure(folder / RECIPE, split, corpora)
        print(left_out, kept[left_out])
    options.out.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
