"""What was tried to hear new voices better, and what it gave: docs/experiments.md from results/.

    python benchmarks/experiments.py

Every speaker-independent run is in the table, losers included, in the order of the figure that
choices go by: UAR on the dev speakers, at the epoch that was kept. Options of a recipe, called
``RECIPE+OPTION``, have tables of their own.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from serotone.benchmark.aggregate import option_of
from serotone.benchmark.result_store import Result, read_results
from serotone.benchmark.suite import load_suite
from serotone.errors import ConfigError
from serotone.training.recipe import load_recipe

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/experiments.md"
DEV = ROOT / "benchmarks/results/dev_speakers.json"
MATRIX = ROOT / "benchmarks/results/corpus_matrix.json"
PAIRS = ROOT / "benchmarks/results/pairs.json"
AGAIN = ROOT / "benchmarks/results/hear_again.json"
KEPT = ROOT / "benchmarks/results/kept_answers.json"
SEARCH = "search"
"""The recipe that single changes are told apart on, and the suite that names them."""

HEAD = """# What was tried

<!-- Made by `python benchmarks/experiments.py` from results/*.json: change nothing here. -->

Each row is a recipe on a split whose test speakers taught nothing. **Dev** is the figure by which
its epoch was chosen, and by which recipes may be compared; **test** was looked at once a run and
chose nothing. A mean over folds and seeds stands beside them, fold by fold. `serotone benchmark
RECIPE` repeats a row.

Two dev actors, as a fold of `luna5` has, tell little: their figure moves by several points with the
seed. Where two rows lie closer than that, neither is better.

What each augmentation and preparation does for the 2D-CNN stands in
[results.md](results.md#what-an-option-helps).

"""
COLUMNS = (
    *("recipe", "what", "learned from", "test", "folds", "dev UAR", "test UAR", "each fold"),
    *("parameters", "training"),
)


def header(columns: Sequence[str]) -> list[str]:
    """The first two lines of a table."""
    return ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]


def shares_row(name: str, shares: Sequence[float]) -> str:
    """A line of a table: a name of a model, and shares in per cent, NaN where unknown."""
    cells = ["–" if math.isnan(share) else f"{share:.1%}" for share in shares]
    return f"| `{name}` | " + " | ".join(cells) + " |"


def dev_uar(result: Result) -> float | None:
    """UAR on dev at the epoch that was kept, where the result has its curve."""
    if result.curve is None:
        return None
    value = result.curve.dev_uar[result.curve.kept - 1]
    return None if math.isnan(value) else value


def ensemble(name: str) -> str:
    """What an ensemble is made of; empty when ``name`` is none."""
    for entry in load_suite("default"):
        if entry.together == name:
            recipes = " and ".join(f"`{recipe}`" for recipe in (entry.recipe, *entry.beside))
            return f"{recipes} of each fold as one model ({entry.ensemble})"
    base, _, how = name.rpartition("-")
    return f"the seeds of `{base}` together ({how})" if how in ("average", "vote") else ""


def row(results: list[Result]) -> str:
    """A line of the table: the folds of one recipe on one corpus."""
    first = results[0]
    dev = [value for value in map(dev_uar, results) if value is not None]
    folds = ", ".join(str(fold) for fold in sorted({r.fold or 1 for r in results}))
    try:
        what = load_recipe(first.recipe).description
    except ConfigError:
        what = ensemble(first.recipe)
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
        "(Amharic), `pretrain` has never heard RAVDESS; `pretrain-bands` is the same in",
        "bfloat16, each band less its mean over the clip. `studio`, `robust`, `world`,",
        "`balanced` and `unaveraged` each go on from the one before; that was shipped until",
        "five that go on from it, `rooms`, `again`, `noisy`, `line` and `phone`, were averaged",
        "with it. `default` is their mean as it is shipped, `all-alike` that with equal shares,",
        "`rooms-quarter` and `rooms-half` hold that share of `rooms` and nothing of the others",
        "(`serotone ensemble --how weights`; why: [decision",
        "6](decisions/0006-one-model-in-five-trainings.md)). `world-bands` is `world` begun",
        "with `pretrain-bands`, each band less its mean over the clip too (`serotone train",
        "world` with `init`, the mode of the scale, `precision` and `keep` as there): as good",
        "as `world` on average, no better by telephone, and not taken further.",
        "",
        "`five-functionals` is the recipe of that name, `-clean` the same without altered copies",
        "(`waveform.copies=0`), `four-functionals` that without TESS. `unaveraged-and-…` is it and",
        "that net as one model (`serotone ensemble --calibrate`). The first is a little",
        "better on clean speech, no better in noise or by telephone, at ten times the work, and so",
        "not shipped; without copies and TESS more is gained on clean speech. Noise was not",
        "measured there.",
        "",
        *header(("model", *(f"{c}, {kept['n'][c]} clips" for c in corpora), "mean")),
    ]
    for name, figures in kept["uar"].items():
        shares = [figures[corpus] for corpus in corpora]
        lines.append(shares_row(name, [*shares, mean(shares)]))
    altered = kept["altered"]
    ways = list(dict.fromkeys(way for by_way in altered.values() for way in by_way))
    lines += [
        "",
        "The mean of the four through noise of the kinds that may teach, a room that may, a",
        "telephone, MP3 at 16 kbit/s, and with one second left of each clip:",
        "",
        *header(("model", "clean", *ways)),
    ]
    for name, by_way in altered.items():
        by_corpus = [kept["uar"][name], *(by_way.get(way, {}) for way in ways)]
        lines.append(shares_row(name, [mean(by.values()) if by else math.nan for by in by_corpus]))
    return "\n".join(lines) + "\n"


def one_change(results: Sequence[Result]) -> str:
    """The table of single changes to the recipe ``search``, by what dev says of them."""
    base = next((r for r in results if r.recipe == SEARCH), None)
    before = dev_uar(base) if base else None
    if before is None:
        return ""
    changes = {
        f"{entry.recipe}+{entry.option}": ", ".join(f"`{change}`" for change in entry.assignments)
        for entry in load_suite(SEARCH)
        if entry.option
    }
    lines = [
        "",
        "## One change at a time",
        "",
        f"`serotone benchmark --suite {SEARCH}`: a short training on eleven actors of RAVDESS, and",
        "the same with one thing changed, by UAR on eight dev actors. Of 480 clips the standard",
        "error is two points: take smaller differences for none.",
        "",
        "In so short a training masks cost more than they give, and options that mask less look",
        "good for that alone: `no-masks`, and `mels-128`, whose masks are as many bands wide but",
        "cover half as much. With masks twice as wide, in a net of the base's size,",
        "`mels-128-wide-masks` loses. After a second cycle masks make no difference.",
        "",
        *header(("change", "settings", "dev UAR", "difference", "parameters", "training")),
    ]
    rows = [(r, dev_uar(r)) for r in results]
    for result, dev in sorted(rows, key=lambda item: -(item[1] or 0.0)):
        if dev is not None:
            name = result.recipe.partition("+")[2] or "none"
            lines.append(
                f"| {name} | {changes.get(result.recipe, '')} | {dev:.1%} "
                f"| {'' if result is base else f'{100 * (dev - before):+.1f}'} "
                f"| {result.params or 0:,} | {(result.train_s or 0) / 60:.0f} min |"
            )
    return "\n".join(lines) + "\n"


def pairs() -> str:
    """The table of two nets of the search together, the best ten, beside the nets alone."""
    if not PAIRS.is_file():
        return ""
    kept = json.loads(PAIRS.read_text(encoding="utf-8"))
    alone = {row["models"][0]: row["uar"] for row in kept["uar"] if len(row["models"]) == 1}
    song = []
    if "search+song" in alone:
        song = [
            "`song`, whose figure above is of speech and song both, has",
            f"{alone['search+song']:.1%} on speech alone.",
        ]
    best = sorted(
        (row for row in kept["uar"] if len(row["models"]) == 2), key=lambda row: -row["uar"]
    )[:10]
    lines = [
        "",
        "### Two nets together",
        "",
        "The best ten pairs of these nets, their probabilities averaged (`benchmarks/pairs.py`),",
        "on the same actors' speech. Of so many the best is so partly by luck.",
        *song,
        "",
        *header(("pair", "dev UAR", "the better one alone", "difference", "parameters")),
    ]
    for row in best:
        names = [name.partition("+")[2] or SEARCH for name in row["models"]]
        better = max(alone[name] for name in row["models"])
        lines.append(
            f"| {' and '.join(names)} | {row['uar']:.1%} | {better:.1%} "
            f"| {100 * (row['uar'] - better):+.1f} | {row['n_parameters']:,} |"
        )
    return "\n".join(lines) + "\n"


def kept_answers() -> str:
    """The table of recipes whose kept answers were averaged."""
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    lines = [
        "",
        "## Recipes together",
        "",
        "Probabilities of these recipes averaged, fold by fold, the first seed of each: from the",
        "answers kept of them (`benchmarks/kept_answers.py`), as `serotone ensemble` of their",
        "models would answer. Those with functionals were put together when the figures of their",
        "members were known, on the same speakers: take small differences for none.",
        "",
        *header(("recipes", "split", "UAR [95 %]", "mean of folds", "clips", "parameters")),
    ]
    for group, found in kept.items():
        names, _, split = group.partition("@")
        low, high = found["uar_ci"]
        lines.append(
            f"| {', '.join(f'`{name}`' for name in names.split('+'))} | {split} "
            f"| {found['uar']:.1%} [{100 * low:.1f}, {100 * high:.1f}] "
            f"| {found['mean_of_folds']:.1%} | {found['n']:,} | {found['n_parameters']:,} |"
        )
    return "\n".join(lines) + "\n"


def never_heard() -> str:
    """The table of models that have heard four of five corpora."""
    if not MATRIX.is_file():
        return ""
    kept = json.loads(MATRIX.read_text(encoding="utf-8"))
    corpora = sorted({corpus for row in kept.values() for corpus in row})
    lines = [
        "",
        "## A corpus never heard",
        "",
        "Four corpora teach (recipe `loco`), the fifth is heard for the first time: other people,",
        "another microphone, mostly another language. UAR of the model without the corpus that the",
        "row is named after (`benchmarks/corpus_matrix.py`); **bold**: that corpus, all of it; the",
        "others: speakers who did not teach.",
        "",
        *header(("without", *corpora)),
    ]
    for left_out in sorted(kept):
        cells = []
        for corpus in corpora:
            cell = kept[left_out].get(corpus)
            if cell is None:
                cells.append("–")
                continue
            low, high = cell["uar_ci"]
            text = f"{cell['uar']:.1%} [{100 * low:.0f}, {100 * high:.0f}]"
            cells.append(f"**{text}**" if corpus == left_out else text)
        lines.append(f"| {left_out} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def heard_again() -> str:
    """The table of answers averaged over altered copies of a clip."""
    kept = json.loads(AGAIN.read_text(encoding="utf-8"))
    corpora = list(kept["n"])
    lines = [
        "",
        "## Hearing a clip several times",
        "",
        "UAR on the dev speakers (`benchmarks/hear_again.py`) when the shipped model hears a clip",
        "faster, slower or later as well, and the answers are averaged. It costs as many times the",
        "work as there are hearings, three to ten, for a point or two, and is not done.",
        "",
        *header(("heard", *(f"{c}, {kept['n'][c]} clips" for c in corpora), "mean")),
    ]
    for name, figures in kept["uar"].items():
        shares = [figures[corpus] for corpus in corpora]
        cells = " | ".join(f"{x:.1%}" for x in (*shares, mean(shares)))
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the page."""
    single: list[Result] = []
    groups: defaultdict[tuple[object, ...], list[Result]] = defaultdict(list)
    for result in read_results(ROOT / "results"):
        base, option = option_of(result.recipe)
        if base == SEARCH:
            single.append(result)
        elif result.protocol == "honest" and not option:
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
        HEAD
        + "\n".join([*header(COLUMNS), *lines])
        + "\n"
        + one_change(single)
        + pairs()
        + kept_answers()
        + across_corpora()
        + never_heard()
        + heard_again(),
        encoding="utf-8",
    )
    print(PAGE)


if __name__ == "__main__":
    main()
