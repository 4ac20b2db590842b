"""Pages stand alone, escape what they are given, and say it to those who do not see."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serotone.html import page as p
from serotone.html.figures import INK

VOID = {"meta", "img", "br", "link"}
SVG = (
    f'<?xml version="1.0"?><!DOCTYPE svg><svg width="9"><metadata>x</metadata>'
    f"<text style=\"fill: {INK}; font: 10px 'DejaVu Sans', 'Bitstream Vera Sans', sans-serif\">"
    "a</text></svg>"
).encode()


class Balance(HTMLParser):
    """Collects text, and refuses tags that do not close in order."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.tags: set[str] = set()
        self.feed(source)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r\x00"), max_size=30))
def test_any_text_stays_text_and_makes_no_tag(text):
    plain = Balance(p.page("plain", *_same(text)))
    known = Balance(p.page("plain", *_same("word")))
    assert plain.tags <= known.tags
    assert text in "".join(plain.words) or text.isspace()


def _same(text: str) -> list[p.Fragment]:
    return [
        p.heading(text),
        p.paragraph(text),
        p.banner(text),
        p.cards([(text, text, text)]),
        p.table([text, "n"], [[text, text]]),
        p.details(text, p.paragraph(text)),
        p.section(text, p.figure(SVG, alt=text, caption=text)),
    ]


def test_a_page_asks_nothing_of_the_network_and_runs_no_script():
    document = p.page("title", *_same("word"), p.figure(b"\x89PNG....", alt="dots"))
    assert "<script" not in document
    assert not re.search(r'(src|href)="(?!data:)', document)
    assert "@import" not in document and "url(" not in document
    assert 'name="viewport"' in document and "prefers-color-scheme: dark" in document


def test_a_picture_takes_the_ink_and_font_of_the_page_and_has_a_name():
    shown = p.figure(SVG, alt='a "quoted" name', full=True)
    assert INK not in shown and "fill: currentColor" in shown
    assert "DejaVu" not in shown and "system-ui, sans-serif" in shown
    assert "metadata" not in shown and "<?xml" not in shown
    assert 'role="img" aria-label="a &quot;quoted&quot; name"' in shown
    assert 'class="full"' in shown


def test_rows_of_another_length_are_refused():
    with pytest.raises(ValueError):
        p.table(["a", "b"], [["1"]])


def test_numbers_stand_to_the_right_and_words_to_the_left():
    shown = p.table(["label", "n"], [["sad", "4"]])
    assert '<td>sad</td><td class="number">4</td>' in shown


def test_an_empty_banner_is_nothing():
    assert p.banner("") == ""
    assert 'role="note"' in p.banner("x", kind="note")
