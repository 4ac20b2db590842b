"""The tables and the plot of ``docs/performance.md``, made from ``benchmarks/results``.

    python benchmarks/performance_page.py [--check]

What stands between a pair of marks in the page is replaced; with ``--check`` nothing is written,
and the exit status is 1 where the page is not up to date.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

from serotone.store.card_figures import table

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "performance.md"
PLOT = ROOT / "docs" / "images" / "speed.png"
RESULTS = ROOT / "benchmarks" / "results"
NAMES = {
    "as shipped": "as shipped",
    "onnx": "float32 (`onnx`)",
    "onnx-fp16": "float16 weights (`onnx-fp16`)",
    "onnx-int8": "int8 (`onnx-int8`)",
    "pruned-onnx": "pruned, float32",
    "pruned-onnx-int8": "pruned, int8",
}


def speed_tables(result: dict[str, Any]) -> str:
    """All of a run of ``speed.py``, as Markdown."""
    cold, live, long = result["cold"], result["live"], result["long_file"]
    targets = result["targets"]
    batches = [row for row in result["serotone"] if row["batch_size"] > 1]
    best = min(batches, key=lambda row: row["of_floor"])
    summary = table(
        ("figure", "measured", "target"),
        [
            (
                "batch, end to end, of the floor",
                f"{best['of_floor']:.2f} ×",
                f"{targets['batch_of_floor']} ×",
            ),
            (
                "cold `serotone predict one.wav`",
                f"{cold['first_answer_s']:.2f} s",
                f"{targets['cold_first_answer_s']} s",
            ),
            ("its memory", f"{cold['memory_mb']:.0f} MB", f"{targets['cold_memory_mb']:.0f} MB"),
            (
                "a live window of 3 s, one thread",
                f"{live['window_ms']:.1f} ms",
                f"{targets['live_window_ms']:.0f} ms",
            ),
            (
                f"a file of {long['length_s'] / 60:.0f} minutes, one thread",
                f"{long['times_real_time']:.0f} × real time",
                "",
            ),
        ],
    )
    own = table(
        ("threads", "batch", "ms a clip", "of the floor", "first answer", "memory"),
        [(row["threads"], row["batch_size"], *figures(row)) for row in result["serotone"]],
    )
    others = table(
        ("system", "ms a clip", "of the floor", "first answer", "memory"),
        [
            (name, f"skipped: {row['skipped']}", "", "", "")
            if "skipped" in row
            else (name, *figures(row))
            for name, row in result["others"].items()
        ],
    )
    note = (
        f"{result['clips']} clips of {result['clip_s']} s at {result['sample_rate'] // 1000} kHz "
        f"from {result['speech']}; {result['cores']} cores; load average "
        f"{result['load_average_before']} before and {result['load_average_after']} after."
    )
    picture = f"![Milliseconds a clip]({PLOT.relative_to(PAGE.parent).as_posix()})"
    return "\n\n".join(
        [picture, note, summary, "serotone:", own, "Beside it, one clip at a time:", others]
    )


def figures(row: dict[str, Any]) -> tuple[str, str, str, str]:
    return (
        f"{row['ms_per_clip']:.2f}",
        f"{row['of_floor']:.2f} ×",
        f"{row['first_answer_s']:.2f} s",
        f"{row['memory_mb']:.0f} MB",
    )


def changed(points_lost: float) -> str:
    """Points lost or gained, in words."""
    return f"{'gains' if points_lost < 0 else 'loses'} {abs(points_lost):.2f} points"


def small_table(result: dict[str, Any]) -> str:
    """All of a run of ``small.py``, as Markdown."""
    rows = [
        (
            NAMES[row["form"]],
            f"{row['uar']:.3f}",
            f"{row['accuracy']:.3f}",
            f"{row['ece']:.3f}",
            f"{row['n_parameters']:,}",
            f"{row['multiply_adds'] / 1e6:.0f} M",
            f"{row['size_mb']:.2f} MB",
            f"{row['cpu_ms_per_clip']:.2f} ms",
            f"{row['of_shipped']:.2f} ×",
        )
        for row in result["forms"]
    ]
    scores, sizes = ("UAR", "accuracy", "ECE"), ("parameters", "multiply-adds", "model.onnx")
    head = ("form", *scores, *sizes, "processor time a clip", "of shipped")
    lost = result["loses_points_of_uar"]
    note = (
        f"RAVDESS, split {result['split']}, {result['n_test']} clips of speakers the model never "
        f"heard; int8 calibrated on {result['n_calibration']} clips of those it learned from and "
        f"{changed(lost['onnx-int8'])} of UAR (limit {result['limit_points']:.0f} lost)."
    )
    if "pruned-onnx" in lost:
        note += (
            f" Pruned by recipe `{result['pruned_recipe']}` it {changed(lost['pruned-onnx'])}, "
            f"pruned and in int8 it {changed(lost['pruned-onnx-int8'])}."
        )
    return f"{note}\n\n{table(head, rows)}"


def filled(page: str, mark: str, content: str) -> str:
    """The page with what stands between a pair of marks replaced.

    Raises:
        ValueError: when the marks are missing.
    """
    pattern = re.compile(f"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)", re.DOTALL)
    if not pattern.search(page):
        raise ValueError(f"the page has no marks '{mark}'")
    return pattern.sub(lambda found: f"{found[1]}\n{content}\n\n{found[2]}", page)


def plot(result: dict[str, Any], path: Path) -> None:
    """Bars of milliseconds a clip, on a logarithmic axis."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    best = min(result["serotone"], key=lambda row: row["ms_per_clip"])
    bars = {"floor: decode, resample": best["floor_ms_per_clip"], "serotone": best["ms_per_clip"]}
    bars |= {k: row["ms_per_clip"] for k, row in result["others"].items() if "skipped" not in row}
    figure, axes = plt.subplots(figsize=(6.4, 0.5 + 0.45 * len(bars)), layout="constrained")
    colours = ["#999999", "#3b6fb6", *["#c9ced6"] * (len(bars) - 2)]
    drawn = axes.barh(list(bars), list(bars.values()), color=colours)
    axes.bar_label(drawn, fmt="%.1f", padding=3)
    axes.set_xscale("log")
    axes.margins(x=0.15)
    axes.invert_yaxis()
    axes.set_xlabel("milliseconds for a clip of 3.8 s")
    axes.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


def main() -> int:
    """Write the page and the plot, or check the page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    speed = json.loads((RESULTS / "speed.json").read_text(encoding="utf-8"))
    small = json.loads((RESULTS / "small.json").read_text(encoding="utf-8"))
    before = PAGE.read_text(encoding="utf-8")
    page = filled(filled(before, "speed", speed_tables(speed)), "small", small_table(small))
    if options.check:
        return int(page != before)
    PAGE.write_text(page, encoding="utf-8")
    plot(speed, PLOT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
