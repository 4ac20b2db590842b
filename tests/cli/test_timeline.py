"""``serotone predict --timeline``: the options, every format, jobs that are stopped."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from typer.testing import Result

from serotone.audio import vad
from serotone.inference.options import Opening
from serotone.types import Audio, Prediction

Run = Callable[..., Result]
RATE = 16_000
LABELS = ("neutral", "happy", "angry")


@dataclass
class LoudRecognizer:
    """Angry when loud, happy when not."""

    labels: tuple[str, ...] = LABELS
    sample_rate: int = RATE
    min_confidence: float = 0.0
    model: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(name="loud"))

    def predict_batch(self, audios: list[Audio]) -> list[Prediction]:
        labels = ["angry" if np.abs(a.signal).max() > 0.5 else "happy" for a in audios]
        return [
            Prediction("", 0, 1, dict.fromkeys(LABELS, 0.1) | {label: 0.8}, label, 0.8)
            for label in labels
        ]


@pytest.fixture(autouse=True)
def heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Opening, "open", lambda _self, **_: LoudRecognizer())
    monkeypatch.setattr(
        vad, "_load_silero", lambda: lambda frame: float(np.abs(frame).max() > 0.05)
    )


@pytest.fixture
def call(tmp_path: Path) -> Path:
    """Happy from 1 to 3 s, angry from 5 to 7 s, in two channels, the second silent."""
    time_s = np.arange(8 * RATE) / RATE
    level = np.where((time_s >= 1) & (time_s < 3), 0.3, 0) + np.where(
        (time_s >= 5) & (time_s < 7), 0.9, 0
    )
    left = level * np.sin(2 * np.pi * 300 * time_s)
    path = tmp_path / "a call.wav"
    soundfile.write(path, np.stack([left, 0 * left], axis=1), RATE)
    return path


def timeline(serotone: Run, *words: str) -> Result:
    return serotone("predict", "--timeline", "--channels", "0", *words)


def test_table(serotone: Run, call: Path) -> None:
    result = timeline(serotone, str(call))
    lines = result.stdout.splitlines()
    assert result.exit_code == 0, result.exception
    assert lines[1].split()[4:6] == ["happy", "80%"] and "channel 1" in lines[1]
    assert lines[2].split()[4] == "angry"
    assert lines[3].startswith("speech 5") and "worth hearing" in lines[-1]


def test_json_has_segments_and_summary(serotone: Run, call: Path) -> None:
    [row] = json.loads(timeline(serotone, "-f", "json", str(call)).stdout)
    assert [s["label"] for s in row["segments"]] == [None, "happy", None, "angry", None]
    assert [s["speech"] for s in row["segments"]] == [False, True, False, True, False]
    assert row["segments"][0]["start_s"] == 0 and row["segments"][-1]["end_s"] == 8
    assert row["segments"][1]["start_s"] == pytest.approx(1.0, abs=0.15)
    assert sum(row["summary"]["shares"].values()) == pytest.approx(1)
    assert row["error"] is None


def test_jsonl_is_a_segment_a_line(serotone: Run, call: Path) -> None:
    rows = [
        json.loads(line)
        for line in timeline(serotone, "-f", "jsonl", str(call)).stdout.splitlines()
    ]
    assert [row["label"] for row in rows] == [None, "happy", None, "angry", None]
    assert {row["path"] for row in rows} == {str(call)}


def test_csv(serotone: Run, call: Path) -> None:
    text = timeline(serotone, "-f", "csv", str(call)).stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["speech"] for row in rows] == ["0", "1", "0", "1", "0"]
    assert float(rows[1]["p_happy"]) == pytest.approx(0.8) and rows[0]["p_happy"] == ""
    assert rows[1]["channel"] == "0"


def test_srt(serotone: Run, call: Path) -> None:
    text = timeline(serotone, "-f", "srt", str(call)).stdout
    cue = r"(\d+)\n(\d\d:\d\d:\d\d,\d{3}) --> (\d\d:\d\d:\d\d,\d{3})\n(.+)\n"
    found = re.findall(cue, text)
    assert [(n, words) for n, _, _, words in found] == [
        ("1", "channel 1: happy 80 %"),
        ("2", "channel 1: angry 80 %"),
    ]
    assert found[0][1].startswith("00:00:00,8") and found[0][2].startswith("00:00:03")


def test_vtt(serotone: Run, call: Path) -> None:
    text = timeline(serotone, "-f", "vtt", str(call)).stdout
    assert text.startswith("WEBVTT\n\n")
    assert re.search(r"00:00:0\d\.\d{3} --> 00:00:0\d\.\d{3}\n<v channel 1>happy 80 %\n", text)


def test_rttm(serotone: Run, call: Path) -> None:
    rows = [
        line.split() for line in timeline(serotone, "-f", "rttm", str(call)).stdout.splitlines()
    ]
    assert [len(row) for row in rows] == [10, 10]
    assert [row[7] for row in rows] == ["happy", "angry"]
    assert rows[0][:3] == ["SPEAKER", "a_call", "1"]


def test_audacity(serotone: Run, call: Path) -> None:
    rows = timeline(serotone, "-f", "audacity", str(call)).stdout.splitlines()
    starts = [float(row.split("\t")[0]) for row in rows]
    assert starts == pytest.approx([1, 5], abs=0.15)
    assert rows[1].split("\t")[2] == "channel 1: angry 80 %"


class Page(HTMLParser):
    """The open tags of a page, and the attributes of what the player needs."""

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.segments: list[dict[str, str | None]] = []
        self.audio = ""
        self.jumps: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag not in {"meta", "link", "input", "br", "img", "path"}:
            self.stack.append(tag)
        if values.get("class") == "seg":
            self.segments.append(values)
        if values.get("class") == "jump":
            self.jumps.append(values["data-start"])
        if tag == "audio":
            self.audio = values["src"] or ""

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Closes itself."""

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag


