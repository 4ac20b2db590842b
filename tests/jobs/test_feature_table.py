"""Feature tables: right numbers, one row for a bad file, and a killed run that goes on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from serotone.audio.io import read, write
from serotone.errors import AudioError, ConfigError
from serotone.features import FEATURES, NAMES
from serotone.features import extract as extract_module
from serotone.features.extract import Extractor
from serotone.jobs import feature_table as table
from serotone.jobs.feature_rows import FeatureWork, column_names
from serotone.jobs.feature_table import write_features
from serotone.types import Audio
from tests.features.signals import speech_like

SMALL = FeatureWork(("zcr", "rms"), ("mean", "max"))


@pytest.fixture
def clips(tmp_path: Path) -> list[str]:
    """Seven short recordings at 16 kHz; the fourth is not sound."""
    folder = tmp_path / "clips"
    folder.mkdir()
    paths = [folder / f"{i}.wav" for i in range(7)]
    for i, path in enumerate(paths):
        write(path, Audio(speech_like(16_000, 0.3 + 0.05 * i, seed=i), 16_000))
    paths[3].write_text("not sound")
    return [str(path) for path in paths]


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "FILES_PER_PART", 2)


def rows_of(path: Path) -> list[dict[str, Any]]:
    return pq.read_table(path).to_pylist()


def test_sets_of_one_spectrum_are_what_their_layers_say(clips: list[str]) -> None:
    extracted = Extractor(NAMES).extract(clips[6])
    assert list(extracted.features) == list(NAMES)
    assert extracted.duration_s == pytest.approx(0.6, abs=1e-3)
    for name, features in extracted.features.items():
        layer = FEATURES.get(name)()
        signal = torch.from_numpy(read(clips[6], sample_rate=layer.sample_rate).signal)
        expected = layer(signal[None], torch.tensor([len(signal)]))[0].numpy()
        np.testing.assert_allclose(features, expected, atol=1e-4, rtol=1e-5)


def test_a_recording_too_long_is_told(clips: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extract_module, "LONGEST_S", 0.5)
    with pytest.raises(AudioError, match=r"6\.wav: 1 s long, expected at most 0 s. Cut it"):
        Extractor(["zcr"]).extract(clips[6])


def test_a_summary_is_one_row_a_file_in_order(clips: list[str], tmp_path: Path) -> None:
    work = FeatureWork(("mfcc13dd", "rms", "stack2376"), ("mean", "std", "min", "max"))
    failures = write_features(clips, tmp_path / "out.parquet", work, n_jobs=1)
    rows = rows_of(tmp_path / "out.parquet")
    assert [row["path"] for row in rows] == clips
    assert [f.source for f in failures] == [clips[3]]
    assert rows[3]["error"] == failures[0].error and "not a recording" in rows[3]["error"]
    assert all(v is None for k, v in rows[3].items() if k not in ("path", "error"))
    found = Extractor(work.sets).extract(clips[5]).features
    row = rows[5]
    assert row["error"] is None and row["duration_s"] == pytest.approx(0.55, abs=1e-3)
    assert row["rms_max"] == pytest.approx(found["rms"].max(), rel=1e-6)
    assert row["mfcc13dd_07_std"] == pytest.approx(found["mfcc13dd"][:, 7].std(), rel=1e-5)
    assert row["mfcc13dd_38_min"] == pytest.approx(found["mfcc13dd"][:, 38].min(), rel=1e-5)
    assert row["stack2376_0109"] == pytest.approx(found["stack2376"][0, 109], rel=1e-6)
    assert "stack2376_0109_mean" not in row and len(row) == 3 + 4 * 40 + 2376


def test_frames_are_rows_with_their_time(clips: list[str], tmp_path: Path) -> None:
    work = FeatureWork(("mfcc20", "mel64"), ())
    write_features(clips, tmp_path / "out.parquet", work, n_jobs=1)
    rows = rows_of(tmp_path / "out.parquet")
    own = [row for row in rows if row["path"] == clips[4] and row["set"] == "mfcc20"]
    found = Extractor(["mfcc20"]).extract(clips[4]).features["mfcc20"]
    np.testing.assert_array_equal(np.array([row["values"] for row in own], np.float32), found)
    assert [row["frame"] for row in own] == list(range(len(found)))
    assert own[3]["time_s"] == pytest.approx(3 * 512 / 22_050)
    bad = [row for row in rows if row["path"] == clips[3]]
    assert len(bad) == 1 and bad[0]["error"] and bad[0]["values"] is None


def test_the_table_says_how_it_was_made(clips: list[str], tmp_path: Path) -> None:
    write_features(clips[:1], tmp_path / "out.parquet", SMALL, n_jobs=1)
    about = json.loads(pq.read_schema(tmp_path / "out.parquet").metadata[b"serotone"])
    assert about["sets"] == ["zcr", "rms"] and about["statistics"] == ["mean", "max"]


@pytest.mark.usefixtures("small_parts")
def test_several_processes_write_the_same_table(clips: list[str], tmp_path: Path) -> None:
    one, two = tmp_path / "one.parquet", tmp_path / "two.parquet"
    write_features(clips, one, SMALL, n_jobs=1)
    failures = write_features(clips, two, SMALL, n_jobs=2)
    assert rows_of(one) == rows_of(two) and len(failures) == 1


KILLED = """
import os, signal, sys
from pathlib import Path
from serotone.jobs import feature_table as table
from serotone.jobs.feature_rows import FeatureWork

