"""``docs/results.html``: the results with pictures, in one file."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence

from serotone.benchmark.aggregate import Measured, Paired, best_against_others, option_of, options
from serotone.benchmark.pages import figures as pictures
from serotone.benchmark.pages import tables
from serotone.benchmark.pages.figures import Point
from serotone.benchmark.pages.tables import Table
from serotone.benchmark.pages.text import (
    LEAK_SIGN,
    LEAKS,
    LEAKS_MARKED,
    NOT_RUN,
    OF_CLAIMS,
    OF_DIFFERENCES,
    OF_OPTIONS,
    TERMS,
    folds_text,
    summary,
)
from serotone.benchmark.reference_systems import (
    HONEST,
    Standing,
    SystemConfig,
    load_systems,
    standings,
)
from serotone.benchmark.result_store import Result
from serotone.html.figures import learning_curves
from serotone.html.page import Fragment, banner, details, figure, heading, page, paragraph, section
from serotone.html.page import table as html_table


def results_html(
    measured: Sequence[Measured], systems: Sequence[SystemConfig] | None = None
) -> str:
    """All results as one HTML document, without scripts.

    Args:
        measured: of ``measured_of``.
        systems: to stand beside; None takes the five reference systems.

    Raises:
        MissingExtraError: without matplotlib.
    """
    known = standings(load_systems() if systems is None else systems, measured)
    honest = [m for m in measured if m.protocol == HONEST]
    return page(
        "Results",
        heading("Results"),
        paragraph(summary(measured)),
        details("Words", html_table(("word", "meaning"), TERMS.items(), text_columns=2)),
        _claims(known),
        section("Voices never heard before", *_honest(honest)),
        section("What a figure costs", *_costs(honest)),
        section("Which recipe is better", *_comparisons(honest), paragraph(OF_DIFFERENCES)),
        section("What an option helps", *_ablations(measured), paragraph(OF_OPTIONS)),
        _claimed(measured),
        section("How the trainings went", *_curves(measured)),
        css=_CSS,
    )


_CSS = """
h3 { font-size: 1.05rem; margin: 1.6rem 0 .3rem; overflow-wrap: anywhere; }
.wide table { min-width: 56rem; width: 100%; } .wide td:first-child { white-space: nowrap; }
.wide th, .wide td { overflow-wrap: normal; } .wide th { white-space: normal;
  vertical-align: bottom; }
