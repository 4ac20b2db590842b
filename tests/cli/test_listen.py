"""``serotone record`` and ``serotone listen``, on files played as if they were live."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from rich.console import Console
from typer.testing import Result

from serotone.audio import live, vad
from serotone.audio.live import Chunk
from serotone.audio.vad import Span
from serotone.cli import capture as heard
from serotone.cli.live_view import View
from serotone.inference.options import Opening
from serotone.types import Audio, Prediction

Run = Callable[..., Result]
RATE = 16_000


@dataclass
class AlwaysHappy:
    labels: tuple[str, ...] = ("happy", "sad")
    sample_rate: int = RATE
    min_confidence: float = 0.0

    def predict_audio(self, audio: Audio) -> Prediction:
        shares = {"happy": 0.9, "sad": 0.1}
        return Prediction(audio.source, 0.0, audio.duration_s, shares, "happy", 0.9)


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Opening, "open", lambda _self, **_: AlwaysHappy())
    monkeypatch.setattr(
        vad, "_load_silero", lambda: lambda frame: float(np.abs(frame).max() > 0.05)
    )


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Two seconds of silence, then three of a tone."""
    path = tmp_path / "clip.wav"
    tone = 0.5 * np.sin(2 * np.pi * 300 * np.arange(3 * RATE) / RATE)
    soundfile.write(path, np.concatenate([np.zeros(2 * RATE), tone]), RATE)
    return path


def listen(serotone: Run, clip: Path, *words: str) -> Result:
    return serotone("listen", "--source", str(clip), "--fast", *words)


def test_listen_writes_a_line_a_second(serotone: Run, clip: Path) -> None:
    result = listen(serotone, clip)
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["end_s"] for row in rows] == [1, 2, 3, 4, 5]
    assert [row["label"] for row in rows] == ["no-speech"] * 2 + ["happy"] * 3
    assert result.exit_code == 0


def test_hop_and_seconds(serotone: Run, clip: Path) -> None:
    result = listen(serotone, clip, "--hop", "0.5", "--seconds", "3")
    assert [json.loads(line)["end_s"] for line in result.stdout.splitlines()] == [
        0.5, 1, 1.5, 2, 2.5, 3,
    ]  # fmt: skip


def test_save_keeps_sound_and_answers(serotone: Run, clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    result = listen(serotone, clip, "--save", str(folder))
    [sound], [lines] = folder.glob("*.wav"), folder.glob("*.jsonl")
    assert soundfile.info(sound).frames == 5 * RATE
    assert lines.read_text() == result.stdout
    assert str(sound) in result.stderr


def test_saving_twice_in_a_second_keeps_both(serotone: Run, clip: Path, tmp_path: Path) -> None:
    for _ in range(2):
        listen(serotone, clip, "--save", str(tmp_path / "kept"))
    assert len(list((tmp_path / "kept").glob("*.wav"))) == 2


def test_ctrl_c_is_a_clean_end(
    serotone: Run, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> Iterator[Chunk]:
        for _ in range(3):
            yield Chunk(np.full(RATE, 0.5, np.float32))
        raise KeyboardInterrupt

    monkeypatch.setattr(heard, "play", interrupted)
    result = listen(serotone, clip, "--save", str(tmp_path / "kept"))
    assert result.exit_code == 0 and len(result.stdout.splitlines()) == 3
    [sound] = (tmp_path / "kept").glob("*.wav")
    assert soundfile.info(sound).frames == 3 * RATE


def test_being_late_is_said(serotone: Run, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chunks = [Chunk(np.full(RATE, 0.5, np.float32), late_s) for late_s in (0, 9, 9, 0)]
    monkeypatch.setattr(heard, "play", lambda *_, **__: iter(chunks))
    result = listen(serotone, clip)
    assert len(result.stdout.splitlines()) == 2
    assert "late: skipped 1.0 to 2.0 s" in result.stderr and "late: 2 answers" in result.stderr


def test_lost_sound_is_silence_in_its_place() -> None:
    chunks = heard.with_silence(iter([Chunk(np.ones(5, np.float32), 0.0, 40_000)]))
    assert [len(c.signal) for c in chunks] == [16_000, 16_000, 8000, 5]


def test_live_view_runs_without_a_terminal(serotone: Run, clip: Path) -> None:
    result = listen(serotone, clip, "--format", "live")
    assert result.exit_code == 0 and "happy" in result.stdout


def test_live_view_shows_level_bars_and_the_last_minute() -> None:
    console = Console(width=80, record=True, force_terminal=False)
    view = View(("happy", "sad"), "mic", console=console)
    console.print(view.render())
    assert "listening to mic" in console.export_text()
    view.sound(np.full(800, 0.5, np.float32))
    for second in range(90):
        label = "no-speech" if second % 2 else "happy"
        shares = {"happy": 0.75, "sad": 0.25}
        view.prediction(Prediction("mic", second, second + 1.0, shares, label, 0.75))
    view.skipped(Span(0, 1))
    console.print(view.render())
    text = console.export_text()
    assert "-6 dB" in text and "75%" in text and "late: 1 skipped" in text
    assert text.splitlines()[-1].count("▆") == 30
    assert len(view._past) == 60


def test_record_says_one_emotion(serotone: Run, clip: Path) -> None:
    words = ["record", "--source", str(clip), "--fast", "--seconds", "4", "-f", "json"]
    [row] = json.loads(serotone(*words).stdout)
    assert row["label"] == "happy" and row["end_s"] == 4.0


def test_record_table_and_save(serotone: Run, clip: Path, tmp_path: Path) -> None:
    result = serotone("record", "--source", str(clip), "--fast", "--save", str(tmp_path / "kept"))
    assert "happy" in result.stdout
    [sound] = (tmp_path / "kept").glob("*.wav")
    assert soundfile.info(sound).frames == 3 * RATE


def test_record_refuses_silence(serotone: Run, clip: Path) -> None:
    result = serotone("record", "--source", str(clip), "--fast", "--seconds", "1")
    assert "only silence" in str(result.exception)


@pytest.mark.parametrize("command", ["record", "listen"])
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--source", "x.wav", "--device", "1"], "Give one."),
        (["--fast"], "--fast is for --source"),
        (["--source", "none.wav", "--fast"], "no such file"),
    ],
)
def test_what_cannot_be_is_one_clear_line(
    serotone: Run, command: str, words: list[str], message: str
) -> None:
    assert message in str(serotone(command, *words).exception)


@pytest.mark.parametrize("words", [["record"], ["listen"], ["listen", "--list-devices"]])
def test_without_sounddevice_the_extra_is_named(
    serotone: Run, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    assert "serotone[mic]" in str(serotone(*words).exception)


@pytest.mark.parametrize("words", [["record"], ["listen"], ["record", "--list-devices"]])
def test_without_a_microphone_it_says_so(
    serotone: Run, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "devices", list)
    monkeypatch.setattr(heard, "devices", list)
    assert "no microphone" in str(serotone(*words).exception)


def test_devices_are_listed(serotone: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [live.Device(3, "USB [Mic]", 2, 48_000, True)]
    monkeypatch.setattr(heard, "devices", lambda: found)
    line = serotone("listen", "--list-devices").stdout.splitlines()[1]
    assert line.split() == ["3", "USB", "[Mic]", "(default)", "2", "48000", "Hz"]


def test_a_place_that_cannot_be_written_is_an_error(
    serotone: Run, clip: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("x")
    assert "cannot be written" in str(
        listen(serotone, clip, "--save", str(tmp_path / "file")).exception
    )
