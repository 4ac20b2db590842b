"""``serotone evaluate`` from its words to its files, with a recogniser that needs no model."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from serotone.cli import main
from serotone.types import Failure
from tests.evaluation.fakes import FakeModel, FakeRecognizer

CODES = {"01": "neutral", "03": "happy", "04": "sad"}


class NameRecognizer(FakeRecognizer):
    """Hears the emotion in the file's RAVDESS code; takes every sad clip for a happy one."""

    def _prediction(self, label, source):
        heard = CODES[Path(source).stem.split("-")[2]]
        return super()._prediction("happy" if heard == "sad" else heard, source)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """RAVDESS in small: 24 actors, three clips each, none of which is ever opened."""
    for actor in range(1, 25):
        folder = tmp_path / "ravdess" / f"Actor_{actor:02d}"
        folder.mkdir(parents=True)
        for code in CODES:
            (folder / f"03-01-{code}-01-01-01-{actor:02d}.wav").touch()
    return tmp_path / "ravdess"


@pytest.fixture
def recognizer(monkeypatch) -> FakeRecognizer:
    fake = NameRecognizer(model=FakeModel(provenance={"train_speakers": ["ravdess-01"]}))
    module = ModuleType("serotone.inference.recognizer")
    module.Recognizer = type("Recognizer", (), {"open": staticmethod(lambda _, **__: fake)})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "serotone.inference.recognizer", module)
    return fake


@pytest.fixture
def run(root, recognizer, tmp_path, capsys):
    def run(*words: str) -> tuple[int, str, str]:
        base = ["evaluate", "--corpus", "ravdess", "--root", str(root)]
        status = main([*base, "--out", str(tmp_path / "out"), *words])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


def test_it_writes_figures_answers_and_reports(run, tmp_path):
    status, out, err = run("--split", "luna5:1")
    assert status == 0
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == ["metrics.json", "predictions.jsonl", "report.html", "summary.md"]
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["n"] == 15 and metrics["split"] == "luna5:1" and metrics["part"] == "test"
    assert metrics["protocol"] == "honest" and metrics["uar"] == pytest.approx(2 / 3, abs=1e-6)
    assert metrics["labels"] == ["neutral", "happy", "sad"]
    assert "66.7 %" in out and "metrics.json" in err
    assert "ravdess: 1368 problem(s), the first" in err  # 1,368 clips of RAVDESS are not there


def test_json_stands_alone_on_standard_output(run, tmp_path):
    _, out, _ = run("--split", "luna5:1", "--format", "json")
    assert json.loads(out) == json.loads((tmp_path / "out" / "metrics.json").read_text())


def test_without_a_split_the_whole_corpus_is_measured(run, recognizer, tmp_path):
    recognizer.model = FakeModel(provenance={"train_speakers": ["tess-oaf"]})
    status, _, _ = run()
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert status == 0
    assert (metrics["n"], metrics["split"], metrics["part"]) == (72, "none", "all")


