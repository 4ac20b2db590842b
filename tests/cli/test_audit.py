from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from serotone.cli import app, main
from tests.corpora.test_fingerprint import RATE, noisy, voice


@pytest.fixture
def splits(tmp_path):
    """A table that leaks and one that does not."""
    for name, sound in (
        ("a", voice(1)),
        ("b", voice(2)),
        ("louder", np.clip(noisy(1.2 * voice(1), 20), -1, 1)),
    ):
        soundfile.write(tmp_path / f"{name}.wav", sound, RATE)
    head = "path,label,speaker,part\na.wav,sad,s1,train\n"
    (tmp_path / "clean.csv").write_text(head + "b.wav,sad,s2,test\n")
    (tmp_path / "leak.csv").write_text(head + "b.wav,sad,s2,test\nlouder.wav,sad,s3,test\n")
    (tmp_path / "gone.csv").write_text(head + "b.wav,sad,s2,test\ngone.wav,sad,s3,test\n")
    return tmp_path


def run(*words: str):
    return CliRunner().invoke(app, ["corpus", "audit", *words])


def test_a_clean_table_exits_0(splits):
    result = run(str(splits / "clean.csv"))
    assert result.exit_code == 0, result.output
    assert "clean.csv: no leak found." in result.stdout


def test_a_leak_exits_1_and_says_what_was_done(splits):
    result = run(str(splits / "leak.csv"))
    assert result.exit_code == 1
    shown = " ".join(result.stdout.split())  # lines break where the terminal ends
    assert "leak.csv leaks: altered" in shown
    assert "a.wav = louder.wav" in shown
    assert "1 of 2 (50.0%)" in shown


def test_json_is_for_machines(splits):
    result = run(str(splits / "leak.csv"), "--format", "json")
    assert result.exit_code == 1
    (report,) = json.loads(result.stdout)
    assert report["leaks"] is True
    assert report["copies"][0]["second"] == "louder.wav"
    assert report["test_rows_with_a_copy_in_train"]["by_ear"]["share"] == 0.5


def test_markdown_is_a_page(splits):
    result = run(str(splits / "leak.csv"), "--format", "markdown")
    assert result.stdout.startswith("# Audit of leak.csv\n")


def test_altered_copies_need_not_be_looked_for(splits):
    assert run(str(splits / "leak.csv"), "--no-near").exit_code == 0


def test_an_unreadable_file_is_no_all_clear(splits):
    result = run(str(splits / "gone.csv"))
    assert result.exit_code == 1
    assert "could not be read" in result.stdout
    # However long the path is, and wherever the terminal breaks the line.
    assert "gone.wav:nosuchfile" in "".join(result.stdout.split())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere.csv"], "nowhere.csv: No such file"),
        (["ravdess"], "got no split of 'ravdess'"),
        (["x.csv", "--split", "luna5"], "--split and --set are for a corpus"),
        (["ravdes", "--split", "luna5"], "unknown corpus 'ravdes'. Did you mean 'ravdess'?"),
    ],
)
def test_misuse_is_one_line(capsys, words, message):
    assert main(["corpus", "audit", *words]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.corpora
def test_every_fold_of_a_split_is_reported(corpora_root):
    result = run(
        "emodb",
        "--root",
        str(corpora_root / "emodb"),
        "--split",
        "loso",
        "--format",
        "json",
        "--no-near",
    )
    assert result.exit_code == 0
    reports = json.loads(result.stdout)
    assert len(reports) == 10
    assert all(r["n_heard"] == 535 and not r["leaks"] for r in reports)
