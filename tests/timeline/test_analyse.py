from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from serotone.errors import AudioError, ConfigError
from serotone.inference.smoothing import SmoothConfig
from serotone.timeline.analyse import BLOCK_S, analyse
from serotone.timeline.segments import Timeline, TimelineConfig
from serotone.timeline.waveform_peaks import MOST, Peaks
from serotone.timeline.windows import WindowConfig
from tests.pitch_recognizer import RATE, PitchRecognizer, quiet, talk

pytestmark = pytest.mark.usefixtures("by_level")
CONFIG = TimelineConfig(
    windows=WindowConfig(length_s=1.5, hop_s=0.5), smooth=SmoothConfig(dwell_s=0)
)
LONG = talk(*[("-", 1.0), ("happy", 2.0), ("-", 1.5), ("angry", 4.0), ("sad", 3.0)] * 9)


@pytest.fixture
def call(tmp_path: Path) -> Path:
    """104 s: nine times the same talk."""
    path = tmp_path / "call.wav"
    soundfile.write(path, LONG, RATE)
    return path


def emotions(timeline: Timeline, channel: int | None = None) -> list[str]:
    return [str(s.emotion) for s in timeline.speech if s.channel == channel]


def test_it_hears_what_was_said_and_when(call: Path) -> None:
    timeline = analyse(call, PitchRecognizer(), CONFIG)
    assert timeline.duration_s == pytest.approx(len(LONG) / RATE)
    assert emotions(timeline)[:3] == ["happy", "angry", "sad"]
    assert len(timeline.speech) == 27
    first, second, third = timeline.speech[:3]
    assert (first.start_s, first.end_s) == pytest.approx((1.0, 3.0), abs=0.15)
    assert second.start_s == pytest.approx(4.5, abs=0.15)
    assert second.end_s == third.start_s == pytest.approx(8.5, abs=0.8)
    assert timeline.warning == ""


def test_channels_are_heard_apart_mixed_or_alone(tmp_path: Path) -> None:
    agent, customer = talk(("neutral", 3), ("-", 4)), talk(("-", 4), ("angry", 3))
    path = tmp_path / "stereo.wav"
    soundfile.write(path, np.stack([agent, customer], axis=1), RATE)
    split = analyse(path, PitchRecognizer(), CONFIG, channels="split")
    assert split.channels == (0, 1)
    assert emotions(split, 0) == ["neutral"] and emotions(split, 1) == ["angry"]
    assert len(split.peaks) == 2
    assert emotions(analyse(path, PitchRecognizer(), CONFIG, channels=1), 1) == ["angry"]
    assert emotions(analyse(path, PitchRecognizer(), CONFIG)) == ["neutral", "angry"]
    with pytest.raises(ConfigError, match="expected mix, split or a number from 0 to 1"):
        analyse(path, PitchRecognizer(), CONFIG, channels=2)


def test_progress_goes_to_the_end(call: Path) -> None:
    told: list[tuple[float, float]] = []
    analyse(call, PitchRecognizer(), CONFIG, on_progress=lambda *at: told.append(at))
    assert told == sorted(told) and len(told) >= len(LONG) / RATE / BLOCK_S - 1
    assert told[-1][0] == pytest.approx(told[-1][1])


def stop_at(at_s: float):
    def tell(done_s: float, _all_s: float) -> None:
        if done_s >= at_s:
            raise KeyboardInterrupt

    return tell


def test_a_stopped_job_goes_on_and_comes_to_the_same(call: Path, tmp_path: Path) -> None:
    whole_recognizer, journal = PitchRecognizer(), tmp_path / "j.jsonl"
    whole = analyse(call, whole_recognizer, CONFIG)
    with pytest.raises(KeyboardInterrupt):
        analyse(call, PitchRecognizer(), CONFIG, journal=journal, on_progress=stop_at(80))
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    assert sum("speech" in line for line in lines) >= 3
    with journal.open("a") as file:
        file.write('{"channel": 0, "wind')
    again = PitchRecognizer()
    resumed = analyse(call, again, CONFIG, journal=journal, resume=True)
    assert resumed.segments == whole.segments and resumed.peaks == whole.peaks
    assert again.n_heard < whole_recognizer.n_heard


def test_a_finished_job_is_not_heard_again(call: Path, tmp_path: Path) -> None:
    journal = tmp_path / "j.jsonl"
    whole = analyse(call, PitchRecognizer(), CONFIG, journal=journal)
    again = PitchRecognizer()
    assert analyse(call, again, CONFIG, journal=journal, resume=True) == whole
    assert again.n_heard == 0


def test_without_resume_a_job_begins_anew(call: Path, tmp_path: Path) -> None:
    journal = tmp_path / "j.jsonl"
    analyse(call, PitchRecognizer(), CONFIG, journal=journal)
    again = PitchRecognizer()
    analyse(call, again, CONFIG, journal=journal)
    assert again.n_heard > 0


def test_a_journal_of_something_else_is_refused(call: Path, tmp_path: Path) -> None:
    journal = tmp_path / "j.jsonl"
    analyse(call, PitchRecognizer(), CONFIG, journal=journal)
    with pytest.raises(ConfigError, match=r"another recording, model or setting \(channels"):
        analyse(call, PitchRecognizer(), CONFIG, channels=0, journal=journal, resume=True)


def test_a_cut_recording_gives_what_is_there(call: Path) -> None:
    call.write_bytes(call.read_bytes()[: 60 * 2 * RATE])
    timeline = analyse(call, PitchRecognizer(), CONFIG)
    assert "cut" in timeline.warning
    assert timeline.duration_s == pytest.approx(60, abs=1)
    assert emotions(timeline)[:3] == ["happy", "angry", "sad"]


def test_no_recording_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="no such file"):
        analyse(tmp_path / "none.wav", PitchRecognizer(), CONFIG)


def test_silence_is_one_pause(tmp_path: Path) -> None:
    path = tmp_path / "silence.wav"
    soundfile.write(path, quiet(20), RATE)
    timeline = analyse(path, PitchRecognizer(), CONFIG)
    assert [(s.speech, s.emotion) for s in timeline.segments] == [(False, None)]


def test_voices_are_told_apart_when_asked(call: Path) -> None:
    config = CONFIG.model_copy(update={"n_speakers": 2})
    timeline = analyse(call, PitchRecognizer(), config)
    assert {s.speaker for s in timeline.speech} == {"speaker-1", "speaker-2"}
    assert {s.speaker for s in timeline.speech if s.emotion == "happy"} == {"speaker-1"}


@pytest.mark.parametrize("length_s", [3, 200, 700])
def test_peaks_keep_the_loudest_at_any_length(length_s: int) -> None:
    signal = np.zeros(length_s * 100, np.float32)
    signal[[10, len(signal) // 2, -1]] = [0.5, -0.9, 0.25]
    whole, parts = Peaks(), Peaks()
    whole.push(signal, 100)
    for first in range(0, len(signal), 333):
        parts.push(signal[first : first + 333], 100)
    rows = parts.rows()
    assert rows == whole.rows()
    assert len(rows) <= MOST + 1 and max(rows) == 0.9
    assert rows[-1] == 0.25 and rows.index(0.9) == pytest.approx(len(rows) / 2, abs=2)
