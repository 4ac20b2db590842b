"""An evaluation as one page to read, print or send."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from serotone import __version__
from serotone.errors import ConfigError, MissingExtraError
from serotone.evaluation.fairness import doubts
from serotone.evaluation.report import (
    ANSWERED_HEAD,
    GROUPS_HEAD,
    LOSSES_HEAD,
    PROTOCOL_NOTES,
    SETS_HEAD,
    answered_rows,
    by_chance,
    groups_rows,
    headline,
    interval,
    losses_rows,
    percent,
    sets_rows,
)
from serotone.evaluation.result import Evaluation
from serotone.html import figures
from serotone.html.page import (
    Fragment,
    banner,
    cards,
    columns,
    details,
    figure,
    heading,
    page,
    paragraph,
    section,
    table,
)
from serotone.metrics import calibration, selective

_WORDS = (
    ("UAR", "unweighted average recall: the mean over labels of the share found; "
            "chance is one over the number of labels"),
    ("[low, high]", "95 % interval: where the figure lies when other speakers are drawn"),
    ("precision", "share of the answers with this label that were right"),
    ("F1", "harmonic mean of recall and precision"),
    ("ECE", "mean distance between confidence and share of right answers; 0 is perfect, but on few "
            "clips even perfect confidences miss by chance: below the figure beside it, 19 times "
            "in 20"),
    ("AURC", "mean share of errors over all numbers of answers given, surest first; 0 is perfect"),
)  # fmt: skip


def write_report(
    evaluation: Evaluation, path: Path, losses: Mapping[str, Any] | None = None
) -> Path:
    """Write ``report_page`` to a file.

    Raises:
        ConfigError: when it cannot be written.
    """
    try:
        path.write_text(report_page(evaluation, losses), encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"'{path}' cannot be written: {error.strerror}. Give another folder."
        ) from None
    return path


def report_page(evaluation: Evaluation, losses: Mapping[str, Any] | None = None) -> str:
    """An HTML document; without matplotlib it has the tables alone, and says so.

    Args:
        evaluation: what to show.
        losses: a measurement of robustness, for a section of its own.
    """
    source = evaluation.source
    title = f"{source.model} on {source.corpus}"
    return page(
        f"{title}: UAR {percent(evaluation.uar)}",
        banner(PROTOCOL_NOTES[source.protocol]),
        heading(title),
        paragraph(f"Split {source.split}, part {source.part}, {source.date}.", soft=True),
        _cards(evaluation),
        section("In short", table(("figure", "value"), headline(evaluation), text_columns=2)),
        section("By label", columns(_confusion(evaluation), _labels(evaluation))),
        section("Confidence", _confidence(evaluation)),
        section("By speaker", *_speakers(evaluation)),
        _robustness(losses) if losses else Fragment(""),
        _not_counted(evaluation),
        section("How this was made", _made(evaluation)),
        section("Words", table(("word", "meaning"), _WORDS, text_columns=2)),
    )


def _cards(evaluation: Evaluation) -> Fragment:
    n_labels = sum(score.n > 0 for score in evaluation.per_class.values())
    return cards(
        [
            ("UAR", percent(evaluation.uar), interval(evaluation.uar_ci)),
            ("Chance", percent(1 / n_labels), f"{n_labels} labels"),
            ("Accuracy", percent(evaluation.accuracy), f"macro F1 {percent(evaluation.macro_f1)}"),
            ("Calibration error", f"{evaluation.ece:.3f}", by_chance(evaluation)),
            ("Utterances", str(evaluation.n), f"speakers: {len(evaluation.per_speaker)}"),
        ]
    )


def _confusion(evaluation: Evaluation) -> Fragment:
    try:
        picture = figures.confusion(evaluation.confusion, evaluation.labels)
    except MissingExtraError as error:
        rows = zip(evaluation.labels, evaluation.confusion.tolist(), strict=True)
        return Fragment(
            banner(f"No figures: {error}", kind="note")
            + table(("", *evaluation.labels), ((label, *map(str, row)) for label, row in rows))
        )
    caption = "Utterances by what was meant (rows) and what was heard (columns)."
    return figure(picture, alt="Confusion matrix", caption=caption)


def _labels(evaluation: Evaluation) -> Fragment:
    rows = (
        (label, str(s.n), percent(s.recall), percent(s.precision), percent(s.f1))
        for label, s in evaluation.per_class.items()
    )
    return table(("label", "n", "recall", "precision", "F1"), rows)


def _confidence(evaluation: Evaluation) -> Fragment:
    probabilities, truth = evaluation.probabilities, evaluation.truth
    bins = calibration.reliability_bins(probabilities, truth)
    curve = selective.risk_coverage(
        probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    )
    told = [table(ANSWERED_HEAD, answered_rows(evaluation))]
    if evaluation.sets:
        told.append(table(SETS_HEAD, sets_rows(evaluation)))
    try:
        pictures = figures.reliability(bins), figures.risk_coverage(curve)
    except MissingExtraError:  # said once, above
        return columns(*told)
    shown = columns(
        figure(pictures[0], alt="Reliability diagram", caption="What was claimed and came true."),
        figure(pictures[1], alt="Risk–coverage curve", caption="What silence when unsure buys."),
    )
    return Fragment(shown + columns(*told))


def _robustness(losses: Mapping[str, Any]) -> Fragment:
    listed = table(LOSSES_HEAD, losses_rows(losses))
    try:
        picture = figures.losses(list(losses["conditions"].values()))
    except MissingExtraError:  # said once, above
        return section("Robustness", listed)
    shown = figure(picture, alt="UAR under each condition", full=True)
    kinds = ", ".join(losses["noise_kinds"])
    told = [paragraph(f"Noise of kinds held out of training: {kinds}.")] if kinds else []
    return section("Robustness", shown, *told, listed)


def _speakers(evaluation: Evaluation) -> list[Fragment]:
    scores = evaluation.per_speaker
    rows = (
        (name, s.sex or "–", str(s.n), percent(s.uar), percent(s.accuracy))
        for name, s in scores.items()
    )
    listed = table(("speaker", "sex", "n", "UAR", "accuracy"), rows, text_columns=2)
    blocks = _people(evaluation) if evaluation.by_sex or evaluation.by_age else []
    try:
        picture = figures.speaker_bars(
            {name: s.uar for name, s in scores.items()},
            mean=evaluation.uar,
            groups={name: s.sex for name, s in scores.items()} if evaluation.by_sex else None,
        )
    except MissingExtraError:  # said once, above
        return [*blocks, listed]
    shown = figure(picture, alt="UAR of each speaker", full=True)
    return [*blocks, shown, details("All speakers as a table", listed)]


def _people(evaluation: Evaluation) -> list[Fragment]:
    told = doubts({**evaluation.by_sex, **evaluation.by_age}, evaluation.gaps)
    return [table(GROUPS_HEAD, groups_rows(evaluation)), *map(paragraph, told)]


def _not_counted(evaluation: Evaluation) -> Fragment:
    source = evaluation.source
    blocks = []
    if source.set_aside:
        rows = ((label, str(n)) for label, n in source.set_aside.items())
        blocks.append(paragraph("Utterances whose label the model does not know, set aside:"))
        blocks.append(table(("label", "n"), rows))
    if source.failures:
        rows_failed = ((failure.source, failure.error) for failure in source.failures)
        blocks.append(paragraph(f"{len(source.failures)} file(s) gave no answer:"))
        blocks.append(table(("file", "why"), rows_failed, text_columns=2))
    return section("Not counted", *blocks) if blocks else Fragment("")


def _made(evaluation: Evaluation) -> Fragment:
    s = evaluation.source
    rows = [
        ("model", s.model),
        ("recipe", s.recipe or "–"),
        ("parameters", f"{s.params:,}" if s.params else "–"),
        ("seed", "–" if s.seed is None else str(s.seed)),
        ("split", f"{s.split} (ids {s.split_hash})"),
        ("commit of the training code", s.commit or "–"),
        ("serotone", __version__),
        ("beside this page", "metrics.json, and predictions.jsonl to make any figure again"),
    ]
    return table(("what", "which"), rows, text_columns=2)
