"""A timeline as one HTML page: waveform, coloured segments, a player that jumps on click."""

from __future__ import annotations

import base64
import contextlib
import html
import io
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from serotone.errors import AudioError
from serotone.inference.summary import Summary, summarise
from serotone.inference.timeline import Segment, Timeline
from serotone.render.page import (
    Fragment,
    banner,
    cards,
    details,
    heading,
    page,
    paragraph,
    section,
)
from serotone.render.timeline import who, words
from serotone.types import Audio

EMBED_S = 600.0
"""Recordings up to here travel inside the page, as Opus (about 5 MB for ten minutes)."""

OPUS_RATE_HZ = 24_000

COLOURS: Mapping[str, str] = {
    "neutral": "#8a94a0",
    "calm": "#2ba6a0",
    "happy": "#e0a100",
    "sad": "#3f7fe0",
    "angry": "#d6362b",
    "fearful": "#9a4fd0",
    "disgust": "#5f9a2f",
    "surprised": "#e0629f",
    "uncertain": "#b5bcc4",
}
OTHER_COLOURS = ("#0f8fb8", "#b86a0f", "#5a5fd6", "#2f9a5f")

_ROW_HEIGHT = 100

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
            ("Length", _clock(summary.duration_s), f"channels: {n_channels}"),
            ("Speech", f"{share:.0%}", _clock(summary.speech_s)),
            ("Most of the time", most, f"{part:.0%} of the speaking"),
            ("Turns of emotion", str(len(summary.changes)), ""),
        ]
    )


def _player(timeline: Timeline, out: Path | None) -> Fragment:
    if not Path(timeline.source).is_file():
        address = ""
    elif timeline.duration_s <= EMBED_S:
        address = f"data:audio/ogg;base64,{base64.b64encode(_opus(timeline)).decode('ascii')}"
    else:
        address = _link(timeline, out)
    return Fragment(
        f'<div id="player"><audio controls preload="metadata" src="{html.escape(address)}"></audio>'
        '<div id="now" aria-live="off"></div></div>'
    )


def _opus(timeline: Timeline) -> bytes:
    import numpy as np
    import soundfile

    from serotone.audio.io import stream

    only = timeline.channels[0] if len(timeline.channels) == 1 else None
    heard = stream(timeline.source, block_s=10, channel=only, sample_rate=OPUS_RATE_HZ)
    blocks = [block.signal for block in _before_damage(heard)]
    file = io.BytesIO()
    soundfile.write(file, np.concatenate(blocks), OPUS_RATE_HZ, format="OGG", subtype="OPUS")
    return file.getvalue()


def _before_damage(blocks: Iterator[Audio]) -> Iterator[Audio]:
    with contextlib.suppress(AudioError):
        yield from blocks


def _link(timeline: Timeline, out: Path | None) -> str:
    here = out.parent if out else Path()
    return quote(Path(os.path.relpath(timeline.source, here)).as_posix())


def _strip(timeline: Timeline, labels: Sequence[str]) -> Fragment:
    rows = "".join(
        _row(timeline, index, channel, labels) for index, channel in enumerate(timeline.channels)
    )
    most = max(1, math.ceil(math.log2(max(timeline.duration_s, 1) / 10)))
    return Fragment(
        f'<label class="zoom">Zoom <input id="zoom" type="range" min="0" max="{most}" step="1" '
        f'value="0"></label><div id="strip"><div id="inner" '
        f'data-length="{timeline.duration_s:.3f}">{rows}<div id="needle"></div></div></div>'
    )


def _row(timeline: Timeline, index: int, channel: int | None, labels: Sequence[str]) -> str:
    length_s = max(timeline.duration_s, 1e-3)
    rects = "".join(
        f'<rect class="seg" x="{1000 * s.start_s / length_s:.3f}" y="0" height="{_ROW_HEIGHT}" '
        f'width="{1000 * s.duration_s / length_s:.3f}" fill="{_colour(str(s.emotion), labels)}" '
        f'data-start="{s.start_s:.2f}" data-end="{s.end_s:.2f}" data-words="{_words(s)}">'
        f"<title>{_clock(s.start_s)} {_words(s)}</title></rect>"
        for s in timeline.speech
        if s.channel == channel
    )
    outline = _outline(timeline.peaks[index]) if index < len(timeline.peaks) else ""
    name = "Waveform" if channel is None else f"Waveform of channel {channel + 1}"
    return (
        f'<svg viewBox="0 0 1000 {_ROW_HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{name}, coloured by emotion"><path class="wave" d="{outline}"/>{rects}</svg>'
    )


def _outline(peaks: Sequence[float]) -> str:
    """A closed path around the middle: there along the top, back along the bottom."""
    if not peaks:
        return ""
    middle, width = _ROW_HEIGHT / 2, 1000 / len(peaks)
    loudest = max(max(peaks), 1e-3)
    tops = [(width * (i + 0.5), middle * 0.96 * peak / loudest) for i, peak in enumerate(peaks)]
    there = "L".join(f"{x:.1f} {middle - y:.1f}" for x, y in tops)
    back = "L".join(f"{x:.1f} {middle + y:.1f}" for x, y in reversed(tops))
    return f"M{there}L{back}Z"


def _legend(labels: Sequence[str], summary: Summary) -> Fragment:
    keys = "".join(
        f'<span class="key"><i style="background:{_colour(label, labels)}"></i>'
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
        f"<tr><td>{_button(s)}</td><td>{_clock(s.end_s)}</td><td>{html.escape(who(s) or '–')}</td>"
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
                f'fill="{_colour(label, labels)}"><title>{html.escape(label)} '
                f"{shares[label]:.0%}</title></rect>"
            )
        top += height
    return "".join(rects)


def _button(segment: Segment) -> str:
    return (
        f'<button class="jump" data-start="{segment.start_s:.2f}">'
        f"{_clock(segment.start_s)}</button>"
    )


def _words(segment: Segment) -> str:
    return html.escape(words(segment), quote=True)


def _colour(label: str, labels: Sequence[str]) -> str:
    if label in COLOURS:
        return COLOURS[label]
    return OTHER_COLOURS[list(labels).index(label) % len(OTHER_COLOURS)]


def _clock(time_s: float) -> str:
    whole_s = int(time_s)
    return f"{whole_s // 3600:02}:{whole_s // 60 % 60:02}:{whole_s % 60:02}"
