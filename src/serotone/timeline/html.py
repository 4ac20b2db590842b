"""A timeline as one HTML page: waveform, coloured segments, a player that jumps on click."""

from __future__ import annotations

import html
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from serotone.html.page import Fragment, banner, cards, details, heading, page, paragraph, section
from serotone.html.palette import colour
from serotone.timeline.formats import who
from serotone.timeline.segments import Segment, Timeline
from serotone.timeline.strip import clock, embedded_sound, strip
from serotone.timeline.summary import Summary, summarise

EMBED_S = 600.0
"""Recordings up to here travel inside the page, as Opus (about 5 MB for ten minutes)."""

_CSS = """<style>
#player { position: sticky; top: 0; z-index: 2; background: var(--back); padding: .4rem 0; }
#player audio { width: 100%; display: block; }
#now { min-height: 1.6em; font-weight: 600; }
#strip { overflow-x: auto; border: 1px solid var(--line); border-radius: .5rem; }
#inner { position: relative; width: 100%; }
#inner svg { display: block; width: 100%; height: 7rem; cursor: pointer; }
#inner svg + svg { border-top: 1px solid var(--line); }
#needle { position: absolute; top: 0; bottom: 0; left: 0; width: 2px; background: var(--ink);
  pointer-events: none; }
.wave { fill: var(--soft); opacity: .75; } .seg { opacity: .42; } .seg:hover { opacity: .7; }
.key { display: inline-flex; align-items: center; gap: .35rem; margin: 0 .9rem .3rem 0; }
.key i { width: .9rem; height: .9rem; border-radius: .2rem; display: inline-block; }
button.jump { font: inherit; white-space: nowrap; color: var(--accent); background: none;
  border: 0; padding: .1rem 0; cursor: pointer; font-variant-numeric: tabular-nums;
  text-decoration: underline; }
label.zoom { display: inline-flex; gap: .5rem; align-items: center; }
</style>"""

_SCRIPT = """<script>
(() => {
  const audio = document.querySelector("audio"), strip = document.getElementById("strip");
  const inner = document.getElementById("inner"), needle = document.getElementById("needle");
  const now = document.getElementById("now"), length = Number(inner.dataset.length);
  const clock = s => [s / 3600, s / 60 % 60, s % 60]
    .map(v => String(Math.floor(v)).padStart(2, "0")).join(":");
  const marks = [...document.querySelectorAll(".seg")].map(
    e => [Number(e.dataset.start), Number(e.dataset.end), e.dataset.words]);
  const show = s => {
    needle.style.left = 100 * s / length + "%";
    const here = marks.filter(m => m[0] <= s && s < m[1]).map(m => m[2]);
    now.textContent = clock(s) + "  " + (here.join(" · ") || "nobody speaks");
  };
  const jump = s => { show(s); audio.currentTime = s; audio.play().catch(() => {}); };
  inner.addEventListener("click", event => {
    const box = inner.getBoundingClientRect();
    jump(Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)) * length);
  });
  document.addEventListener("click", event => {
    const button = event.target.closest("button.jump");
    if (button) jump(Number(button.dataset.start));
  });
  audio.addEventListener("timeupdate", () => show(audio.currentTime));
  document.getElementById("zoom").addEventListener("input", event => {
    const middle = (strip.scrollLeft + strip.clientWidth / 2) / inner.offsetWidth;
    inner.style.width = 100 * 2 ** event.target.value + "%";
    strip.scrollLeft = middle * inner.offsetWidth - strip.clientWidth / 2;
  });
  show(0);
})();
</script>"""


def timeline_page(timeline: Timeline, *, out: Path | None = None) -> str:
    """An HTML document that needs nothing but the sound, and holds that when it is short.

    Args:
        timeline: with peaks.
        out: where the page will lie, so that it can link the recording from there.

    A short recording that is no longer there leaves a page without sound.
    """
    summary = summarise(timeline)
    name = Path(timeline.source).name
    used = list(dict.fromkeys([*timeline.labels, *(str(s.emotion) for s in timeline.speech)]))
    return page(
        f"{name}: who felt what, when",
        Fragment(_CSS),
        banner(timeline.warning),
        heading(name),
        _cards(timeline, summary),
        _player(timeline, out),
        _strip(timeline, used),
        _legend(used, summary),
        section("Moments worth hearing", _moments(summary)),
        section("Trend", _trend(summary, used)),
        section("All segments", details("Show as a table", _segments(timeline))),
        paragraph("Made by serotone. A model's guess at how things were said, no more.", soft=True),
        Fragment(_SCRIPT),
    )


