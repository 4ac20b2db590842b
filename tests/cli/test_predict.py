"""What ``serotone predict`` does around the Recognizer; the real one is in ``test_real``."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import Result

from serotone.errors import LabelError
from serotone.labels import CANONICAL

Run = Callable[..., Result]
pytestmark = pytest.mark.usefixtures("fake")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two good files, a bad one, and one that is no sound."""
    for name in ("b.wav", "a.WAV", "bad.flac", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def test_jsonl_is_one_object_a_file(serotone: Run, folder: Path) -> None:
    result = serotone("predict", "-f", "jsonl", str(folder))
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [Path(row["path"]).name for row in rows] == ["a.WAV", "b.wav", "bad.flac"]
    keys = ["path", "start_s", "end_s", "label", "confidence", "probabilities"]
    keys += ["intensity", "text", "error"]
    assert all(list(row) == keys for row in rows)
    assert rows[0]["label"] == "neutral" and rows[0]["error"] is None
    assert rows[2]["label"] is None and "not sound" in rows[2]["error"]
    assert result.exit_code == 1


def test_all_good_is_status_0(serotone: Run, folder: Path) -> None:
    assert serotone("predict", str(folder / "b.wav"), "-f", "csv").exit_code == 0


@pytest.mark.parametrize("n", [1, 2])
def test_json_is_one_array(serotone: Run, folder: Path, n: int) -> None:
    files = [str(folder / name) for name in ("b.wav", "bad.flac")[:n]]
    rows = json.loads(serotone("predict", "-f", "json", *files).stdout)
    assert [row["path"] for row in rows] == files


def test_csv_has_a_column_per_label(serotone: Run, folder: Path) -> None:
    result = serotone("predict", "-f", "csv", str(folder))
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert float(rows[0]["p_neutral"]) == 0.6
    assert sum(float(rows[0][f"p_{label}"]) for label in CANONICAL) == pytest.approx(1, abs=1e-5)
    assert rows[2]["p_neutral"] == "" and "not sound" in rows[2]["error"]


def test_labels_narrow_the_answer(serotone: Run, folder: Path) -> None:
    result = serotone("predict", "-f", "jsonl", "--labels", "sad, angry", str(folder / "b.wav"))
    assert list(json.loads(result.stdout)["probabilities"]) == ["sad", "angry"]


def test_an_unknown_label_is_an_error(serotone: Run, folder: Path) -> None:
    result = serotone("predict", "--labels", "sadd", str(folder))
    assert isinstance(result.exception, LabelError)
    assert result.stdout == ""


def test_globs_are_expanded(serotone: Run, folder: Path) -> None:
    result = serotone("predict", "-f", "csv", str(folder / "*.wav"))
    assert len(result.stdout.splitlines()) == 2


def test_standard_input_takes_its_place(serotone: Run, folder: Path) -> None:
    sound = io.BytesIO()
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 8000)
    soundfile.write(sound, noise, 16000, format="WAV")
    files = [str(folder / "b.wav"), "-", str(folder / "bad.flac")]
    result = serotone("predict", "-f", "jsonl", *files, input=sound.getvalue())
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["path"] for row in rows] == files
    assert rows[1]["label"] == "neutral"


def test_bad_standard_input_is_an_error_row(serotone: Run) -> None:
    result = serotone("predict", "-f", "jsonl", "-", input=b"")
    assert "empty" in json.loads(result.stdout)["error"]
    assert result.exit_code == 1


def test_nothing_to_hear_is_an_error(serotone: Run, tmp_path: Path) -> None:
    result = serotone("predict", str(tmp_path))
    assert "no recordings" in str(result.exception)


@pytest.mark.parametrize("name", ["answers.json", "answers.jsonl", "answers.csv", "answers.txt"])
def test_out_chooses_the_format(serotone: Run, folder: Path, name: str) -> None:
    out = folder / name
    result = serotone("predict", str(folder / "b.wav"), "--out", str(out))
    assert result.stdout == ""
    begins = {"json": "[", "jsonl": "{", "csv": "path,", "txt": "…"}
    first = out.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith(begins[out.suffix[1:]])


def test_out_that_cannot_be_written_is_an_error(serotone: Run, folder: Path) -> None:
    result = serotone("predict", str(folder / "b.wav"), "-o", str(folder / "no" / "a.csv"))
    assert "cannot be written" in str(result.exception)


@pytest.mark.parametrize(
    "options", [["--min-confidence", "1.5"], ["--jobs", "0"], ["--format", "xml"], ["--what"], []]
)
def test_wrong_options_are_status_2(serotone: Run, folder: Path, options: list[str]) -> None:
    files = [str(folder)] if options else []
    result = serotone("predict", *files, *options)
    assert result.exit_code == 2
    assert result.stdout == "" and "Traceback" not in result.stderr


def test_table_shows_answers_and_errors(serotone: Run, folder: Path) -> None:
    result = serotone("predict", str(folder))
    lines = result.stdout.splitlines()
    assert "neu" in lines[0] and "sur" in lines[0]
    assert lines[1].split()[:3] == ["a.WAV", "neutral", "60%"]
    assert "bad.flac" in lines[3] and "not sound" in lines[3]
    assert lines[-1].endswith("1 failed")
