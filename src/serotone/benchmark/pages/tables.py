"""Results as rows of plain text, for Markdown and for HTML alike."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from serotone.benchmark.aggregate import Measured, Paired, option_of
from serotone.benchmark.pages.text import (
    LEAK_SIGN,
    NOT_RUN,
    TRANSDUCTIVE,
    claim_text,
    count,
    difference_text,
    folds_text,
    points,
    training_text,
    uar_text,
)
from serotone.benchmark.reference_systems import CLAIMED, HONEST, Standing
from serotone.evaluation.report import percent
from serotone.metrics.interval import holm

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table and what it is of.

    Attributes:
        title: what it is of.
        head: names of the columns.
        rows: of as many cells.
        lead: a sentence before it, or nothing.
        notes: sentences after it.
    """

    title: str
    head: Row
    rows: tuple[Row, ...]
    lead: str = ""
    notes: tuple[str, ...] = ()


def claims(known: Iterable[Standing]) -> Table:
    """A row for each reference system: what its author claims, and ours; accuracies."""
    head = (
        "system", "model", "author's claim", f"{LEAK_SIGN} ours, claimed protocol (leaks)",
        "ours, honest", "gap", "honest UAR [95 %]", "chance",
    )  # fmt: skip
    return Table("What was claimed, and what it is worth", head, tuple(map(_claim, known)))


def _nothing(recipes: Sequence[str]) -> str:
    return NOT_RUN if recipes else "–"


def _claim(standing: Standing) -> Row:
    system, honest = standing.system, standing.honest
    claimed = _nothing(system.claimed)
    if standing.claimed is not None and standing.missed is not None:
        accuracy = percent(standing.claimed.accuracy)
        claimed = f"{LEAK_SIGN} {accuracy} ({points(standing.missed)})"
    shown = ("–", "–") if honest is None else (uar_text(honest), percent(1 / honest.n_classes))
    return (
        system.id,
        system.what,
        claim_text(system.claim),
        claimed,
        _nothing(system.honest) if honest is None else percent(honest.accuracy),
        "–" if standing.gap is None else points(-standing.gap),
        *shown,
    )


def protocols(known: Iterable[Standing]) -> Table:
    """A row for each reference system: on what the author measured, and on what we did."""
    head = ("system", "author's figure", "differs here", f"{LEAK_SIGN} claimed", "honest")
    rows = (
        (
            s.system.id,
            f"{s.system.metric}: {s.system.protocol} ({s.system.source})",
            s.system.here or "–",
            _measured_on(s.claimed, _nothing(s.system.claimed)),
            _measured_on(s.honest, _nothing(s.system.honest)),
        )
        for s in known
    )
    return Table("How each was measured", head, tuple(rows))


def _measured_on(measured: Measured | None, nothing: str) -> str:
    if measured is None:
        return nothing
    parts = [
        measured.recipe,
        measured.tested,
        f"{_split(measured.split)} {folds_text(measured)}".strip(),
        count(measured.n, "clip"),
        count(measured.n_classes, "emotion"),
    ]
    return ", ".join(parts)


def honest(measured: Iterable[Measured]) -> list[Table]:
    """A table for each tested corpus, split and number of emotions; options stand elsewhere."""
    groups: dict[str, list[Measured]] = {}
    for m in measured:
        if m.protocol == HONEST and not option_of(m.recipe)[1]:
            groups.setdefault(title_of(m), []).append(m)
    return [_figures(rows, title=title, baseline=True) for title, rows in sorted(groups.items())]


def title_of(m: Measured) -> str:
    """What a result is comparable in: ``ravdess, luna5, 8 emotions``."""
    return f"{m.tested}, {_split(m.split)}, {count(m.n_classes, 'emotion')}"


def claimed(measured: Iterable[Measured]) -> Table:
    """What the claimed protocols gave, marked row by row."""
    rows = [m for m in measured if m.protocol == CLAIMED]
    return _figures(rows, title="Under the claimed protocols", baseline=False)


def others(measured: Iterable[Measured]) -> Table:
    """Results under any other protocol."""
    rows = [m for m in measured if m.protocol not in (HONEST, CLAIMED)]
    return _figures(rows, title="Under other protocols", baseline=False)


def _split(name: str) -> str:
    return "whole corpus" if name == "none" else name


def _figures(measured: Sequence[Measured], *, title: str, baseline: bool) -> Table:
    where = ("learned from",) if baseline else ("measured on", "protocol")
    head = (
        "recipe", *where, "UAR [95 %]", "accuracy", "macro F1", "ECE (by chance)", "folds",
        "seeds", "speakers", "clips", "parameters", "file", "ms a clip", "training",
    )  # fmt: skip
    rows = [_figure(m, baseline=baseline) for m in measured]
    if baseline:
        blank = ("–",) * (len(head) - 4)
        chance = percent(1 / measured[0].n_classes)
        rows.append(("one answer for all (chance)", "–", chance, _largest_class(measured), *blank))
    notes = ["Rows that ran on other folds were tested on other people."]
    if any(m.protocol == "transductive" for m in measured):
        notes.append(TRANSDUCTIVE)
    if any(m.latency_cpu for m in measured):
        cpus = sorted({m.latency_cpu for m in measured if m.latency_cpu})
        notes.append(
            f"ms a clip: a clip of three seconds, from waveform to probabilities, on one thread of "
            f"{' or '.join(cpus)}."
        )
    return Table(
        title, head, tuple(rows), notes=tuple(notes[0 if _folds_differ(measured) else 1 :])
    )


