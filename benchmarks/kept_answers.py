"""Recipes together by the answers that are kept of them: what an ensemble would say.

    python benchmarks/kept_answers.py ravdess-longer+ravdess-ecapa-longer+ravdess-functionals@luna5

No model is needed: probabilities of ``results/predictions`` are averaged, fold by fold, first
seeds alone. ``serotone ensemble`` makes the model that answers so. Figures of other groups stay.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from serotone.benchmark.result_store import Result, read_results
from serotone.evaluation.result import probabilities_of, truth_of
from serotone.metrics.classes import uar
from serotone.metrics.interval import bootstrap_over_speakers

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "benchmarks/results/kept_answers.json"


def together(members: Sequence[Sequence[Result]]) -> dict[str, Any]:
    """Figures of the mean of the members' probabilities.

    Args:
        members: of each recipe its folds, all of the same folds with the same labels.
    """
    labels = members[0][0].labels
    truth, said, speakers, folds = [], [], [], []
    for of_fold in zip(*members, strict=True):
        by_id = [{answer.id: answer for answer in result.answers} for result in of_fold]
        if any(by.keys() != by_id[0].keys() for by in by_id):
            raise SystemExit("the recipes were not tested on the same clips")
        heard = [[by[i] for i in by_id[0]] for by in by_id]
        probabilities = np.mean([probabilities_of(answers, labels) for answers in heard], axis=0)
        truth.append(truth_of(heard[0], labels))
        said.append(probabilities.argmax(axis=1))
        folds.append(uar(truth[-1], said[-1]))
        speakers += [answer.speaker for answer in heard[0]]
    true, chosen = np.concatenate(truth), np.concatenate(said)
    interval = bootstrap_over_speakers(uar, true, chosen, speakers)
    return {
        "n": len(true),
        "n_parameters": sum(of[0].params or 0 for of in members),
        "uar": round(uar(true, chosen), 4),
        "uar_ci": [round(interval.low, 4), round(interval.high, 4)],
        "mean_of_folds": round(mean(folds), 4),
        "folds": [round(value, 4) for value in folds],
    }


def main() -> None:
    """Measure the groups that are named, and keep the others' figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("groups", nargs="+", metavar="RECIPE+RECIPE@SPLIT")
    results = read_results(ROOT / "results")
    kept = json.loads(OUT.read_text(encoding="utf-8")) if OUT.is_file() else {}
    for group in parser.parse_args().groups:
        names, _, split = group.partition("@")
        members = [
            sorted(
                (
                    r
                    for r in results
                    if r.recipe == name and r.split_name == split and r.seed in (0, None)
                ),
                key=lambda r: r.fold or 0,
            )
            for name in names.split("+")
        ]
        if not all(members):
            raise SystemExit(f"{group}: no result of one of these in {ROOT / 'results'}")
        kept[group] = together(members)
        print(group, kept[group])
        OUT.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
