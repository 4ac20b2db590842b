"""How sure, and why: what the model says of itself, for visitors."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from serotone.html.page import Fragment, details, section, table
from serotone.server.page.view import bars
from serotone.store.card import LIMITS, OUT_OF_SCOPE

if TYPE_CHECKING:
    from serotone.store.load import ModelInfo


def about(model: ModelInfo) -> Fragment:
    """Figures, calibration, data and licences of a model, from its ``model.json``."""
    return Fragment(
        '<div class="st-box">'
        + section("How often it is right", _figures(model))
        + "</div>"
        + _calibration(model)
        + '<div class="st-box">'
        + section("What it learned from", _data(model))
        + "</div>"
    )


def limits() -> str:
    """Markdown of what the model cannot do and must not be used for."""
    return f"### Limits\n\n{LIMITS}\n### Not for\n\n{OUT_OF_SCOPE}"


def _figures(model: ModelInfo) -> Fragment:
    if not model.figures:
        return Fragment("<p>This model has not been measured yet.</p>")
    facts = "".join(_fact(figure) for figure in model.figures.values())
    first = next(iter(model.figures.values()))
    recalls = {name: values["recall"] for name, values in first.get("per_class", {}).items()}
    found = details(
        "How often it finds each emotion",
        bars(recalls, tuple(recalls)),
        Fragment(
            f"<p>Share of the clips of each emotion that it named so, on {_corpus(first)}.</p>"
        ),
    )
    return Fragment(f'<div class="st-facts">{facts}</div>{found if recalls else ""}')


def _fact(figure: Mapping[str, Any]) -> str:
    low, high = figure.get("uar_ci") or (None, None)
    spread = f" ({low:.0%} to {high:.0%} in 95 of 100 such draws of speakers)" if low else ""
    strangers = figure.get("protocol") == "honest"
    n_speakers = len(figure.get("per_speaker", {})) or ""
    who = f"{n_speakers} speakers it had never heard" if strangers else "speakers it had heard"
    labels = figure.get("labels")
    guess = f" Guessing finds {1 / len(labels):.0%}." if labels else ""
    return (
        f"<div><b>{figure['uar']:.0%}</b><span>of each emotion found, on average{spread}: "
        f"{figure['n']} clips of {_corpus(figure)}, {who}.{guess}</span></div>"
    )


def _calibration(model: ModelInfo) -> Fragment:
    measured = [figure for figure in model.figures.values() if figure.get("ece") is not None]
    if not measured:
        return Fragment("")
    facts = "".join(
        f"<div><b>{100 * figure['ece']:.0f} points</b><span>off on average, on "
        f"{figure['n']} clips of {_corpus(figure)} (expected calibration error)</span></div>"
        for figure in measured
    )
    dev = model.provenance.get("dev_speakers", [])
    told = (
        "<p>Of all answers that say 80 %, about 80 in 100 should be right. The percentages were "
        f"fitted to that on {len(dev)} speakers who taught it nothing else. On others:</p>"
    )
    title = section(
        "What a percentage means", Fragment(f'{told}<div class="st-facts">{facts}</div>')
    )
    return Fragment(f'<div class="st-box">{title}</div>')


def _data(model: ModelInfo) -> Fragment:
    corpora = model.provenance.get("corpora", [])
    rows = [(c["title"], c["licence"], f"{c['n_clips']:,}") for c in corpora]
    listed = table(("recordings", "licence", "clips"), rows, text_columns=2) if rows else ""
    teachers = len(model.provenance.get("train_speakers", []))
    return Fragment(
        f"{listed}<p>{teachers} speakers taught it. {html.escape(model.licence)}</p>"
        f'<p class="st-soft">Model {html.escape(model.name)}, {model.n_parameters:,} parameters, '
        f"{model.size_bytes / 1e6:.1f} MB, recipe {html.escape(model.recipe)}, trained "
        f"{html.escape(str(model.provenance.get('date', '')))}.</p>"
    )


def _corpus(figure: Mapping[str, Any]) -> str:
    return html.escape(str(figure.get("corpus", "")).upper())
