"""The command line as a whole: help, errors, signals, pipes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

import serotone.cli
from serotone import __version__
from serotone.cli import COMMANDS, load, main
from serotone.errors import ModelError
from serotone.inference.options import Opening

ROOT = Path(__file__).parents[2]
CLIP = str(ROOT / "samples" / "synthetic-en-even.wav")


def test_help_shows_every_command(serotone: Callable[..., Result]) -> None:
    result = serotone("--help")
    for name, command in COMMANDS.items():
        assert name in result.stdout and command.summary in result.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_the_line_in_the_help_is_the_commands_own(name: str) -> None:
    command = load(name)
    assert command.name == name
    assert command.help.strip().splitlines()[0] == COMMANDS[name].summary


def test_the_page_of_the_command_line_is_up_to_date() -> None:
    subprocess.run([sys.executable, ROOT / "docs" / "make_cli.py", "--check"], check=True)


def test_version(serotone: Callable[..., Result]) -> None:
    assert serotone("--version").stdout == f"serotone {__version__}\n"


def test_a_mistyped_command_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predcit"]) == 2
    assert "predict" in capsys.readouterr().err


def test_a_users_mistake_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(opening: Opening) -> None:
        raise ModelError("no model 'x'. Known: default.")

    monkeypatch.setattr(Opening, "open", missing)
    assert main(["predict", CLIP]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "serotone: no model 'x'. Known: default.\n"


def test_an_interrupt_is_quiet(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(opening: Opening) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Opening, "open", interrupted)
    assert main(["predict", CLIP]) == 130
    assert capsys.readouterr() == ("", "")


def test_an_interrupt_while_importing_is_quiet(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(**options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(serotone.cli, "app", interrupted)
    assert main([]) == 130
    assert capsys.readouterr() == ("", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize(
    "words", [["models"], ["predict", CLIP, "-f", "json"], ["predict", CLIP, "-o", "/dev/full"]]
)
def test_a_full_disk_is_one_line(words: list[str]) -> None:
    command = [sys.executable, "-m", "serotone", *words]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    said = done.stderr.decode()
    assert said == "serotone: No space left on device. Mend that and run the command again.\n"


@pytest.mark.skipif(not hasattr(signal, "SIGPIPE"), reason="needs POSIX pipes")
@pytest.mark.parametrize("words", [["--help"], ["models"], ["models", "--format", "json"]])
def test_a_closed_pipe_is_quiet(words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "serotone", *words]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert done.stderr == b""
