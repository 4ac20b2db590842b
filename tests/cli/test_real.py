"""``serotone predict`` as people run it: a process of its own and the shipped model."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

ROOT = Path(__file__).parents[2]
CLIPS = sorted((ROOT / "samples").glob("*.wav"))
N_GOOD = 200

MEASURED = """
import resource, sys
from serotone.cli import main
status = main()
sys.stderr.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024))
sys.exit(status)
"""
"""Runs the command line, then writes the most memory it held, in MiB, to standard error."""


def run(*words: str | Path, sound: bytes = b"") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "serotone", *map(str, words)]
    done = subprocess.run(command, input=sound, capture_output=True, check=False)
    return subprocess.CompletedProcess(
        command, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


def rows(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 200 voice-like clips, 1 to 3 s, of several rates and formats."""
    folder = tmp_path_factory.mktemp("good")
    draw = np.random.default_rng(0)
    for i in range(N_GOOD):
        rate = int(draw.choice([8000, 16000, 24414, 44100]))
        time_s = np.arange(int(rate * draw.uniform(1, 3))) / rate
        pitch_hz = draw.uniform(90, 280) * (1 + 0.1 * np.sin(2 * np.pi * 3 * time_s))
        voice = np.sign(np.sin(2 * np.pi * np.cumsum(pitch_hz) / rate)) * draw.uniform(0.1, 0.6)
        suffix = ("wav", "flac", "ogg")[i % 3]
        soundfile.write(folder / f"{i:03}.{suffix}", voice, rate)
    return folder


