"""Pictures of many results: where they lie, how sure that is, and what they cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from serotone.html.figures import ACCENT, GOOD, INK, SECOND, Format, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class Point:
    """A share with its interval; NaN bounds where there is none."""

    name: str
    value: float
    low: float = math.nan
    high: float = math.nan


def forest(
    points: Sequence[Point],
    *,
    x_label: str,
    reference: float,
    reference_name: str,
    format: Format = "svg",
) -> bytes:
    """A line a result: its value and its interval, the first on top.

    Args:
        points: values and intervals, in percent or in percentage points.
        x_label: what they are.
        reference: drawn as a vertical line, for example chance or no difference.
        reference_name: of that line.
        format: of the bytes.

    Raises:
        MissingExtraError: without matplotlib, as every function here.
    """

    def draw(axes: Axes) -> None:
        axes.axvline(reference, color=INK, linewidth=1, linestyle="--", label=reference_name)
        for row, point in enumerate(points):
            if not math.isnan(point.low):
                axes.plot([point.low, point.high], [row, row], color=ACCENT, linewidth=2)
            axes.plot(point.value, row, "o", color=ACCENT, markersize=7)
        _rows(axes, [point.name for point in points])
        axes.set(xlabel=x_label)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), fontsize=8, borderaxespad=0.2)
        axes.grid(axis="x")

    return picture(draw, width=7.2, height=1.3 + 0.32 * len(points), format=format)


def claims(
    rows: Mapping[str, tuple[Sequence[float], float | None, float | None]],
    *,
    format: Format = "svg",
) -> bytes:
    """A line a system: what was claimed, what its protocol gives here, what new voices give.

    Args:
        rows: by name, the claim (one share or two), ours under its protocol, ours under the
            honest one; None where it was not run.
        format: of the bytes.
    """

    def draw(axes: Axes) -> None:
        for row, (claim, leaking, honest) in enumerate(rows.values()):
            known = [100 * share for share in (*claim, leaking, honest) if share is not None]
            axes.plot([min(known), max(known)], [row, row], color=INK, alpha=0.25, linewidth=2)
            axes.plot([100 * share for share in claim], [row] * len(claim), "|", color=INK,
                      markersize=15, markeredgewidth=2)  # fmt: skip
            if leaking is not None:
                axes.plot(100 * leaking, row, "^", color=SECOND, markersize=9)
            if honest is not None:
                axes.plot(100 * honest, row, "o", color=GOOD, markersize=8)
        for sign, colour, name in (
            ("|", INK, "author's claim"),
            ("^", SECOND, "ours, claimed protocol (leaks)"),
            ("o", GOOD, "ours, honest"),
        ):
            axes.plot([], [], sign, color=colour, markersize=8, markeredgewidth=2, label=name)
        _rows(axes, list(rows))
        axes.set(xlim=(0, 103), xlabel="accuracy, %")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, fontsize=8, borderaxespad=0.2)
        axes.grid(axis="x")

    return picture(draw, width=7.2, height=1.4 + 0.34 * len(rows), format=format)


def cost(
    points: Sequence[tuple[str, float, float]],
    *,
    x_label: str,
    y_label: str,
    format: Format = "svg",
) -> bytes:
    """Figures against what they cost, on a scale of powers of ten; up and left is better.

    Args:
        points: name, cost, figure.
        x_label, y_label: what cost and figure are.
        format: of the bytes.
    """

    def draw(axes: Axes) -> None:
        from matplotlib.ticker import FuncFormatter, NullFormatter

        axes.set_xscale("log")
        for index, (name, paid, got) in enumerate(points, 1):
            axes.plot(paid, got, "o", color=ACCENT, markersize=13, alpha=0.85)
            axes.text(paid, got, str(index), color="white", ha="center", va="center", fontsize=8)
            axes.plot([], [], " ", label=f"{index}  {name}")
        axes.margins(0.12)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set(xlabel=x_label, ylabel=y_label)
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=8, handlelength=0)
        axes.grid()

    return picture(draw, width=7.2, height=3.8, format=format)


def _rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
