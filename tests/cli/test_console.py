from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from serotone.cli.console import Table, lay_out, with_progress, write_table
from serotone.labels import CANONICAL, UNCERTAIN
from serotone.types import Failure, Prediction


def answer(source: str, label: str = "happy", share: float = 0.65) -> Prediction:
    rest = (1 - share) / 7
    probabilities = dict.fromkeys(CANONICAL, rest) | {label: share}
    return Prediction(source, 0.0, 1.0, probabilities, label, share)


def printed(
    answers: list[Prediction | Failure], width: int, *, colours: bool = False, coding: str = "utf-8"
) -> list[str]:
    bytes_ = io.BytesIO()
    file = io.TextIOWrapper(bytes_, encoding=coding, errors="replace")
    system = "standard" if colours else None
    console = Console(file=file, width=width, force_terminal=colours, color_system=system)
    table = Table(console, [a.source for a in answers], CANONICAL)
    table.head()
    for a in answers:
        table.row(a)
    file.flush()
    return bytes_.getvalue().decode(coding).splitlines()


@pytest.mark.parametrize("width", [40, 44, 60, 72, 80, 100, 140, 300])
@pytest.mark.parametrize(
    "name", ["a.wav", "some/long/path/" * 5 + "a.wav", "日本語/" * 9 + "b.wav"]
)
def test_no_line_is_wider_than_the_terminal(width: int, name: str) -> None:
    why = f"{name}: cut: the header promises 3.2 s, 1.1 s are there. Copy it again."
    lines = printed([answer(name), answer("b.wav"), Failure(name, why)], width)
    assert max(cell_len(line) for line in lines) <= width
    assert "happy" in lines[1] and "65%" in lines[1]
    # All of the reason is there, however it is broken.
    assert "Copyitagain." in "".join("".join(lines[3:]).split())


def test_wider_terminals_have_wider_bars() -> None:
    bars = [lay_out(width, ["a" * 20], CANONICAL).bar for width in (40, 60, 80, 100, 120)]
    assert bars == sorted(bars) and bars[0] == 1 and bars[-1] > 5


@pytest.mark.parametrize(
    ("share", "bar"), [(1.0, "███"), (0.5, "█▌ "), (0.0, "   "), (0.05, "▏  ")]
)
def test_bars_are_in_eighths(share: float, bar: str) -> None:
    row = printed([answer("a", "neutral", share)], 60)[1]
    assert row.partition("%  ")[2][:3] == bar


def test_the_answer_has_its_colour_and_a_failure_is_red() -> None:
    lines = printed([answer("a", "happy"), Failure("b", "b: empty.")], 80, colours=True)
    assert "\x1b[1;33m  happy" in lines[1]
    assert lines[2].startswith("\x1b[31m")


def test_an_uncertain_answer_is_shown_as_such() -> None:
    uncertain = Prediction("a", 0, 1, answer("a").probabilities, UNCERTAIN, 0.65)
    assert printed([uncertain], 80)[1].split()[1] == "uncertain"


def test_names_cannot_steer_the_terminal() -> None:
    name = "\x1b[2Jevil\n.wav"
    lines = printed([answer(name), Failure(name, f"{name}: bad\x07.")], 80)
    assert len(lines) == 3
    assert not any(ord(c) < 32 for line in lines for c in line)


def test_a_terminal_without_unicode_gets_plain_bars() -> None:
    lines = printed([answer("x" * 60, "neutral", 1.0)], 80, coding="ascii")
    assert "###" in lines[1] and lines[1].startswith("~")
    assert all(line.isascii() for line in lines)


def test_a_common_folder_is_shown_once() -> None:
    lines = printed([answer("clips/one/a.wav"), answer("clips/two/b.wav")], 80)
    assert lines[0].startswith("clips/ ")
    assert lines[1].startswith("one/a.wav ") and lines[2].startswith("two/b.wav ")


def test_a_class_of_ones_own_has_a_colour() -> None:
    labels = ("laughing", "shouting")
    mine = Prediction("a", 0, 1, {"laughing": 0.9, "shouting": 0.1}, "laughing", 0.9)
    file = io.StringIO()
    write_table([mine], file, labels=labels, files=["a"])
    assert "laughing" in file.getvalue() and "1 file in" in file.getvalue()


def test_progress_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    answers = [answer(str(i)) for i in range(20)]
    assert list(with_progress(answers, 20)) == answers
    assert capsys.readouterr().out == ""
