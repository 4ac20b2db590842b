"""``serotone adapt``: what is printed, what is warned of, and the exit status."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from serotone.cli import main
from serotone.store.load import ModelInfo, describe

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    """A folder with five copies of one clip: one mood."""
    folder = tmp_path / "voice"
    folder.mkdir()
    for i in range(5):
        shutil.copyfile(SAMPLES / "synthetic-en-even.wav", folder / f"{i}.wav")
    return folder


def run(tiny_model: ModelInfo, *words: str) -> int:
    return main(["adapt", "--model", str(tiny_model.path), *words])


def test_a_folder_of_recordings_makes_a_model(
    tiny_model: ModelInfo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "anna"
    assert run(tiny_model, str(SAMPLES), "--out", str(out), "--share", "0.25") == 0
    said = capsys.readouterr()
    assert said.out == f"{out}\n" and "heard 6 pieces" in said.err
    assert describe(out).provenance["adapted"]["share"] == 0.25


def test_one_mood_is_warned_of(
    tiny_model: ModelInfo, voice: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tiny_model, str(voice), "--out", str(tmp_path / "anna")) == 0
    assert "5 of 5 pieces sound" in capsys.readouterr().err


def test_few_recordings_are_warned_of(
    tiny_model: ModelInfo, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    # Whatever the untrained net says of the six.
    monkeypatch.setattr("serotone.cli.adapt.ONE_MOOD", 1.1)
    assert run(tiny_model, str(SAMPLES), "--out", str(tmp_path / "anna")) == 0
    assert "got 6 pieces, expected 10 or more" in capsys.readouterr().err


def test_a_broken_file_is_told_of_and_the_rest_go_on(
    tiny_model: ModelInfo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.wav").write_bytes(b"no sound")
    words = (str(SAMPLES), str(tmp_path / "broken.wav"), "--out", str(tmp_path / "anna"))
    assert run(tiny_model, *words) == 1
    error = capsys.readouterr().err
    assert "broken.wav" in error and "1 files failed" in error
    assert describe(tmp_path / "anna").labels == tiny_model.labels


def test_too_little_is_one_line(
    tiny_model: ModelInfo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = str(SAMPLES / "synthetic-en-even.wav")
    assert run(tiny_model, clip, "--out", str(tmp_path / "anna")) == 2
    error = capsys.readouterr().err
    assert "expected at least 5" in error and error.count("\n") == 1
