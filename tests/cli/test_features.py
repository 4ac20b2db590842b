from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import Result

from serotone.audio.io import write
from serotone.errors import ConfigError
from serotone.types import Audio

Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, tone: Audio) -> Path:
    clips = tmp_path / "clips"
    clips.mkdir()
    for name in ("a", "b"):
        write(clips / f"{name}.wav", tone)
    return clips


def test_a_table_is_written_and_nothing_printed(
    serotone: Run, folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "features.parquet"
    words = ("--set", "zcr", "--set", "chroma12", "--summary", "mean, max")
    result = serotone("features", str(folder), "--out", str(out), *words)
    assert result.exit_code == 0 and result.stdout == ""
    table = pd.read_parquet(out)
    assert len(table) == 2 and table["error"].isna().all()
    assert table.columns[3:6].tolist() == ["zcr_mean", "zcr_max", "chroma12_00_mean"]
    # A tone at 220 Hz crosses zero 440 times a second and is an A.
    assert table["zcr_mean"][0] == pytest.approx(440 / 22_050, rel=0.1)
    assert table[[f"chroma12_{i:02d}_mean" for i in range(12)]].iloc[0].argmax() == 9


def test_a_bad_file_is_a_row_and_exit_status_1(serotone: Run, folder: Path, tmp_path: Path) -> None:
    (folder / "aa.wav").write_text("nonsense")
    out = tmp_path / "features.parquet"
    result = serotone("features", str(folder), "-o", str(out), "-s", "zcr", "--frames")
    assert result.exit_code == 1
    assert "aa.wav" in result.stderr and "1 of 3 files failed" in result.stderr
    table = pd.read_parquet(out)
    assert table["error"].notna().sum() == 1
    assert table.groupby("path").size().tolist()[0] == 44


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--out", "x.csv"), "ends in .parquet"),
        (("--out", "x.parquet", "--set", "mfcc"), "unknown feature set 'mfcc'"),
        (("--out", "x.parquet", "--summary", "mode"), "unknown statistic 'mode'"),
        (("--out", "x.parquet", "--summary", ""), "--summary got nothing"),
    ],
)
def test_misuse_is_told(serotone: Run, folder: Path, words: tuple[str, ...], message: str) -> None:
    result = serotone("features", str(folder), *words)
    assert isinstance(result.exception, ConfigError)
    assert message in str(result.exception)
