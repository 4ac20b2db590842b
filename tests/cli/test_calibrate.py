"""Sets of labels from fitting to the command line."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from serotone.audio.io import write
from serotone.cli import main
from serotone.store.load import describe
from serotone.store.save import record_calibration
from serotone.types import Audio
from tests.tiny import publish_tiny


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return publish_tiny(tmp_path / "tiny").path


@pytest.fixture
def corpora(tmp_path: Path) -> Path:
    """Two speakers of RAVDESS, one of whom chose the tiny model's epoch; made of noise."""
    draw = np.random.default_rng(0)
    for actor in (1, 3):
        for emotion in (3, 4, 5):
            for take in (1, 2):
                name = f"03-01-{emotion:02d}-01-01-{take:02d}-{actor:02d}.wav"
                signal = 0.1 * draw.standard_normal(8_000)
                path = tmp_path / "corpora" / "ravdess" / f"Actor_{actor:02d}" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                write(path, Audio(signal.astype(np.float32), 16_000))
    return tmp_path / "corpora"


def test_calibrate_fits_on_the_dev_speakers_alone(model: Path, corpora: Path, capsys) -> None:
    assert main(["calibrate", str(model), "--corpora", str(corpora)]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[-1].startswith("0.95\t") and "ravdess-03" in said.err
    conformal = describe(model).calibration["conformal"]
    assert conformal["n"] == 6 and conformal["speakers"] == ["ravdess-03"]
    assert "## Sets of labels" in (model / "card.md").read_text()


@pytest.mark.parametrize(
    ("speakers", "message"),
    [("ravdess-01", "learned from 'ravdess-01'"), ("ravdess-07", "'ravdess-07' is in none")],
)
def test_the_wrong_people_are_refused(
    model: Path, corpora: Path, capsys, speakers: str, message: str
) -> None:
    words = ["calibrate", str(model), "--corpora", str(corpora), "--speakers", speakers]
    assert main(words) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_predict_gives_sets_and_warnings_in_json_and_csv(
    model: Path, corpora: Path, capsys
) -> None:
    record_calibration(model, {"conformal": {"thresholds": {"0.9": 0.0}, "n": 6, "speakers": []}})
    clip = str(next(corpora.rglob("*.wav")))
    assert main(["predict", clip, "-m", str(model), "--sets", "0.9", "-f", "json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert set(row["set"]) == {"happy", "sad", "angry"}
    assert row["label"] == "uncertain" and row["warnings"] == ["short", "no-speech"]
    assert main(["predict", clip, "-m", str(model), "--sets", "0.9", "-f", "csv"]) == 0
    (cells,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert cells["warnings"] == "short no-speech" and len(cells["set"].split()) == 3
    assert main(["predict", clip, "-m", str(model), "--sets", "0.9"]) == 0
    shown = capsys.readouterr().out
    assert "one of:" in shown and "no speech heard" in shown and "below 1 s" in shown


def test_sets_of_a_model_that_has_none_are_one_line(model: Path, corpora: Path, capsys) -> None:
    clip = str(next(corpora.rglob("*.wav")))
    assert main(["predict", clip, "-m", str(model), "--sets", "0.9"]) == 2
    assert "serotone calibrate" in capsys.readouterr().err
    assert main(["predict", clip, "-m", str(model), "--sets", "0.9", "--words"]) == 2


def test_an_ensemble_is_made_as_sure_as_the_dev_speakers_allow(
    tmp_path: Path, corpora: Path, capsys
) -> None:
    members = [publish_tiny(tmp_path / name).path for name in ("one", "two")]
    words = ["ensemble", *map(str, members), "--out", str(tmp_path / "both")]
    assert main([*words, "--calibrate", str(corpora)]) == 0
    told = capsys.readouterr().err
    made = json.loads((tmp_path / "both" / "model.json").read_text())
    # Noise tells nothing: the surest it may be is not at all.
    assert made["temperature"] > 1 and f"temperature {made['temperature']:.3f}" in told
    assert made["provenance"]["dev_speakers"] == ["ravdess-03"]


def test_an_ensemble_without_dev_speakers_has_nobody_to_fit_on(
    tmp_path: Path, corpora: Path, capsys
) -> None:
    members = [publish_tiny(tmp_path / name).path for name in ("one", "two")]
    for member in members:
        path = member / "model.json"
        values = json.loads(path.read_text())
        values["provenance"]["dev_speakers"] = []
        path.write_text(json.dumps(values))
    words = ["ensemble", *map(str, members), "--out", str(tmp_path / "both")]
    assert main([*words, "--calibrate", str(corpora)]) == 2
    error = capsys.readouterr().err
    assert "no dev speaker" in error and "Leave --calibrate out." in error
    assert error.count("\n") == 1 and not (tmp_path / "both").exists()
