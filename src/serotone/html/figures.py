"""Pictures of an evaluation and of training, as SVG or PNG bytes.

Drawn on nothing, in one ink: ``page.figure`` lets the ink follow a page's light or dark theme.
Equal input gives equal bytes.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from serotone.errors import MissingExtraError
from serotone.metrics.calibration import Bins
from serotone.metrics.selective import RiskCoverage

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Format = Literal["svg", "png"]

INK = "#24292f"
"""Colour of text and lines; ``page.figure`` replaces it in SVG."""

ACCENT = "#2f6fdb"
SECOND = "#d9822b"
GOOD = "#2a9d6f"

STYLE: Any = {
    "font.size": 10,
    "svg.fonttype": "none",
    "svg.hashsalt": "serotone",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    **dict.fromkeys(("axes.edgecolor", "axes.labelcolor", "axes.titlecolor"), INK),
    **dict.fromkeys(("text.color", "xtick.color", "ytick.color", "grid.color"), INK),
    "grid.alpha": 0.15,
    "legend.frameon": False,
}


def confusion(counts: ArrayLike, labels: Sequence[str], *, format: Format = "svg") -> bytes:
    """A confusion matrix: counts in the cells, shade by the share of the true class.

    Args:
        counts: of shape (C, C), truth in rows.
        labels: C names.
        format: of the bytes.

    Raises:
        MissingExtraError: without matplotlib, as every function here.
    """
    table = np.asarray(counts)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)

    def draw(axes: Axes) -> None:
        from matplotlib.patches import Rectangle

        for (row, column), share in np.ndenumerate(shares):
            place = (column - 0.5, row - 0.5)
            axes.add_patch(Rectangle(place, 0.98, 0.98, color=ACCENT, alpha=share, linewidth=0))
            axes.text(
                column,
                row,
                str(table[row, column]),
                ha="center",
                va="center",
                color="white" if share > 0.7 else INK,
                alpha=1 if table[row, column] else 0.35,
            )
        n = len(labels)
        axes.set(xlim=(-0.6, n - 0.4), ylim=(n - 0.4, -0.6), aspect="equal")
        axes.set_xticks(range(n), labels, rotation=40, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(n), labels)
        axes.set(xlabel="heard as", ylabel="meant as")
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)

    side = 1.8 + 0.55 * len(labels)
    return picture(draw, width=side, height=side * 0.95, format=format)


def reliability(bins: Bins, *, format: Format = "svg") -> bytes:
    """Share of right answers by confidence; on the diagonal a model is calibrated."""

    def draw(axes: Axes) -> None:
        used = bins.n > 0
        width = (bins.upper - bins.lower)[used]
        axes.bar(
            bins.lower[used], bins.accuracy[used], width * 0.94, align="edge", color=ACCENT,
            alpha=0.75, label="right answers",
        )  # fmt: skip
        share = bins.n[used] / bins.n.sum()
        axes.scatter(
            bins.confidence[used], bins.accuracy[used], s=12 + 220 * share, color=SECOND,
            zorder=3, label="mean of bin, size by share", linewidths=0,
        )  # fmt: skip
        axes.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle="--", label="calibrated")
        axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="confidence", ylabel="share right")
        axes.set_title(f"expected calibration error {bins.gap:.3f}", fontsize=10, loc="left")
        axes.legend(loc="upper left", fontsize=8)
        axes.grid()

    return picture(draw, width=4.6, height=4, format=format)


def risk_coverage(curve: RiskCoverage, *, format: Format = "svg") -> bytes:
    """Errors left when only the most confident answers are given."""

    # More points than the picture has columns would only make the file large.
    shown = np.unique(np.linspace(0, len(curve.risk) - 1, 300).astype(int))
    coverage, risk = curve.coverage[shown], curve.risk[shown]

    def draw(axes: Axes) -> None:
        axes.plot(coverage, risk, color=ACCENT, linewidth=2)
        axes.fill_between(coverage, risk, color=ACCENT, alpha=0.15, linewidth=0)
        overall = float(curve.risk[-1])
        axes.axhline(overall, color=INK, linewidth=1, linestyle="--")
        axes.text(0.01, 1.02 * overall, "silent at random", va="bottom", fontsize=8)
        axes.set(xlim=(0, 1), ylim=(0, max(1.15 * curve.risk.max(), 0.05)))
        axes.set(xlabel="share answered, most confident first", ylabel="share wrong")
        axes.set_title(
            f"area {curve.area:.3f}, all answered {overall:.3f}", fontsize=10, loc="left"
        )
        axes.grid()

    return picture(draw, width=4.6, height=4, format=format)


def losses(rows: Sequence[Mapping[str, Any]], *, format: Format = "svg") -> bytes:
    """UAR under each condition with its interval, beside the clean one.

    Args:
        rows: ``title``, ``uar`` and ``uar_ci`` of each; the first is the clean one.
        format: of the bytes.
    """
    places = range(len(rows), 0, -1)
    scores = [row["uar"] for row in rows]
    ends = [(row["uar"] - row["uar_ci"][0], row["uar_ci"][1] - row["uar"]) for row in rows]

    def draw(axes: Axes) -> None:
        axes.axvline(scores[0], color=INK, linewidth=1, linestyle="--")
        axes.errorbar(
            scores, list(places), xerr=np.maximum(np.transpose(ends), 0), fmt="none",
            ecolor=ACCENT, elinewidth=5, alpha=0.35,
        )  # fmt: skip
        axes.plot(scores, list(places), "o", color=ACCENT)
        axes.set_yticks(list(places), [row["title"] for row in rows])
        axes.set(xlim=(0, 1), xlabel="UAR, with its 95 % interval over speakers")
        axes.grid(axis="x")

    return picture(draw, width=6.4, height=0.8 + 0.28 * len(rows), format=format)


def speaker_bars(
    uar: Mapping[str, float],
    *,
    mean: float,
    groups: Mapping[str, str] | None = None,
    format: Format = "svg",
) -> bytes:
    """One bar a speaker, from the worst understood to the best.

    Args:
        uar: by speaker, 0 to 1.
        mean: of all, drawn as a line.
        groups: by speaker, for example the sex; sets the colours.
        format: of the bytes.
    """
    order = sorted(uar, key=lambda name: (uar[name], name))
    kinds = sorted(set(groups.values())) if groups else [""]
    colours = dict(zip(kinds, (ACCENT, SECOND, GOOD, *[INK] * len(kinds)), strict=False))

    def draw(axes: Axes) -> None:
        for kind in kinds:
            mine = [i for i, name in enumerate(order) if not groups or groups[name] == kind]
            heights = [uar[order[i]] for i in mine]
            axes.bar(mine, heights, 0.8, color=colours[kind], alpha=0.85, label=kind or "unknown")
        axes.axhline(mean, color=INK, linewidth=1, linestyle="--", label=f"all {mean:.3f}")
        axes.set_xticks(range(len(order)), order, rotation=60, ha="right", rotation_mode="anchor")
        axes.set(xlim=(-0.7, len(order) - 0.3), ylim=(0, 1.02), ylabel="UAR")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, fontsize=8, borderaxespad=0.2)
        axes.grid(axis="y")

    return picture(draw, width=max(3.2, 1.2 + 0.27 * len(order)), height=3.6, format=format)


MOST_NAMED = 12
"""Lines of a picture of trainings that its legend has room for."""


def learning_curves(
    curves: Mapping[str, Sequence[float]],
    *,
    y_label: str,
    chosen: int | None = None,
    format: Format = "svg",
) -> bytes:
    """Lines over epochs, from 1; NaN leaves a gap.

    Args:
        curves: values by name, one an epoch; more than ``MOST_NAMED`` are thin lines without names.
        y_label: what they are.
        chosen: the epoch whose weights were kept.
        format: of the bytes.
    """

    def draw(axes: Axes) -> None:
        from matplotlib.ticker import MaxNLocator

        many = len(curves) > MOST_NAMED
        look: dict[str, Any] = {"linewidth": 0.8, "alpha": 0.6} if many else {"linewidth": 2}
        for (name, values), colour in zip(curves.items(), _cycle(len(curves)), strict=True):
            label = None if many else name
            axes.plot(range(1, len(values) + 1), values, color=colour, label=label, **look)
        if chosen is not None:
            axes.axvline(chosen, color=INK, linewidth=1, linestyle="--", label=f"kept: {chosen}")
        axes.set(xlabel="epoch", ylabel=y_label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if chosen is not None or not many:
            axes.legend(fontsize=8)
        axes.grid()

    return picture(draw, width=5.6, height=3.6, format=format)


def _cycle(n: int) -> list[str]:
    colours = (ACCENT, SECOND, GOOD, "#8e5bd0", "#c8455a", "#4f8f9d")
    return [colours[index % len(colours)] for index in range(n)]


def picture(draw: Callable[[Axes], None], *, width: float, height: float, format: Format) -> bytes:
    """What ``draw`` puts on axes of their own, ``width`` by ``height`` inches.

    Raises:
        MissingExtraError: without matplotlib.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("drawing figures", "train", "matplotlib") from None
    with rc_context(STYLE):
        # A Figure of its own, without pyplot: no global state, no window, safe in threads.
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(figure.add_subplot())
        stream = io.BytesIO()
        if format == "svg":
            figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
        else:
            figure.savefig(stream, format="png", dpi=150, facecolor="white")
    return stream.getvalue()