def _folds_differ(measured: Iterable[Measured]) -> bool:
    return len({m.folds for m in measured if m.folds}) > 1


def _largest_class(measured: Iterable[Measured]) -> str:
    """Accuracy of always naming the commonest emotion, where the rows agree on it."""
    shares = {percent(m.largest_share) for m in measured}
    return shares.pop() if len(shares) == 1 else "–"


def _figure(m: Measured, *, baseline: bool) -> Row:
    sign = f"{LEAK_SIGN} " if m.protocol == CLAIMED else ""
    run = m.runs[0]
    seeds = str(len(m.seeds) or "–")
    if not math.isnan(m.seed_spread):
        seeds += f" (±{100 * m.seed_spread:.1f})"
    return (
        sign + m.recipe,
        *((m.trained_on or "–",) if baseline else (f"{m.tested}, {_split(m.split)}", m.protocol)),
        uar_text(m),
        percent(m.accuracy),
        percent(m.macro_f1),
        _ece(m),
        folds_text(m) or "–",
        seeds,
        str(m.n_speakers or "–"),
        f"{m.n:,}",
        "–" if run.params is None else f"{run.params:,}",
        "–" if run.size_bytes is None else f"{run.size_bytes / 1e6:.1f} MB",
        "–" if run.latency_ms is None else f"{run.latency_ms:.1f}",
        training_text(m),
    )


def _ece(m: Measured) -> str:
    if math.isnan(m.ece):
        return "–"
    return f"{m.ece:.3f}" + ("" if math.isnan(m.ece_by_chance) else f" ({m.ece_by_chance:.3f})")


Pairs = Sequence[tuple[Measured, Sequence[Paired]]]


def comparisons(found: Pairs) -> list[Table]:
    """The best recipe of each split against the others, as ``best_against_others`` gives them."""
    return [
        Table(
            f"{title_of(best)}: against {best.recipe}",
            ("recipe", *_DIFFERENCE),
            tuple(_difference(pair, pair.first, p) for pair, p in _with_others(pairs)),
            lead=f"{best.recipe} has the best UAR among the recipes that ran on the most folds; "
            "the others less it, on the clips that both were tested on.",
        )
        for best, pairs in found
    ]


def ablations(found: Pairs) -> list[Table]:
    """What each option of a recipe changes, as ``options`` gives it."""
    tables = []
    for base, pairs in found:
        judged = [(pair, p, _effect(pair, p)) for pair, p in _with_others(pairs)]
        where = f"{base.tested}, {_split(base.split)} {folds_text(base)}".strip()
        tables.append(
            Table(
                base.recipe,
                ("option", *_DIFFERENCE, "so it"),
                tuple((*_difference(pair, _option(pair), p), effect) for pair, p, effect in judged),
                lead=f"Without any of these: UAR {uar_text(base)} on {where}.",
                notes=(_verdict(judged), _transductive(pairs)),
            )
        )
    return tables


_DIFFERENCE = ("difference in UAR [95 %]", "p", "p, Holm", "folds", "speakers", "answers")


def _with_others(pairs: Sequence[Paired]) -> Iterable[tuple[Paired, float]]:
    """Each pair, and its p-value corrected for the number of pairs."""
    return zip(pairs, holm([pair.difference.p_value for pair in pairs]), strict=True)


def _difference(pair: Paired, name: str, p_of_many: float) -> Row:
    return (
        name,
        difference_text(pair),
        _p_text(pair.difference.p_value),
        _p_text(p_of_many),
        ", ".join(map(str, pair.folds)) or "–",
        str(pair.n_speakers),
        f"{pair.n:,}",
    )


def _p_text(p: float) -> str:
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _option(pair: Paired) -> str:
    name = option_of(pair.first)[1]
    return f"{name} (transductive)" if pair.protocol == "transductive" else name


EFFECTS = ("helps", "may help", "no clear difference", "may hurt", "hurts")


def _effect(pair: Paired, p_of_many: float) -> str:
    """Sure only where the interval leaves out zero and chance alone would not do as much."""
    interval = pair.difference.interval
    if interval.low <= 0 <= interval.high:
        return "no clear difference"
    helps, sure = pair.difference.value > 0, p_of_many < 0.05
    if helps:
        return "helps" if sure else "may help"
    return "hurts" if sure else "may hurt"


def _transductive(pairs: Iterable[Paired]) -> str:
    return TRANSDUCTIVE if any(pair.protocol == "transductive" for pair in pairs) else ""


def _verdict(judged: Sequence[tuple[Paired, float, str]]) -> str:
    parts = []
    for kind in EFFECTS:
        names = [_option(pair) for pair, _, effect in judged if effect == kind]
        if names:
            parts.append(f"{kind.capitalize()}: {', '.join(names)}.")
    return " ".join(parts)
