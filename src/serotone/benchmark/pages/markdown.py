"""``docs/results.md``: every result in ``results/``, beside what others claim."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from serotone.benchmark.aggregate import Measured, best_against_others, options, together
from serotone.benchmark.pages import tables
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
    summary,
)
from serotone.benchmark.reference_systems import HONEST, SystemConfig, load_systems, standings
from serotone.benchmark.result_store import Result
from serotone.evaluation.report import table

HEAD = """\
# Results

<!-- Made by `serotone benchmark --render-only` from results/*.json: change nothing here. -->
"""


MADE_OF = (
    "The same with pictures: [results.html](results.html). Each row is made of files in "
    "`results/`; `serotone benchmark RECIPE` trains and measures the recipe of that name."
)


def results_markdown(
    measured: Sequence[Measured], systems: Sequence[SystemConfig] | None = None
) -> str:
    """All results as one page of Markdown; what was not measured says so.

    Args:
        measured: of ``measured_of``.
        systems: to stand beside; None takes the five reference systems.
    """
    known = standings(load_systems() if systems is None else systems, measured)
    terms = "".join(f"- **{term}**: {meaning}\n" for term, meaning in TERMS.items())
    honest = [m for m in measured if m.protocol == HONEST]
    leaking = tables.claimed(measured)
    other = tables.others(measured)
    parts = [
        HEAD,
        f"{summary(measured)} {MADE_OF}\n",
        terms,
        _section(tables.claims(known), OF_CLAIMS, lead=f"> {LEAK_SIGN} **{LEAKS_MARKED}**\n\n"),
        _section(tables.protocols(known), level=3),
        "## Voices never heard before\n",
        _sections(tables.honest(measured)),
        "## Which recipe is better\n",
        _sections(tables.comparisons(best_against_others(honest)), OF_DIFFERENCES),
        "## What an option helps\n",
        _sections(tables.ablations(options(measured)), OF_OPTIONS),
        _section(leaking, lead=f"> {LEAK_SIGN} **{LEAKS}**\n\n"),
        _section(other) if other.rows else "",
    ]
    return "\n".join(filter(None, parts))


def measured_of(results: Iterable[Result]) -> list[Measured]:
    """Runs put together, those on dev left out."""
    return together(result for result in results if result.part != "dev")


def _sections(found: Sequence[Table], note: str = "") -> str:
    if not found:
        return f"{NOT_RUN.capitalize()}.\n"
    parts = [_section(one, level=3) for one in found]
    return "\n".join([*parts, f"{note}\n"] if note else parts)


def _section(found: Table, note: str = "", *, level: int = 2, lead: str = "") -> str:
    title = f"{'#' * level} {found.title}\n\n{lead}"
    if not found.rows:
        return f"{title}{NOT_RUN.capitalize()}.\n"
    before = f"{found.lead}\n\n" if found.lead else ""
    after = "".join(f"\n{text}\n" for text in (*found.notes, note) if text)
    return title + before + table(found.head, found.rows) + after
