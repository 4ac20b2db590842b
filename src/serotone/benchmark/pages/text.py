"""What the pages of results say in words, and how they write figures."""

from __future__ import annotations

import math
from collections.abc import Sequence

from serotone.benchmark.aggregate import Measured, Paired
from serotone.evaluation.report import percent

SHIPPED = "default"
"""The recipe of the model that is inside the package: it has a row wherever it was measured."""

NOT_RUN = "not run yet"
LEAK_SIGN = "⚠"

BEST_OF_SEVERAL = (
    "The best of several recipes tested on the same speakers is so partly by luck: expect a little "
    "less of it."
)

TERMS = {
    "UAR": (
        "unweighted average recall, the mean over the emotions of the share that was found. Chance "
        "is one over the number of emotions. In brackets its 95 % interval, drawn over speakers: "
        "where the figure could lie with other people of the same kind. With fewer than about ten "
        "speakers such an interval is somewhat too narrow."
    ),
    "ECE": (
        "expected calibration error, the mean distance between confidence and share of right "
        "answers. In parentheses what a perfectly calibrated model would stay below on such "
        "clips, 19 times in 20: an ECE below it shows no fault."
    ),
    "honest": (
        "the model never heard the speakers that it is tested on. The epoch was chosen and the "
        "confidence calibrated on a third group of speakers (dev), where the recipe keeps one. "
        f"{BEST_OF_SEVERAL}"
    ),
    f"{LEAK_SIGN} claimed": (
        "the published system's own protocol, leaks included: the same speakers, in some the same "
        "clips, stand on both sides, and the best epoch is chosen on the clips that are reported. "
        "Such a figure tells what the protocol gives, and nothing of how a new voice is heard."
    ),
}
"""What the reader has to know, by term."""

LEAKS = (
    "These figures leak. Speakers or clips stand on both sides, as the systems that are reproduced "
    "had them. Do not compare them with the honest ones, and judge no model by them."
)

LEAKS_MARKED = (
    "The figures with this sign leak: speakers or clips stand on both sides, as the systems that "
    "are reproduced had them. The honest ones beside them are what a new voice can expect."
)

OF_CLAIMS = (
    "R1 to R5 are five public systems as their authors describe them. The first figures are "
    "accuracies, as the authors count. In parentheses: ours less the claim. The gap is what is "
    "lost, in percentage points of accuracy, when the speakers are new."
)

OF_DIFFERENCES = (
    "Differences are in percentage points of UAR, with the 95 % interval over speakers (the same "
    "speakers drawn for both), and the p-value of a permutation test that swaps the two systems' "
    "answers speaker by speaker. With S speakers it cannot fall below about 2/2^S. Of many rows "
    "some fall below 0.05 by chance; the p-value after Holm is corrected for their number."
)

TRANSDUCTIVE = (
    "Transductive: the model was given all recordings of each speaker at once, without labels, as "
    "few users can."
)

OF_OPTIONS = (
    "Each row is the same recipe with one thing changed, less the recipe without it, on the same "
    "clips. An option helps or hurts where the interval of the difference leaves out zero and p, "
    "corrected after Holm for the number of options, is below 0.05; it may where the interval "
    "alone says so."
)


def summary(measured: Sequence[Measured]) -> str:
    """One sentence on what is there."""
    runs = [run for m in measured for run in m.runs]
    if not runs:
        return "No results yet: `serotone benchmark` makes them."
    dates = sorted({run.date for run in runs if run.date})
    when = " to ".join(dict.fromkeys((dates[0], dates[-1]))) if dates else "no date"
    n_recipes = len({m.recipe for m in measured})
    return f"{count(len(runs), 'run')} of {count(n_recipes, 'recipe')}, {when}."


def claim_text(claim: Sequence[float]) -> str:
    """``98 %``, or a range.

    Example:
        >>> claim_text([0.6, 0.75]), claim_text([0.6823])
        ('60–75 %', '68.23 %')
    """
    return "–".join(f"{100 * share:.4g}" for share in claim) + " %"


def uar_text(m: Measured) -> str:
    """``71.3 % [54.4, 84.4]``."""
    low, high = m.uar_ci
    between = "" if math.isnan(low) else f" [{100 * low:.1f}, {100 * high:.1f}]"
    return percent(m.uar) + between


def difference_text(pair: Paired) -> str:
    """``+1.2 [−0.3, +2.7]``, in percentage points."""
    gap = pair.difference
    return f"{points(gap.value)} [{points(gap.interval.low)}, {points(gap.interval.high)}]"


def folds_text(m: Measured) -> str:
    """Which folds were run: ``all 5``, ``no. 1 of 5``, or nothing for a split without folds."""
    numbers = ", ".join(map(str, m.folds))
    if not numbers or m.n_folds is None:
        return numbers
    return f"all {m.n_folds}" if len(m.folds) == m.n_folds else f"no. {numbers} of {m.n_folds}"


def training_text(m: Measured) -> str:
    """Mean time of a training."""
    known = [run.train_s for run in m.runs if run.train_s is not None]
    if not known:
        return "–"
    mean_s = sum(known) / len(known)
    return f"{mean_s / 60:.0f} min" if mean_s >= 90 else f"{mean_s:.0f} s"


def points(share: float) -> str:
    """A difference of shares in percentage points, with its sign.

    Example:
        >>> points(0.012), points(-0.3)
        ('+1.2', '−30.0')
    """
    return f"{100 * share:+.1f}".replace("-", "−")


def count(n: int, thing: str) -> str:
    """``1 run``, ``2 runs``."""
    return f"{n:,} {thing}{'s' * (n != 1)}"