@pytest.fixture(scope="module")
def mixed(good: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same 200 clips among 12 broken files, each broken in its own way."""
    folder = tmp_path_factory.mktemp("mixed")
    for path in good.iterdir():
        (folder / path.name).hardlink_to(path)
    wav, flac, ogg = (
        (good / f"00{i}.{s}").read_bytes() for i, s in enumerate(("wav", "flac", "ogg"))
    )
    noise = np.random.default_rng(1).bytes(20_000)
    broken = {
        "010-empty.wav": b"",
        "020-text.wav": b"This is no sound at all.\n" * 200,
        "030-header-only.wav": wav[:44],
        "040-cut.wav": wav[: len(wav) // 2],
        "050-cut.flac": flac[: len(flac) // 2],
        "060-cut-early.ogg": ogg[:100],
        "070-noise.mp3": noise,
        "080-noise.m4a": noise,
        "090-image.wav": b"\x89PNG\r\n\x1a\n" + noise,
    }
    for name, data in broken.items():
        (folder / name).write_bytes(data)
    no_number = np.full(16000, np.nan, np.float32)
    soundfile.write(folder / "100-nan.wav", no_number, 16000, subtype="FLOAT")
    soundfile.write(folder / "110-silent.wav", np.zeros(16000), 16000)
    soundfile.write(folder / "120-no-samples.wav", np.zeros(0), 16000)
    return folder


def test_two_hundred_good_and_twelve_broken_files(mixed: Path) -> None:
    done = run("predict", "--format", "jsonl", mixed)
    found = rows(done.stdout)
    assert [Path(str(row["path"])) for row in found] == sorted(mixed.iterdir())
    failed = [row for row in found if row["error"] is not None]
    answered = [row for row in found if row["error"] is None]
    assert (len(answered), len(failed)) == (N_GOOD, 12)
    assert done.returncode == 1 and done.stderr == ""
    for row in failed:
        assert row["label"] is None and "-" in Path(str(row["path"])).name
        # One line that names its file, and no mention of the program's insides.
        assert str(row["error"]).startswith(f"{row['path']}: ")
        assert "\n" not in str(row["error"]) and "Traceback" not in str(row["error"])
    for row in answered:
        assert isinstance(row["probabilities"], dict)
        assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-4)


def test_memory_is_flat(good: Path, mixed: Path) -> None:
    pytest.importorskip("resource", reason="needs POSIX")

    def peak_mib(files: list[Path]) -> int:
        words = ["predict", "--jobs", "1", "--format", "csv", *map(str, files)]
        command = [sys.executable, "-c", MEASURED, *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return int(done.stderr)

    few = peak_mib(sorted(good.iterdir())[:32])
    assert peak_mib([mixed]) < few + 25


def test_processes_say_what_one_process_says(mixed: Path) -> None:
    alone, together = (rows(run("predict", "-f", "jsonl", "-j", n, mixed).stdout) for n in "12")
    assert [row["path"] for row in together] == [row["path"] for row in alone]
    for one, other in zip(alone, together, strict=True):
        assert one["error"] == other["error"]
        if one["error"] is None:
            assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-4)


def test_a_missing_file_is_an_error_row(tmp_path: Path) -> None:
    done = run("predict", "-f", "jsonl", tmp_path / "no.wav", CLIPS[0])
    assert [row["error"] is None for row in rows(done.stdout)] == [False, True]
    assert done.returncode == 1


def test_standard_input_is_heard_as_the_file_is() -> None:
    from_file, from_input = (
        rows(run("predict", "-f", "jsonl", name, sound=CLIPS[0].read_bytes()).stdout)[0]
        for name in (CLIPS[0], "-")
    )
    assert from_input["path"] == "-"
    assert from_input["probabilities"] == pytest.approx(from_file["probabilities"], abs=1e-5)


def test_labels_are_renormalised() -> None:
    done = run("predict", "-f", "jsonl", "--labels", "joy,sad,angry", CLIPS[0])
    probabilities = rows(done.stdout)[0]["probabilities"]
    assert isinstance(probabilities, dict)
    assert set(probabilities) == {"happy", "sad", "angry"}
    assert sum(probabilities.values()) == pytest.approx(1, abs=1e-5)


def test_below_the_threshold_the_answer_is_uncertain() -> None:
    done = run("predict", "-f", "jsonl", "--min-confidence", "1", *CLIPS)
    assert {row["label"] for row in rows(done.stdout)} == {"uncertain"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--labels", "happpy"], "happy"),
        (["--labels", "happy,wistful"], "wistful"),
        (["--model", "no-such-model"], "no-such-model"),
        (["--model", "/no/such/folder"], "no model"),
    ],
)
def test_mistakes_are_one_line_and_status_2(words: list[str], says: str) -> None:
    done = run("predict", CLIPS[0], *words)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("serotone: ") and done.stderr.count("\n") == 1
    assert says in done.stderr


@pytest.mark.skipif(not hasattr(signal, "SIGPIPE"), reason="needs POSIX pipes")
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_reader_that_leaves_ends_the_run_quietly(good: Path, jobs: str) -> None:
    command = [sys.executable, "-m", "serotone", "predict", "-f", "jsonl", "-j", jobs, str(good)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        assert json.loads(process.stdout.readline())["error"] is None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs POSIX process groups")
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_interrupt_ends_the_run_quietly(good: Path, tmp_path: Path, jobs: str) -> None:
    clip = next(good.iterdir())
    for i in range(4000):  # more than any machine hears before it is interrupted
        (tmp_path / f"{i}.wav").symlink_to(clip)
    # As a terminal does: the signal goes to every process of the group.
    words = ["predict", "-f", "jsonl", "-j", jobs, str(tmp_path)]
    command = [sys.executable, "-m", "serotone", *words]
    options = {
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "start_new_session": True,
        # Whoever runs the tests in the background has them ignore it, and so their children.
        "preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    }
    with subprocess.Popen(command, **options) as process:  # type: ignore[call-overload]
        process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors == b""


def test_models_are_listed_with_licence_and_figures() -> None:
    found = json.loads(run("models", "--format", "json").stdout)
    default = next(model for model in found if model["name"] == "default")
    assert "happy" in default["labels"] and default["size_bytes"] < 5_000_000
    assert "non-commercial" in default["licence"]
    assert default["figures"]["ravdess luna5:1"]["protocol"] == "honest"
    table = run("models").stdout
    figure = default["figures"]["ravdess luna5:1"]
    assert f"UAR {100 * figure['uar']:.1f} % [" in table
    assert len(table.splitlines()) < 20