def test_html_has_sound_segments_and_places_to_jump_to(
    serotone: Run, call: Path, tmp_path: Path
) -> None:
    out = tmp_path / "page.html"
    assert timeline(serotone, str(call), "-o", str(out)).exit_code == 0
    page = Page()
    page.feed(out.read_text(encoding="utf-8"))
    assert page.stack == []
    assert [s["data-words"] for s in page.segments] == [
        "channel 1: happy 80 %",
        "channel 1: angry 80 %",
    ]
    assert len(page.jumps) == 1 + 2 and page.audio.startswith("data:audio/ogg;base64,")
    assert "http" not in re.sub(r"data:[^\"]*", "", out.read_text(encoding="utf-8"))


def test_a_long_recording_is_linked(
    serotone: Run, call: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serotone.timeline.html.EMBED_S", 2.0)
    folder = tmp_path / "pages"
    folder.mkdir()
    timeline(serotone, str(call), "-f", "html", "-o", str(folder))
    page = Page()
    page.feed((folder / "a call.html").read_text(encoding="utf-8"))
    assert page.audio == "../a%20call.wav"


def test_a_folder_for_results_is_made_and_loses_none(
    serotone: Run, call: Path, tmp_path: Path
) -> None:
    other = tmp_path / "late" / "A call.wav"
    other.parent.mkdir()
    other.write_bytes(call.read_bytes())
    refused = timeline(serotone, str(call), str(other), "-f", "srt", "-o", str(tmp_path / "one"))
    assert "as --out pages/" in str(refused.exception)
    into = str(tmp_path / "new" / "pages")
    assert timeline(serotone, str(call), "-f", "srt", "-o", f"{into}/").exit_code == 0
    assert timeline(serotone, str(call), str(other), "-f", "srt", "-o", into).exit_code == 0
    # A name alone where no other has it, else with the folders that tell them apart.
    written = ["a call.srt", "a call.wav.srt", "late-A call.wav.srt"]
    assert sorted(p.name for p in Path(into).iterdir()) == written
    assert len({(Path(into) / name).read_text() for name in written}) == 1
    blocked = timeline(serotone, str(call), "-f", "srt", "-o", f"{call}/pages/")
    assert "cannot be made" in str(blocked.exception)


def test_a_name_full_of_markup_stays_text(serotone: Run, call: Path) -> None:
    evil = call.rename(call.with_name('"><script>alert(1)</script>&.wav'.replace("/", "")))
    text = timeline(serotone, "-f", "html", str(evil)).stdout
    assert "<script>alert" not in text


def test_one_broken_recording_does_not_stop_the_others(
    serotone: Run, call: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no sound")
    result = timeline(serotone, "-f", "json", str(bad), str(call))
    rows = json.loads(result.stdout)
    assert "not a recording" in rows[0]["error"] and rows[1]["error"] is None
    assert result.exit_code == 1 and "not a recording" in result.stderr


def test_a_cut_recording_is_a_warning_and_status_1(serotone: Run, call: Path) -> None:
    call.write_bytes(call.read_bytes()[: 4 * RATE * 4])
    result = timeline(serotone, "-f", "json", str(call))
    assert "cut" in json.loads(result.stdout)[0]["error"] and result.exit_code == 1


def test_nothing_partial_stays_after_success(serotone: Run, call: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.json"
    timeline(serotone, str(call), "-o", str(out))
    assert out.exists() and not list(tmp_path.glob("*partial*"))


def test_a_stopped_job_leaves_what_it_heard_and_goes_on(
    serotone: Run, call: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, asked = tmp_path / "x.json", []
    hear = LoudRecognizer.predict_batch
    soundfile.write(call, np.tile(soundfile.read(call)[0], (20, 1)), RATE)

    def stop(self: LoudRecognizer, audios: list[Audio]) -> list[Prediction]:
        asked.append(len(audios))
        if len(asked) == 3:
            raise KeyboardInterrupt
        return hear(self, audios)

    monkeypatch.setattr(LoudRecognizer, "predict_batch", stop)
    result = timeline(serotone, str(call), "-o", str(out))
    assert result.exit_code != 0 and "Go on with --resume" in result.stderr
    assert not out.exists() and len(list(tmp_path.glob("*.partial.jsonl"))) == 1
    monkeypatch.setattr(LoudRecognizer, "predict_batch", hear)
    assert timeline(serotone, str(call), "-o", str(out), "--resume").exit_code == 0
    resumed = json.loads(out.read_text())
    timeline(serotone, str(call), "-o", str(out))
    assert json.loads(out.read_text()) == resumed
    assert sum(s["speech"] for s in resumed[0]["segments"]) == 40


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--timeline", "-"], "needs files"),
        (["--timeline", "--resume", "{}"], "--resume needs --out"),
        (["--timeline", "-f", "srt", "{}", "{}2"], "holds one recording, got 2"),
        (["--timeline", "--channels", "left", "{}"], "expected mix, split or a number"),
        (["--timeline", "--channels", "7", "{}"], "0 to 1"),
        (["-f", "srt", "{}"], "is for timelines. Add --timeline."),
    ],
)
def test_options_that_do_not_fit_are_one_clear_line(
    serotone: Run, call: Path, words: list[str], message: str
) -> None:
    result = serotone("predict", *(word.format(call) for word in words))
    assert message in str(result.exception) and result.stdout == ""


def test_help_and_speakers(serotone: Run, call: Path) -> None:
    assert serotone("predict", "--timeline", "--speakers", "99", str(call)).exit_code == 2