def test_seen_speakers_are_refused_and_can_be_allowed(run, tmp_path):
    status, out, err = run("--split", "luna5:5")
    assert (status, out) == (2, "")
    assert "'ravdess-01'" in err and err.count("\n") == 1
    status, out, _ = run("--split", "luna5:5", "--allow-seen-speakers")
    assert status == 0 and "SEEN SPEAKERS" in out
    assert "banner alarm" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--split", "luna5"], "has 5 folds. Name one, as 'luna5:1'"),
        (["--split", "luna6:1"], "Did you mean 'luna5'"),
        (["--split", "luna5:9"], "luna5"),
        (["--part", "test"], "--part test needs a split"),
        (["--corpus", "ravdes"], "Did you mean 'ravdess"),
        (["--root", "/nowhere"], "/nowhere"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(run, tmp_path, words, message):
    status, out, err = run(*words)
    assert (status, out) == (2, "")
    assert message in err and err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_file_that_fails_is_named_and_the_status_is_1(run, recognizer, root, tmp_path):
    recognizer.model = FakeModel(provenance={"train_speakers": []})
    first = root / "Actor_02" / "03-01-04-01-01-01-02.wav"
    (root / "Actor_02" / "bad").mkdir()
    first.rename(root / "Actor_02" / "bad" / first.name)
    real = recognizer._prediction
    recognizer._prediction = lambda label, source: (
        Failure(source, f"{source}: cut short") if "/bad/" in source else real(label, source)
    )
    status, _, err = run("--split", "luna5:1")
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert status == 1 and "cut short" in err
    assert (metrics["n"], metrics["n_failed"]) == (14, 1)
    assert metrics["failures"][0]["path"].endswith("03-01-04-01-01-01-02.wav")


def test_robustness_is_measured_and_kept(run, root, recognizer, tmp_path):
    import numpy as np

    from serotone.audio.io import write
    from serotone.types import Audio

    recognizer.predict_audio = lambda audio: recognizer._prediction("", audio.source)
    sound = Audio(np.tile(np.array([0.1, -0.1], np.float32), 800), 16_000)
    for path in root.glob("Actor_*/*.wav"):
        write(path, sound)
    status, out, err = run("--split", "luna5:1", "--robustness")
    assert status == 0 and "not measured without --noise and --rooms" in err
    values = json.loads((tmp_path / "out" / "robustness.json").read_text())
    assert values["conditions"]["clean"]["n"] == values["conditions"]["mp3"]["n"] == 15
    assert "points lost" in out
    assert "Robustness" in (tmp_path / "out" / "report.html").read_text()
    assert run("--noise", str(tmp_path))[0] == 2


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Recordings of one's own, the speaker before the first ``_``; none is ever opened."""
    for label in ("happy", "neutral"):
        folder = tmp_path / "own" / label
        folder.mkdir(parents=True)
        for speaker in ("anna", "ben"):
            (folder / f"{speaker}_as-{label}.wav").touch()
    return tmp_path / "own"


def judge(own: Path, *words: str) -> int:
    return main(["evaluate", "-c", "folder", "-r", str(own), "-o", str(own.parent / "out"), *words])


def protocol_of(own: Path) -> str:
    return str(json.loads((own.parent / "out" / "metrics.json").read_text())["protocol"])


def test_own_recordings_are_read_as_they_taught(own, recognizer, monkeypatch, capsys):
    taught = {"train_speakers": ["folder-anna"], "readers": {"folder": {"speaker": "([a-z]+)_"}}}
    fake = FakeRecognizer(model=FakeModel(provenance=taught))
    opened = type("Recognizer", (), {"open": staticmethod(lambda _, **__: fake)})
    monkeypatch.setattr(sys.modules["serotone.inference.recognizer"], "Recognizer", opened)
    # Anna taught it: with the reader of its training she is known again.
    assert judge(own) == 2
    assert "learned from 1 of the 2 speakers" in capsys.readouterr().err
    assert judge(own, "--allow-seen-speakers") == 0
    assert protocol_of(own) == "seen-speakers"
    # Without speakers nobody can tell.
    assert judge(own, "--set", "speaker=") == 0
    assert protocol_of(own) == "unverified"
    said = capsys.readouterr()
    assert "UNVERIFIED" in said.out and "speakers are unknown" in said.err


def test_a_reader_can_be_told_where_the_speaker_stands(own, recognizer, monkeypatch):
    fake = FakeRecognizer()
    opened = type("Recognizer", (), {"open": staticmethod(lambda _, **__: fake)})
    monkeypatch.setattr(sys.modules["serotone.inference.recognizer"], "Recognizer", opened)
    assert judge(own, "--set", "speaker=([a-z]+)_") == 0
    assert protocol_of(own) == "honest"
    people = json.loads((own.parent / "out" / "metrics.json").read_text())["per_speaker"]
    assert people.keys() == {"folder-anna", "folder-ben"}
