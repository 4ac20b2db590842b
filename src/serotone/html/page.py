"""Pages in one file: no script, no link to elsewhere, light and dark, on a phone too.

Functions take plain text, escape it, and return a ``Fragment``; only fragments go into a page,
so the type checker sees to it that nothing unescaped does.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable, Sequence
from typing import Literal, NewType

from serotone.html.figures import INK

Fragment = NewType("Fragment", str)
"""HTML that is safe to put into a page."""

_CSS = """
:root { color-scheme: light dark; --ink: #1c2127; --soft: #5b6672; --back: #fff; --panel: #f5f7f9;
  --line: #d9dfe5; --accent: #2f6fdb; --alarm: #b3261e; --alarm-ink: #fff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7ebef; --soft: #9aa7b4; --back: #14181c;
  --panel: #1d2329; --line: #333c45; --accent: #78a6f5; --alarm: #c4392f; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 62rem; background: var(--back); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: .5rem 0; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; }
p { margin: .5rem 0; } .soft, figcaption { color: var(--soft); font-size: .9rem; }
.banner { background: var(--alarm); color: var(--alarm-ink); padding: .8rem 1rem; margin: 0 0 1rem;
  border-radius: .5rem; font-weight: 600; }
.banner.note { background: var(--panel); color: var(--ink); border-left: .3rem solid var(--accent);
  font-weight: 400; }
.cards { display: grid; gap: .7rem; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); }
.card { background: var(--panel); border-radius: .5rem; padding: .7rem .9rem; }
.card b { display: block; font-size: 1.5rem; line-height: 1.3; }
.wide { overflow-x: auto; } .columns { display: flex; flex-wrap: wrap; gap: 1rem; }
.columns > * { flex: 1 1 18rem; min-width: 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .93rem; }
th, td { padding: .3rem .8rem .3rem 0; text-align: left; border-bottom: 1px solid var(--line);
  vertical-align: top; overflow-wrap: anywhere; }
th { color: var(--soft); font-weight: 600; white-space: nowrap; }
.number { text-align: right; white-space: nowrap; }
figure { margin: .5rem 0; } figure svg, figure img { max-width: 100%; height: auto; }
figure img { background: #fff; border-radius: .5rem; }
figure.full { overflow-x: auto; } figure.full svg { max-width: none; }
details { margin: .5rem 0; } summary { cursor: pointer; color: var(--accent); }
"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="serotone">
<title>{title}</title>
<style>{css}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def page(title: str, *blocks: Fragment, css: str = "") -> str:
    """A whole HTML document; ``css`` adds rules to the page's own."""
    body = "\n".join(filter(None, blocks))
    return _PAGE.format(title=html.escape(title), css=_CSS + css, body=body)


def heading(text: str) -> Fragment:
    """The one heading of the page itself."""
    return Fragment(f"<h1>{html.escape(text)}</h1>")


def section(title: str, *blocks: Fragment) -> Fragment:
    """A heading and what stands below it."""
    inside = "\n".join(filter(None, blocks))
    return Fragment(f"<section>\n<h2>{html.escape(title)}</h2>\n{inside}\n</section>")


def paragraph(text: str, *, soft: bool = False) -> Fragment:
    """A paragraph; ``soft`` for what matters less."""
    kind = ' class="soft"' if soft else ""
    return Fragment(f"<p{kind}>{html.escape(text)}</p>")


def banner(text: str, *, kind: Literal["alarm", "note"] = "alarm") -> Fragment:
    """What nobody may overlook; nothing for an empty text."""
    if not text:
        return Fragment("")
    role = "alert" if kind == "alarm" else "note"
    return Fragment(f'<div class="banner {kind}" role="{role}">{html.escape(text)}</div>')


def cards(entries: Iterable[tuple[str, str, str]]) -> Fragment:
    """Large figures, each with its name and a word on it: ``(name, value, remark)``."""
    inside = "".join(
        f'<div class="card"><span class="soft">{html.escape(name)}</span>'
        f'<b>{html.escape(value)}</b><span class="soft">{html.escape(remark)}</span></div>'
        for name, value, remark in entries
    )
    return Fragment(f'<div class="cards">{inside}</div>')


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, text_columns: int = 1) -> Fragment:
    """A table that scrolls sideways where it must.

    Args:
        head: the names of the columns.
        rows: of as many cells.
        text_columns: how many columns from the left hold words; the others stand to the right.
    """
    kinds = ["" if index < text_columns else ' class="number"' for index in range(len(head))]

    def line(tag: str, cells: Sequence[str]) -> str:
        pairs = zip(cells, kinds, strict=True)
        return "<tr>" + "".join(f"<{tag}{k}>{html.escape(c)}</{tag}>" for c, k in pairs) + "</tr>"

    body = "\n".join(line("td", row) for row in rows)
    return Fragment(
        f'<div class="wide"><table>\n<thead>{line("th", head)}</thead>\n'
        f"<tbody>\n{body}\n</tbody>\n</table></div>"
    )


def figure(picture: bytes, *, alt: str, caption: str = "", full: bool = False) -> Fragment:
    """A picture of ``render.figures`` inside the page.

    SVG becomes part of the document, its ink following the theme; PNG is embedded as data.

    Args:
        picture: SVG or PNG bytes.
        alt: what it shows, for those who do not see it.
        caption: below it.
        full: keep its size and scroll sideways, where shrinking would make it unreadable.
    """
    name = html.escape(alt, quote=True)
    if picture.startswith(b"\x89PNG"):
        data = base64.b64encode(picture).decode("ascii")
        inside = f'<img alt="{name}" src="data:image/png;base64,{data}">'
    else:
        inside = _inline(picture.decode("utf-8"), name)
    below = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
    kind = ' class="full"' if full else ""
    return Fragment(f"<figure{kind}>{inside}{below}</figure>")


def columns(*blocks: Fragment) -> Fragment:
    """Blocks side by side where there is room."""
    return Fragment(
        f'<div class="columns">{"".join(f"<div>{block}</div>" for block in blocks)}</div>'
    )


def details(summary: str, *blocks: Fragment) -> Fragment:
    """Blocks that show when asked for."""
    inside = "\n".join(blocks)
    return Fragment(f"<details><summary>{html.escape(summary)}</summary>\n{inside}\n</details>")


def _inline(svg: str, name: str) -> str:
    start = svg.index("<svg")  # past the XML declaration and document type
    body = re.sub(r"<metadata>.*?</metadata>", "", svg[start:], flags=re.DOTALL)
    # Text is laid out in the width of one font; let the page's own stand in for it.
    body = re.sub(r"'DejaVu Sans'[^;\"]*", "system-ui, sans-serif", body)
    return body.replace(INK, "currentColor").replace(
        "<svg", f'<svg role="img" aria-label="{name}"', 1
    )
