"""The benchmark of speed measures what it says, and its page says what it measured."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile

from tests.benchmarks.scripts import ROOT, script


@pytest.fixture(scope="module")
def speed() -> ModuleType:
    return script("speed")


@pytest.fixture(scope="module")
def clips(speed: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    assert speed.write_clips(folder, None, 2, 8.0) == "samples/"
    return folder


def test_clips_are_of_one_length_and_the_long_file_is_made_of_them(clips: Path) -> None:
    found = [soundfile.info(path) for path in sorted(clips.glob("clip*.wav"))]
    assert [(info.samplerate, info.duration) for info in found] == [(48_000, 3.8)] * 2
    assert soundfile.info(clips / "long.wav").duration == pytest.approx(7.6)


def test_a_measure_is_a_ratio_to_the_floor_of_the_same_run(speed: ModuleType, clips: Path) -> None:
    paths = sorted(clips.glob("clip*.wav"))

    def slow(group: list[Path]) -> None:
        time.sleep(0.05 * len(group))

    found = speed.measure(lambda: slow, paths, batch=2, repeats=2)
    # It sleeps: much time on the wall, hardly any of the processor.
    assert 50 <= found["ms_per_clip"] < 500
    assert found["processor_ms_per_clip"] < 20
    assert found["of_floor"] == pytest.approx(
        found["ms_per_clip"] / found["floor_ms_per_clip"], rel=0.8
    )
    signal = speed.floor(paths)[0]
    assert signal.dtype == np.float32 and len(signal) == pytest.approx(3.8 * 16_000, abs=1)


def test_one_system_measures_itself_in_its_own_process(speed: ModuleType, clips: Path) -> None:
    words = ["--folder", str(clips), "--repeats", "1", "--threads", "2", "--batch", "2"]
    found = speed.alone("serotone", words)
    assert found["of_floor"] > 1 and found["processor_of_floor"] > 1
    assert 0 < found["first_answer_s"] < found["process_s"]
    assert 40 < found["memory_mb"] < 400


def test_what_is_not_there_is_skipped_with_its_reason(speed: ModuleType, clips: Path) -> None:
    assert "no such system" in speed.alone("no such system", ["--folder", str(clips)])["skipped"]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_the_memory_of_a_parent_is_not_counted(speed: ModuleType, clips: Path) -> None:
    held = np.ones(50_000_000)  # 400 MB, as much as no cold start takes
    found = speed.cold(clips / "clip0000.wav", 1)
    assert held.nbytes / 1e6 > found["memory_mb"] > 40
    assert found["first_answer_s"] >= found["least_s"] > 0 and found["processor_s"] > 0
    code = "import sys; sys.path.insert(0, sys.argv[1]); import speed; print(speed.memory_mb())"
    said = subprocess.run(
        [sys.executable, "-c", code, str(ROOT / "benchmarks")], capture_output=True, check=True
    )
    assert held.nbytes / 1e6 > float(said.stdout) > 10


def test_missed_targets_are_named(speed: ModuleType) -> None:
    result = {
        "serotone": [{"batch_size": 1, "of_floor": 1.0}, {"batch_size": 16, "of_floor": 3.0}],
        "cold": {"first_answer_s": 0.5, "memory_mb": 151.0},
        "live": {"window_ms": 8.0},
    }
    assert speed.missed(result) == [
        "batch_of_floor: 3.0, target 2.5",
        "cold_memory_mb: 151.0, target 150.0",
    ]


def test_the_whole_run_writes_what_the_page_is_made_of(
    speed: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = script("performance_page")
    figures = {
        "ms_per_clip": 3.5,
        "floor_ms_per_clip": 1.4,
        "of_floor": 2.25,
        "first_answer_s": 0.3,
        "memory_mb": 99.0,
    }
    skipped = {"skipped": "ModuleNotFoundError: No module named 'keras'"}
    made = {
        "live": {"window_ms": 5.0},
        "long": {"times_real_time": 300.0, "length_s": 60.8},
        "serotone": figures,
    }
    monkeypatch.setattr(speed, "alone", lambda name, words: made.get(name, skipped))
    monkeypatch.setattr(
        speed, "cold", lambda path, runs: {"first_answer_s": 0.4, "memory_mb": 98.0}
    )
    out = tmp_path / "results" / "speed.json"
    monkeypatch.setattr(sys, "argv", ["speed.py", "--quick", "--out", str(out)])
    assert speed.main() == 0
    result = json.loads(out.read_text())
    assert result["missed"] == [] and result["clips"] == 8
    assert [(row["threads"], row["batch_size"]) for row in result["serotone"]] == [(1, 1), (1, 16)]

    for name in ("PAGE", "PLOT", "RESULTS"):
        place = {"PAGE": tmp_path / "page.md", "PLOT": tmp_path / "speed.png"}
        monkeypatch.setattr(page, name, place.get(name, out.parent))
    small = ROOT / "benchmarks" / "results" / "small.json"
    (out.parent / "small.json").write_text(small.read_text())
    head = "# Page\n\n<!-- speed -->\nold\n<!-- /speed -->\n\n<!-- small -->\n\n<!-- /small -->\n"
    (tmp_path / "page.md").write_text(head)
    monkeypatch.setattr(sys, "argv", ["performance_page.py"])
    assert page.main() == 0
    text = (tmp_path / "page.md").read_text()
    assert "| 2.25 × |" in text and "No module named 'keras'" in text and "\nold\n" not in text
    assert (tmp_path / "speed.png").stat().st_size > 1000
    monkeypatch.setattr(sys, "argv", ["performance_page.py", "--check"])
    assert page.main() == 0
    (tmp_path / "page.md").write_text(text.replace("2.25 ×", "2.00 ×"))
    assert page.main() == 1
