"""Blocks that only the page about a corpus has: bars, shaded counts, players."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Mapping, Sequence

from serotone.html.page import Fragment

CSS = """
h3 { font-size: 1.05rem; margin: 1.6rem 0 .2rem; overflow-wrap: anywhere; }
ul { padding-left: 1.2rem; margin: .5rem 0; } li { margin: .35rem 0; }
audio { width: 100%; max-width: 30rem; margin: .4rem 0; display: block; }
.wide + .wide { margin-top: 1rem; }
td:first-child { min-width: 7.5rem; } .heat td:first-child { white-space: nowrap; min-width: 0; }
.bars { display: grid; grid-template-columns: max-content 1fr max-content; gap: .25rem .7rem;
  align-items: center; max-width: 46rem; font-variant-numeric: tabular-nums; }
.bars i { display: block; height: 1rem; border-radius: .2rem; background: var(--accent); }
.heat table { border-collapse: separate; border-spacing: 2px; }
.heat th, .heat td { border: 0; padding: .25rem .5rem; }
.heat td.number { text-align: center; border-radius: .2rem; }
.heat th.number { text-align: center; }
.heat tr > :first-child { position: sticky; left: 0; background: var(--back); }
.heat .none { color: var(--alarm); font-weight: 700; }
.gallery { display: grid; gap: 0 1.5rem; grid-template-columns: repeat(auto-fill,
  minmax(min(100%, 19rem), 1fr)); }
.gallery > * { min-width: 0; }
"""


def bullets(texts: Iterable[str]) -> Fragment:
    """A list of sentences; nothing where there are none."""
    inside = "".join(f"<li>{html.escape(text)}</li>\n" for text in texts)
    return Fragment(f"<ul>\n{inside}</ul>" if inside else "")


def subheading(text: str) -> Fragment:
    """A heading within a section."""
    return Fragment(f"<h3>{html.escape(text)}</h3>")


def bars(rows: Iterable[tuple[str, int]], *, total: int) -> Fragment:
    """A bar for each count, the longest as wide as there is room; with its share of ``total``."""
    counts = list(rows)
    largest = max((n for _, n in counts), default=1)
    inside = "".join(
        f'<span>{html.escape(name)}</span><i style="width:{100 * n / largest:.1f}%"></i>'
        f"<span>{n:,} <span class=soft>{n / total:.1%}</span></span>\n"
        for name, n in counts
    )
    return Fragment(f'<div class="bars">\n{inside}</div>')


def heat_table(
    corner: str, columns: Sequence[str], rows: Mapping[str, Mapping[str, int]]
) -> Fragment:
    """Counts, each on a shade by its size; where there should be some and are none stands a 0.

    Args:
        corner: what the rows are.
        columns: names, in order.
        rows: counts by column, by name of the row.
    """
    largest = max((n for row in rows.values() for n in row.values()), default=1)

    def cell(n: int) -> str:
        if not n:
            return '<td class="number none">0</td>'
        back = f"color-mix(in srgb, var(--accent) {55 * n / largest:.0f}%, transparent)"
        return f'<td class="number" style="background:{back}">{n:,}</td>'

    head = "".join(f'<th class="number">{html.escape(name)}</th>' for name in columns)
    body = "\n".join(
        f"<tr><td>{html.escape(name)}</td>"
        + "".join(cell(row.get(column, 0)) for column in columns)
        + f'<td class="number soft">{sum(row.values()):,}</td></tr>'
        for name, row in rows.items()
    )
    return Fragment(
        f'<div class="wide heat"><table>\n<thead><tr><th>{html.escape(corner)}</th>{head}'
        f'<th class="number">all</th></tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>'
    )


def player(mp3: bytes, *, label: str) -> Fragment:
    """A sound inside the page; it is fetched from nowhere."""
    name = html.escape(label, quote=True)
    data = base64.b64encode(mp3).decode("ascii")
    return Fragment(
        f'<audio controls preload="metadata" aria-label="{name}" '
        f'src="data:audio/mpeg;base64,{data}"></audio>'
    )


def gallery(blocks: Iterable[Fragment]) -> Fragment:
    """Blocks of one kind, as many side by side as there is room for."""
    inside = "\n".join(f"<div>{block}</div>" for block in blocks)
    return Fragment(f'<div class="gallery">\n{inside}\n</div>')