done = 0

def on_file():
    global done
    done += 1
    if done == 5:
        os.kill(os.getpid(), signal.SIGKILL)

table.FILES_PER_PART = 2
work = FeatureWork(("zcr", "rms"), ("mean", "max"))
table.write_features(sys.argv[2:], Path(sys.argv[1]), work, n_jobs=1, on_file=on_file)
"""


@pytest.mark.usefixtures("small_parts")
def test_a_killed_run_goes_on_where_it_was(
    clips: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, whole = tmp_path / "out.parquet", tmp_path / "whole.parquet"
    killed = subprocess.run([sys.executable, "-c", KILLED, str(out), *clips], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not out.exists()
    assert len(list((tmp_path / "out.parquet.parts").glob("*.parquet"))) == 2
    write_features(clips, whole, SMALL, n_jobs=1)

    computed: list[str] = []
    told: list[None] = []
    extract = Extractor.extract

    def watched(self: Extractor, path: str) -> Any:
        computed.append(path)
        return extract(self, path)

    monkeypatch.setattr(Extractor, "extract", watched)
    failures = write_features(clips, out, SMALL, n_jobs=1, on_file=lambda: told.append(None))
    assert computed == clips[4:]
    assert len(told) == len(clips)
    assert rows_of(out) == rows_of(whole)
    assert [f.source for f in failures] == [clips[3]]  # found by the run that was killed
    assert not (tmp_path / "out.parquet.parts").exists()


@pytest.mark.usefixtures("small_parts")
def test_what_changed_since_is_made_anew(clips: list[str], tmp_path: Path) -> None:
    keys = {table._key(clips[:2], SMALL)}
    keys.add(table._key(clips[:2], FeatureWork(("zcr",), ("mean", "max"))))
    keys.add(table._key(clips[:2], FeatureWork(("zcr", "rms"), ())))
    keys.add(table._key(clips[1:3], SMALL))
    write(clips[1], Audio(speech_like(16_000, 0.5, seed=9), 16_000))
    keys.add(table._key(clips[:2], SMALL))
    assert len(keys) == 5


def test_row_groups_are_joined(
    clips: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "FILES_PER_PART", 1)
    monkeypatch.setattr(table, "ROWS_PER_GROUP", 3)
    write_features(clips, tmp_path / "out.parquet", SMALL, n_jobs=1)
    file = pq.ParquetFile(tmp_path / "out.parquet")
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [3, 3, 1]


def test_a_place_that_cannot_be_written_is_told(clips: list[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_features(clips, tmp_path / "file" / "out.parquet", SMALL, n_jobs=1)


def test_unknown_names_are_told() -> None:
    with pytest.raises(ConfigError, match=r"unknown feature set 'zrc'\. Did you mean 'zcr'"):
        FeatureWork(("zrc",), ("mean",))
    with pytest.raises(ConfigError, match="unknown statistic 'median'"):
        FeatureWork(("zcr",), ("median",))


def test_columns_sort_as_they_count() -> None:
    names = column_names("mel128", FEATURES.get("mel128")(), ["mean"])
    assert names[0] == "mel128_000_mean" and names == sorted(names)


def test_numbers_with_names_of_their_own_have_them_in_the_table(
    clips: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "features.parquet"
    write_features(clips[:1], out, FeatureWork(("pitch", "functionals"), ("mean",)), n_jobs=1)
    (row,) = rows_of(out)
    layer = FEATURES.get("functionals")()
    assert {"pitch_hz_mean", "pitch_strength_mean", "functionals_f0_percentile50"} <= set(row)
    assert len(row) == 3 + 2 + layer.n_features
    signal = torch.from_numpy(read(clips[0], sample_rate=layer.sample_rate).signal)
    expected = layer(signal[None], torch.tensor([len(signal)]))[0, 0]
    place = layer.names.index("level_delta_deviation")
    assert row["functionals_level_delta_deviation"] == pytest.approx(float(expected[place]))