def _cards(timeline: Timeline, summary: Summary) -> Fragment:
    n_channels = len(timeline.channels)
    share = summary.speech_s / (summary.duration_s * n_channels) if summary.duration_s else 0.0
    most, part = next(iter(summary.shares.items()), ("nobody speaks", 0.0))
    return cards(
        [
            ("Length", clock(summary.duration_s), f"channels: {n_channels}"),
            ("Speech", f"{share:.0%}", clock(summary.speech_s)),
            ("Most of the time", most, f"{part:.0%} of the speaking"),
            ("Turns of emotion", str(len(summary.changes)), ""),
        ]
    )


def _player(timeline: Timeline, out: Path | None) -> Fragment:
    if not Path(timeline.source).is_file():
        address = ""
    elif timeline.duration_s <= EMBED_S:
        only = timeline.channels[0] if len(timeline.channels) == 1 else None
        address = embedded_sound(timeline.source, channel=only)
    else:
        address = _link(timeline, out)
    return Fragment(
        f'<div id="player"><audio controls preload="metadata" src="{html.escape(address)}"></audio>'
        '<div id="now" aria-live="off"></div></div>'
    )


def _link(timeline: Timeline, out: Path | None) -> str:
    here = out.parent if out else Path()
    return quote(Path(os.path.relpath(timeline.source, here)).as_posix())


def _strip(timeline: Timeline, labels: Sequence[str]) -> Fragment:
    most = max(1, math.ceil(math.log2(max(timeline.duration_s, 1) / 10)))
    return Fragment(
        f'<label class="zoom">Zoom <input id="zoom" type="range" min="0" max="{most}" step="1" '
        f'value="0"></label><div id="strip"><div id="inner" '
        f'data-length="{timeline.duration_s:.3f}">{strip(timeline, labels)}'
        '<div id="needle"></div></div></div>'
    )


def _legend(labels: Sequence[str], summary: Summary) -> Fragment:
    keys = "".join(
        f'<span class="key"><i style="background:{colour(label, labels)}"></i>'
        f"{html.escape(label)} {summary.shares.get(label, 0):.0%}</span>"
        for label in labels
    )
    return Fragment(f"<p>{keys}</p>")


def _moments(summary: Summary) -> Fragment:
    if not summary.moments:
        return paragraph("None: all of it is neutral, calm or unsure.")
    rows = "".join(
        f"<tr><td>{_button(m.segment)}</td><td>{html.escape(who(m.segment) or '–')}</td>"
        f"<td>{html.escape(m.reason)}</td></tr>"
        for m in summary.moments
    )
    return _table(("from", "who", "why"), rows)


def _segments(timeline: Timeline) -> Fragment:
    rows = "".join(
        f"<tr><td>{_button(s)}</td><td>{clock(s.end_s)}</td><td>{html.escape(who(s) or '–')}</td>"
        f"<td>{html.escape(str(s.emotion))}</td><td>{s.confidence:.0%}</td></tr>"
        for s in sorted(timeline.speech, key=lambda s: s.start_s)
    )
    return _table(("from", "to", "who", "emotion", "confidence"), rows)


def _table(head: Sequence[str], rows: str) -> Fragment:
    cells = "".join(f"<th>{html.escape(name)}</th>" for name in head)
    return Fragment(
        f'<div class="wide"><table><thead><tr>{cells}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _trend(summary: Summary, labels: Sequence[str]) -> Fragment:
    """Stacked bars, one for each part of the recording."""
    width = 1000 / max(len(summary.trend), 1)
    bars = "".join(
        _bar(index * width, width, part.shares, labels) for index, part in enumerate(summary.trend)
    )
    rises = [(label, step) for label, step in summary.drift.items() if abs(step) >= 0.05]
    rises.sort(key=lambda item: -abs(item[1]))
    said = ", ".join(f"{label} {100 * step:+.0f} points" for label, step in rises)
    return Fragment(
        '<figure><svg viewBox="0 0 1000 200" preserveAspectRatio="none" role="img" '
        'aria-label="Shares of speaking time along the recording" '
        f'style="width:100%;height:9rem">{bars}</svg><figcaption>Shares of the speaking time in '
        f"equal parts of the recording. From the first to the last third: "
        f"{html.escape(said) or 'no share moved by five points'}.</figcaption></figure>"
    )


def _bar(left: float, width: float, shares: Mapping[str, float], labels: Sequence[str]) -> str:
    top, rects = 0.0, []
    for label in labels:
        height = 200 * shares.get(label, 0.0)
        if height:
            rects.append(
                f'<rect x="{left:.1f}" y="{top:.1f}" width="{width - 4:.1f}" height="{height:.1f}" '
                f'fill="{colour(label, labels)}"><title>{html.escape(label)} '
                f"{shares[label]:.0%}</title></rect>"
            )
        top += height
    return "".join(rects)


def _button(segment: Segment) -> str:
    return (
        f'<button class="jump" data-start="{segment.start_s:.2f}">{clock(segment.start_s)}</button>'
    )
