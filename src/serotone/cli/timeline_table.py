"""A timeline for people: a line a segment, then what it comes to."""

from __future__ import annotations

import io
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from serotone.cli.console import WIDTH_IN_FILES, emotion_style
from serotone.timeline.formats import who
from serotone.timeline.segments import Segment, Timeline
from serotone.timeline.summary import Summary, summarise

BAR = 20

INDENT = 4
"""Cells before the words of a segment."""


def table(timeline: Timeline, *, colours: bool) -> str:
    """The segments with speech and a summary, as text.

    Args:
        timeline: what to show.
        colours: with the codes that colour a terminal.
    """
    file = io.StringIO()
    width = None if colours else WIDTH_IN_FILES
    console = Console(
        file=file, width=width, force_terminal=colours, highlight=False, markup=False, emoji=False
    )

    def line(text: Text) -> None:
        console.print(text, no_wrap=True, overflow="crop", crop=True)

    summary = summarise(timeline)
    line(Text(f"{timeline.source}  {clock(timeline.duration_s)}", "bold"))
    named = max((len(who(segment)) for segment in timeline.speech), default=0)
    label_width = max(map(len, timeline.labels), default=0)
    for segment in sorted(timeline.speech, key=lambda s: (s.start_s, s.channel or 0)):
        line(_row(segment, timeline.labels, named, label_width))
        for said in _said(segment, console):
            line(said)
    for said in _sum(summary, len(timeline.channels)):
        line(said)
    return file.getvalue()


def _row(segment: Segment, labels: Sequence[str], named: int, label_width: int) -> Text:
    emotion = str(segment.emotion)
    colour = emotion_style(emotion, labels)
    row = Text(f"{clock(segment.start_s)}  {clock(segment.end_s)}  ")
    if named:
        row.append(who(segment).ljust(named) + "  ")
    row.append(emotion.ljust(max(label_width, len("uncertain"))), f"bold {colour}")
    row.append(f"  {segment.confidence:4.0%}  ")
    row.append("█" * round(BAR * segment.confidence), colour)
    return row


def _said(segment: Segment, console: Console) -> list[Text]:
    if not segment.text:
        return []
    lines = Text(segment.text, "italic").wrap(console, console.width - INDENT)
    return [Text(" " * INDENT) + words for words in lines]


def _sum(summary: Summary, n_channels: int) -> list[Text]:
    length_s = summary.duration_s * n_channels
    share = summary.speech_s / length_s if length_s else 0.0
    said = [Text(f"speech {share:.0%}; of it " if summary.shares else "nobody speaks", "dim")]
    said[0].append(", ".join(f"{label} {part:.0%}" for label, part in summary.shares.items()))
    moved = [(label, step) for label, step in summary.drift.items() if abs(step) >= 0.1]
    if moved:
        steps = ", ".join(f"{label} {100 * step:+.0f} points" for label, step in moved)
        said.append(Text(f"first to last third: {steps}", "dim"))
    said += [
        Text(f"worth hearing: {clock(m.segment.start_s)}  {who(m.segment)} {m.reason}", "dim")
        for m in summary.moments
    ]
    return said


def clock(time_s: float) -> str:
    """A time as ``1:02:03.4``, hours only where there are some."""
    tenths = round(time_s * 10)
    hours, minutes, rest = tenths // 36_000, tenths // 600 % 60, tenths % 600
    head = f"{hours}:{minutes:02}" if hours else f"{minutes:2}"
    return f"{head}:{rest // 10:02}.{rest % 10}"
