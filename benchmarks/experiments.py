"""What was tried to hear new voices better, and what it gave: docs/experiments.md from results/.

    python benchmarks/experiments.py

Every speaker-independent run is in the table, losers included, in the order of the figure that
choices go by: UAR on the dev speakers, at the epoch that was kept.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from serotone.errors import ConfigError
from serotone.evaluation.results import Result, read_results
from serotone.training.recipe import load_recipe

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/experiments.md"
DEV = ROOT / "benchmarks/results/dev_speakers.json"
HEAD = """# What was tried

<!-- Made by `python benchmarks/experiments.py` from results/*.json: change nothing here. -->

Each row is a recipe on a split whose test speakers taught nothing. **Dev** is the figure by which
its epoch was chosen, and by which recipes may be compared; **test** was looked at once a run and
chose nothing. A mean over folds and seeds stands beside them, fold by fold. `serotone benchmark
RECIPE` repeats a row.

Two dev actors, as a fold of `luna5` has, tell little: their figure moves by several points with the
seed. Where two rows lie closer than that, neither is better.

"""
COLUMNS = (
    *("recipe", "what", "learned from", "test", "folds", "dev UAR", "test UAR", "each fold"),
    *("parameters", "training"),
)


def header(columns: Sequence[str]) -> list[str]:
    """The first two lines of a table."""
    return ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]


def dev_uar(result: Result) -> float | None:
    """UAR on dev at the epoch that was kept, where the result has its curve."""
    if result.curve is None:
        return None
    value = result.curve.dev_uar[result.curve.kept - 1]
    return None if math.isnan(value) else value


def row(results: list[Result]) -> str:
    """A line of the table: the folds of one recipe on one corpus."""
    first = results[0]
    dev = [value for value in map(dev_uar, results) if value is not None]
    folds = ", ".join(str(fold) for fold in sorted({r.fold or 1 for r in results}))
    try:
        what = load_recipe(first.recipe).description
    except ConfigError:
        base, _, how = first.recipe.rpartition("-")
        what = f"the seeds of `{base}` together ({how})" if how in ("average", "vote") else ""
    trained_s = [r.train_s for r in results if r.train_s]
    return (
        f"| `{first.recipe}` | {what} | {first.trained_on or first.corpus} "
        f"| {first.tested}, {first.split_name}, {len(first.labels)} classes "
        f"| {folds}{f' of {first.n_folds}' if first.n_folds else ''} "
        f"| {f'{mean(dev):.1%}' if dev else '–'} | {mean(r.uar for r in results):.1%} "
        f"| {', '.join(f'{r.uar:.1%}' for r in results) if len(results) > 1 else ''} "
        f"| {first.params or 0:,} | {f'{mean(trained_s) / 60:.0f} min' if trained_s else '–'} |"
    )


def across_corpora() -> str:
    """The table that the shipped model is chosen by: UAR on dev speakers of four corpora."""
    kept = json.loads(DEV.read_text(encoding="utf-8"))
    corpora = list(kept["n"])
    lines = [
        "",
        "## One model for several corpora",
        "",
        "UAR on the dev speakers of each corpus (`benchmarks/dev_speakers.py`), by which the",
        "shipped model is chosen. `studio` and `robust` have never heard nEMO (Polish) or ASED",
        "(Amharic), `pretrain` has never heard RAVDESS. `studio`, `robust`, `world` and `default`",
        "each go on from the one before.",
        "",
        *header(("model", *(f"{c}, {kept['n'][c]} clips" for c in corpora), "mean")),
    ]
    for name, figures in kept["uar"].items():
        shares = [figures[corpus] for corpus in corpora]
        lines.append(
            f"| `{name}` | " + " | ".join(f"{x:.1%}" for x in (*shares, mean(shares))) + " |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the page."""
    groups: defaultdict[tuple[object, ...], list[Result]] = defaultdict(list)
    for result in read_results(ROOT / "results"):
        if result.protocol == "honest":
            key = (result.recipe, result.tested, result.split_name, result.part)
            groups[key].append(result)

    def rank(results: list[Result]) -> float:
        found = [value for value in map(dev_uar, results) if value is not None]
        return -mean(found) if found else 0.0

    lines = [
        row(sorted(results, key=lambda r: (r.fold or 0, r.seed or 0)))
        for results in sorted(groups.values(), key=rank)
    ]
    PAGE.write_text(
        HEAD + "\n".join([*header(COLUMNS), *lines]) + "\n" + across_corpora(), encoding="utf-8"
    )
    print(PAGE)


if __name__ == "__main__":
    main()
