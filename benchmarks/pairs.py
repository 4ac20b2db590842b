"""Two nets of the search together: which of them differ enough to be worth two.

    python benchmarks/pairs.py --corpora ../shared/corpora

After ``serotone benchmark --suite search``, whose models it takes from the folder of runs. Each
model alone and each pair, probabilities averaged, on the dev actors of the recipe ``search``; no
test speaker is heard.
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np

from serotone.audio.io import read as read_audio
from serotone.corpora import read
from serotone.inference.recognizer import Recognizer
from serotone.metrics.classes import uar
from serotone.store.load import describe
from serotone.training.recipe import load_recipe

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "benchmarks/results/pairs.json"


def models(runs: Path) -> dict[str, Path]:
    """Folders of the search's models, by their names."""
    found = (path.parent for path in sorted(runs.glob("search*-speakers-0/*/model.json")))
    return {path.name: path for path in found if path.parent.name.startswith(path.name)}


def main() -> None:
    """Measure, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", type=Path, default=Path("../shared/corpora"))
    parser.add_argument("--runs", type=Path, default=ROOT / "runs")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    recipe = load_recipe("search")
    utterances = read("ravdess", options.corpora / "ravdess").utterances
    ours = [u for u in utterances if u.speaker in recipe.data.dev_speakers]
    labels = list(recipe.data.labels)
    truth = np.array([labels.index(u.label or "") for u in ours])
    said, n_parameters = {}, {}
    for name, folder in models(options.runs).items():
        recognizer = Recognizer.open(folder, sound_check=False)
        sounds = [read_audio(u.path, sample_rate=recognizer.sample_rate) for u in ours]
        answers = recognizer.predict_batch(sounds)
        said[name] = np.array([[a.probabilities[label] for label in labels] for a in answers])
        n_parameters[name] = describe(folder).n_parameters
    rows: list[tuple[str, ...]] = [(name,) for name in said]
    rows += itertools.combinations(said, 2)
    figures: list[dict[str, Any]] = [
        {
            "models": list(names),
            "n_parameters": sum(n_parameters[name] for name in names),
            "uar": round(uar(truth, np.sum([said[n] for n in names], axis=0).argmax(axis=1)), 4),
        }
        for names in rows
    ]
    kept = {"speakers": list(recipe.data.dev_speakers), "n": len(ours), "uar": figures}
    options.out.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    for figure in sorted(figures, key=lambda f: -f["uar"]):
        print(f"{figure['uar']:.3f}  {figure['n_parameters']:>9,}  {' + '.join(figure['models'])}")


if __name__ == "__main__":
    main()
