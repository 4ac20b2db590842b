"""A corpus as one page to look at and to listen to, before anything is trained on it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from serotone import __version__
from serotone.corpora import CorpusInfo, Reading
from serotone.errors import ConfigError, MissingExtraError
from serotone.explore import figures
from serotone.explore.clips import labels_of
from serotone.explore.findings import Explored, findings
from serotone.explore.html import CSS, bars, bullets, heat_table
from serotone.explore.measure import Clip, measure_all
from serotone.explore.sounds import augmented, examples
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

MANY_SPEAKERS = 12
MOST_ROWS = 400
MOST_PROBLEMS = 200

_WORDS = (
    ("UAR", "unweighted average recall: the mean over emotions of the share found, so that each "
            "emotion counts the same however many clips it has"),
    ("level", "root mean square over the clip, in dB of full scale (dBFS): 0 is the loudest a file "
              "can hold, each 6 dB less is half"),
    ("silence", "share of frames of 32 ms that lie more than 40 dB below the loudest of the clip"),
    ("median", "half of the clips lie below, half above"),
)  # fmt: skip


def explore(
    info: CorpusInfo,
    root: Path,
    reading: Reading,
    *,
    progress: Callable[[int, int], object] | None = None,
) -> Explored:
    """Measure every clip of a corpus.

    Args:
        info: what its owners publish of it.
        root: its folder.
        reading: its annotation, as ``serotone.corpora.read`` gives it.
        progress: told how many clips are done and how many there are.
    """
    clips, failures = measure_all(reading.utterances, progress=progress)
    return Explored(info, root, reading, clips, failures)


def write_page(corpora: Sequence[Explored], path: Path) -> Path:
    """Write ``explore_page`` to a file.

    Raises:
        ConfigError: when it cannot be written.
    """
    document = explore_page(corpora)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(document, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"'{path}' cannot be written: {error.strerror}. Give another place with --out."
        ) from None
    return path


def explore_page(corpora: Sequence[Explored]) -> str:
    """An HTML document; without the extra ``train`` it has no pictures, and says so."""
    clips = [clip for corpus in corpora for clip in corpus.clips]
    title = ", ".join(corpus.title for corpus in corpora)
    blocks = [heading(title), _intro(corpora), _cards(corpora, clips)]
    if clips:
        blocks += [
            section("What stands out", bullets(findings(corpora)) or paragraph("Nothing.")),
            section("How many clips", *_counts(corpora, clips)),
            section("How long, how loud", *_measures(clips)),
            section("One clip of each emotion", *examples(clips)),
            section("What augmentation does", *augmented(clips)),
        ]
    blocks += [
        _not_used(corpora),
        section("Where it comes from", *map(_provenance, corpora)),
        section("Words", table(("word", "meaning"), _WORDS, text_columns=2)),
    ]
    return page(f"{title}: a look at the corpus", *blocks, css=CSS)


def _intro(corpora: Sequence[Explored]) -> Fragment:
    licences = sorted({c.info.licence for c in corpora if c.info.licence})
    terms = f" Licence: {', '.join(licences)}." if licences else ""
    return paragraph(
        "This page holds voices of the corpus. Before you pass it on, see whether you may."
        f"{terms} It is one file and needs no network.",
        soft=True,
    )


def _cards(corpora: Sequence[Explored], clips: Sequence[Clip]) -> Fragment:
    n_failed = sum(len(corpus.failures) for corpus in corpora)
    unusable = f"{n_failed:,} more could not be used" if n_failed else "all could be read"
    entries = [("Clips", f"{len(clips):,}", unusable)]
    if clips:
        lengths = [clip.duration_s for clip in clips]
        counts = Counter(clip.label for clip in clips).values()
        entries += [
            ("Sound", _hours(sum(lengths)), f"{np.median(lengths):.1f} s in the typical clip"),
            _voices_card(corpora),
            ("Emotions", str(len(counts)), f"guessing finds {1 / len(counts):.1%}"),
            ("Imbalance", f"{max(counts) / min(counts):.1f} : 1", "largest to smallest emotion"),
        ]
    return cards(entries)


def _voices_card(corpora: Sequence[Explored]) -> tuple[str, str, str]:
    sex = {c.utterance.speaker: c.utterance.sex for x in corpora if x.speakers_known
           for c in x.clips}  # fmt: skip
    if not all(corpus.speakers_known for corpus in corpora):
        return "Voices", "unknown", f"{len(sex):,} in the rest" if sex else "nothing names them"
    n = Counter(sex.values())
    named = [f"{n[s]:,} {s}" for s in ("female", "male") if n[s]]
    return "Voices", f"{len(sex):,}", ", ".join(named) or "sex not stated"


def _counts(corpora: Sequence[Explored], clips: Sequence[Clip]) -> list[Fragment]:
    labels = labels_of(clips)
    counts = Counter(clip.label for clip in clips)
    blocks = [bars([(label, counts[label]) for label in labels], total=len(clips))]
    if len(corpora) > 1:
        blocks += [
            paragraph("By corpus:"),
            heat_table("corpus", labels, _tally(clips, lambda c: c.utterance.corpus)),
        ]
    if any(clip.utterance.sex for clip in clips):
        by_sex = _tally(clips, lambda c: c.utterance.sex or "not stated")
        blocks += [paragraph("By sex:"), heat_table("sex", labels, by_sex)]
    known = [c for corpus in corpora if corpus.speakers_known for c in corpus.clips]
    if known:
        blocks += _by_speaker(known, labels)
    return blocks


def _by_speaker(clips: Sequence[Clip], labels: Sequence[str]) -> list[Fragment]:
    rows = _tally(clips, lambda c: c.utterance.speaker)
    sizes = [sum(row.values()) for row in rows.values()]
    low, high = min(sizes), max(sizes)
    each = f"{low:,} clips each" if low == high else f"{low:,} to {high:,} clips each"
    told = paragraph(f"By speaker: {len(rows):,}, with {each}, median {np.median(sizes):g}.")
    shown = dict(list(rows.items())[:MOST_ROWS])
    listed = heat_table("speaker", labels, shown)
    if len(rows) > MOST_ROWS:
        listed = Fragment(listed + paragraph(f"The first {MOST_ROWS} of them.", soft=True))
    if len(rows) > MANY_SPEAKERS:
        listed = details("Every speaker", listed)
    return [told, listed]


def _tally(clips: Sequence[Clip], key: Callable[[Clip], str]) -> dict[str, Mapping[str, int]]:
    rows: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for clip in clips:
        rows[key(clip)][clip.label] += 1
    return {name: rows[name] for name in sorted(rows)}


def _measures(clips: Sequence[Clip]) -> list[Fragment]:
    groups = {label: [c for c in clips if c.label == label] for label in labels_of(clips)}
    measures: tuple[tuple[str, str, Callable[[Clip], float]], ...] = (
        ("length", "length, seconds", lambda c: c.duration_s),
        ("level", "level, dB of full scale", lambda c: c.rms_db),
        ("silence", "silence, % of the clip", lambda c: 100 * c.silence),
    )
    rows = (
        (
            label,
            f"{min(c.duration_s for c in group):.2f}",
            f"{np.mean([c.duration_s for c in group]):.2f}",
            f"{max(c.duration_s for c in group):.2f}",
            f"{np.mean([c.rms_db for c in group]):.1f}",
            f"{max(c.peak_db for c in group):.1f}",
            f"{np.mean([c.silence for c in group]):.0%}",
        )
        for label, group in {**groups, "all": list(clips)}.items()
    )
    head = ("", "shortest, s", "mean, s", "longest, s", "mean level, dBFS", "highest peak, dBFS",
            "mean silence")  # fmt: skip
    listed = table(head, rows)
    try:
        pictures = [
            figure(
                figures.spread({n: [get(c) for c in g] for n, g in groups.items()},
                               x_label=unit, name=name),
                alt=f"{name} of the clips, all and by emotion",
            )
            for name, unit, get in measures
        ]  # fmt: skip
    except MissingExtraError as error:
        return [banner(f"No pictures: {error}", kind="note"), listed, _formats(clips)]
    how = paragraph(
        "Above, how many clips have which value. Below, the same by emotion: the box holds the "
        "middle half of the clips, its line the median, the thin line reaches from 5 to 95 %, "
        "dots are the extremes.",
        soft=True,
    )
    return [columns(*pictures), how, listed, _formats(clips)]


def _formats(clips: Sequence[Clip]) -> Fragment:
    counts = Counter(clip.format for clip in clips).most_common()
    return table(("format of the files", "clips"), ((name, f"{n:,}") for name, n in counts))


def _not_used(corpora: Sequence[Explored]) -> Fragment:
    rows = [
        (_inside(str(problem.path), corpus), f"{problem.kind}: {_plain(problem.message, corpus)}")
        for corpus in corpora
        for problem in corpus.problems
    ]
    rows += [
        (_inside(failure.source, corpus), _plain(failure.error, corpus))
        for corpus in corpora
        for failure in corpus.failures
    ]
    left = [
        f"{corpus.title}: {n:,} clips of “{label}”, which this set of emotions leaves out."
        for corpus in corpora
        for label, n in corpus.reading.left_out.items()
    ]
    if not rows and not left:
        return Fragment("")
    blocks = [bullets(left)]
    if rows:
        blocks.append(table(("file", "why"), rows[:MOST_PROBLEMS], text_columns=2))
    if len(rows) > MOST_PROBLEMS:
        more = f"{len(rows) - MOST_PROBLEMS:,} more; serotone corpus verify lists all."
        blocks.append(paragraph(more))
    return section("Not used", *blocks)


def _inside(path: str, corpus: Explored) -> str:
    """The path from the corpus's folder on: where that stands is nobody else's business."""
    return path.removeprefix(f"{corpus.root}").lstrip("/\\") or corpus.root.name


def _plain(message: str, corpus: Explored) -> str:
    """The message without the folder, and without the file that stands beside it."""
    path, colon, rest = message.partition(": ")
    if colon and path.startswith(str(corpus.root)):
        message = rest
    return message.replace(f"{corpus.root}/", "")


def _provenance(corpus: Explored) -> Fragment:
    info = corpus.info

    def against(found: int, published: int | None) -> str:
        return f"{found:,}" + (f" (published: {published:,})" if published is not None else "")

    n_speakers = len({u.speaker for u in corpus.reading})
    rows = [
        ("corpus", info.title if corpus.title == info.title else f"{corpus.title} ({info.title})"),
        ("clips", against(len(corpus.reading), info.n_clips)),
        ("speakers", against(n_speakers, info.n_speakers) if corpus.speakers_known else "unknown"),
        ("languages", ", ".join(info.languages)),
        ("licence", info.licence),
        ("DOI", info.doi),
        ("address", info.url),
        ("notes", info.notes),
        ("made with", f"serotone {__version__}"),
    ]
    return table(("what", "which"), [row for row in rows if row[1]], text_columns=2)


def _hours(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{seconds / 3600:.1f} h"