details .wide td { min-width: 6rem; }
"""


def _claims(known: Sequence[Standing]) -> Fragment:
    found = tables.claims(known)
    rows = {
        standing.system.id: (
            standing.system.claim,
            standing.claimed.accuracy if standing.claimed else None,
            standing.honest.accuracy if standing.honest else None,
        )
        for standing in known
    }
    picture = figure(
        pictures.claims(rows),
        alt="Accuracy of each system: claimed, reproduced, honest",
        caption="What each author claims, what the author's protocol gives here, "
        "and what is left with new voices.",
        full=True,
    )
    return section(
        found.title,
        banner(f"{LEAK_SIGN} {LEAKS_MARKED}"),
        picture,
        _table(found, text_columns=2),
        paragraph(OF_CLAIMS, soft=True),
        details("How each was measured", _table(tables.protocols(known), text_columns=5)),
    )


def _honest(honest: Sequence[Measured]) -> Iterator[Fragment]:
    found = tables.honest(honest)
    if not found:
        yield paragraph(f"{NOT_RUN.capitalize()}.")
    for one in found:
        names = [row[0] for row in one.rows]
        mine = [m for m in honest if m.recipe in names and tables.title_of(m) == one.title]
        points = [Point(_label(m), 100 * m.uar, 100 * m.uar_ci[0], 100 * m.uar_ci[1]) for m in mine]
        chance = 100 / mine[0].n_classes
        picture = pictures.forest(
            points, x_label="UAR, %", reference=chance, reference_name=f"chance {chance:.1f} %"
        )
        yield _subheading(one.title)
        yield figure(picture, alt=f"UAR with intervals: {one.title}", full=True)
        yield _table(one)


def _label(m: Measured) -> str:
    folds = folds_text(m)
    return f"{m.recipe} ({folds})" if folds else m.recipe


def _costs(honest: Sequence[Measured]) -> Iterator[Fragment]:
    groups: dict[str, list[Measured]] = {}
    for m in honest:
        if not option_of(m.recipe)[1]:
            groups.setdefault(tables.title_of(m), []).append(m)
    drawn = False
    for title, rows in sorted(groups.items()):
        sizes = [(_label(m), float(m.runs[0].params or 0), 100 * m.uar) for m in rows]
        times = [(_label(m), m.runs[0].latency_ms or 0.0, 100 * m.uar) for m in rows]
        for points, label in (
            (sizes, "parameters"),
            (times, "milliseconds for a clip of 3 s, one thread"),
        ):
            paid = [point for point in points if point[1] > 0]
            if len(paid) > 1:
                drawn = True
                picture = pictures.cost(paid, x_label=label, y_label="UAR, %")
                alt = f"UAR against {label}, {title}"
                yield figure(picture, alt=alt, caption=f"{title}.", full=True)
    if not drawn:
        yield paragraph(f"{NOT_RUN.capitalize()}: it takes two recipes on one split.")


def _comparisons(honest: Sequence[Measured]) -> Iterator[Fragment]:
    found = best_against_others(honest)
    for one, (best, pairs) in zip(tables.comparisons(found), found, strict=True):
        x_label = f"UAR less that of {best.recipe}, percentage points"
        points = [_gap(pair.first, pair) for pair in pairs]
        yield from _differences(one, points, x_label, "no difference")
    if not found:
        yield paragraph(f"{NOT_RUN.capitalize()}: it takes two recipes on one split.")


def _ablations(measured: Sequence[Measured]) -> Iterator[Fragment]:
    found = options(measured)
    for one, (_, pairs) in zip(tables.ablations(found), found, strict=True):
        points = [_gap(option_of(pair.first)[1], pair) for pair in pairs]
        yield from _differences(one, points, "change of UAR, percentage points", "without")
    if not found:
        yield paragraph(f"{NOT_RUN.capitalize()}.")


def _differences(
    one: Table, points: Sequence[Point], x_label: str, zero: str
) -> Iterator[Fragment]:
    picture = pictures.forest(points, x_label=x_label, reference=0, reference_name=zero)
    yield _subheading(one.title)
    yield paragraph(one.lead)
    yield figure(picture, alt=f"Differences: {one.title}", full=True)
    yield _table(one)


def _gap(name: str, pair: Paired) -> Point:
    gap = pair.difference
    return Point(name, *(100 * v for v in (gap.value, gap.interval.low, gap.interval.high)))


def _claimed(measured: Sequence[Measured]) -> Fragment:
    found = tables.claimed(measured)
    body = _table(found, text_columns=3) if found.rows else paragraph(f"{NOT_RUN.capitalize()}.")
    return section(found.title, banner(f"{LEAK_SIGN} {LEAKS}"), body)


def _curves(measured: Sequence[Measured]) -> Iterator[Fragment]:
    empty = True
    for m in measured:
        runs = [(_run(run), run.curve) for run in m.runs if run.curve is not None]
        if runs:
            empty = False
            sign = "" if m.protocol == HONEST else f"{LEAK_SIGN} {m.protocol}: "
            kept = ", ".join(f"{name} {curve.kept}" for name, curve in runs)
            losses = {name: curve.train_loss for name, curve in runs}
            uars = {name: curve.dev_uar for name, curve in runs}
            yield details(
                f"{sign}{m.recipe}, {m.tested}, {m.split}",
                figure(learning_curves(losses, y_label="training loss"), alt="Training loss"),
                figure(learning_curves(uars, y_label="UAR on dev"), alt="UAR on dev"),
                paragraph(f"Epochs that were kept: {kept}.", soft=True),
            )
    if empty:
        yield paragraph("No curves were kept.")


def _run(run: Result) -> str:
    return f"fold {run.fold}, seed {run.seed}" if run.fold else f"seed {run.seed}"


def _table(found: Table, *, text_columns: int = 1) -> Fragment:
    body = html_table(found.head, found.rows, text_columns=text_columns)
    return Fragment(body + "".join(paragraph(note, soft=True) for note in found.notes if note))


def _subheading(text: str) -> Fragment:
    return Fragment(f"<h3>{html.escape(text)}</h3>")
