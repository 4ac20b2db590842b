"""What the page is made of, without a browser."""

from __future__ import annotations

import asyncio
import json
import math
import time
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient

from serotone.audio.io import read
from serotone.errors import AudioError
from serotone.inference.recognizer import Recognizer
from serotone.server.page import about as page_about
from serotone.server.page import batch as page_batch
from serotone.server.page import clip as page_clip
from serotone.server.page import files as page_files
from serotone.server.page import guard as page_guard
from serotone.server.page import live as page_live
from serotone.server.page import view as page_view
from serotone.server.page.live import Live, LiveSession
from serotone.types import Failure, Prediction

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer.open(n_threads=1)


def answer(**changes: object) -> Prediction:
    values: dict[str, object] = {
        "source": "a.wav",
        "start_s": 0.0,
        "end_s": 2.0,
        "probabilities": {"happy": 0.7, "sad": 0.3},
        "label": "happy",
        "confidence": 0.7,
        "intensity": 0.8,
    }
    return Prediction(**{**values, **changes})  # type: ignore[arg-type]


def upload(folder: Path, name: str, data: bytes) -> str:
    (folder / name).write_bytes(data)
    return str(folder / name)


def test_a_verdict_says_the_emotion_how_sure_and_how_strong() -> None:
    shown = page_view.verdict(answer(), ("happy", "sad"), title="<b>.wav")
    assert "Sounds <b>happy</b>" in shown
    assert "Fairly sure: happy 70%, or sad 30%." in shown
    assert "strong" in shown
    assert "&lt;b&gt;.wav" in shown


def test_an_unsure_answer_and_silence_are_no_emotion() -> None:
    unsure = answer(label="uncertain", confidence=0.2, probabilities={"happy": 0.5, "sad": 0.5})
    assert "Hard to say" in page_view.verdict(unsure, ("happy", "sad"))
    silent = answer(label="no-speech", intensity=math.nan)
    shown = page_view.verdict(silent, ("happy", "sad"))
    assert "Nobody speaks" in shown
    assert "intensity" not in shown


def test_a_clip_is_heard_step_by_step_and_deleted(recognizer: Recognizer, tmp_path: Path) -> None:
    clips = page_clip.Clips(recognizer, tmp_path)
    path = upload(tmp_path, "v.wav", (SAMPLES / "synthetic-en-fast-high.wav").read_bytes())
    first, second = clips.upload(path, words=False)
    assert "Sounds" in first or "Hard to say" in first
    assert second.startswith(first)
    assert 'class="wave"' in second and "data:audio/ogg;base64," in second
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("data", [b"", b"no sound at all" * 100])
def test_a_bad_clip_is_one_line_and_deleted(
    recognizer: Recognizer, tmp_path: Path, data: bytes
) -> None:
    path = upload(tmp_path, "bad.wav", data)
    (shown,) = page_clip.Clips(recognizer, tmp_path).upload(path, words=False)
    assert 'role="alert"' in shown
    assert "bad.wav" in shown
    assert str(tmp_path) not in shown
    assert list(tmp_path.iterdir()) == []


def test_a_long_clip_is_refused(recognizer: Recognizer, tmp_path: Path) -> None:
    path = upload(tmp_path, "v.wav", (SAMPLES / "synthetic-en-even.wav").read_bytes())
    clips = page_clip.Clips(recognizer, tmp_path, longest_s=1.0)
    (shown,) = clips.upload(path, words=False)
    assert "3 s long, expected at most 1 s" in shown


def test_only_uploads_are_taken(tmp_path: Path) -> None:
    other = tmp_path / "other.wav"
    other.write_bytes(b"mine")
    (tmp_path / "uploads").mkdir()
    with (
        pytest.raises(AudioError, match="no upload"),
        page_files.taken([str(tmp_path / "uploads" / ".." / "other.wav")], tmp_path / "uploads"),
    ):
        pass
    assert other.exists()


def test_the_one_stretch_of_a_clip_says_what_the_clip_says(recognizer: Recognizer) -> None:
    from serotone.timeline.analyse import analyse

    path = SAMPLES / "synthetic-en-fast-high.wav"
    whole = recognizer.predict(path)
    timeline = page_clip.agreeing(analyse(path, recognizer), whole)
    assert [s.emotion for s in timeline.speech] == [whole.label]
    (*_, shown) = page_clip.Clips(recognizer, path.parent).file(path, words=False)
    assert f"</i>{whole.label}<" in shown


def test_a_batch_is_a_table_with_a_bad_row_and_csv(recognizer: Recognizer, tmp_path: Path) -> None:
    good = upload(tmp_path, "good.wav", (SAMPLES / "synthetic-de-fast.wav").read_bytes())
    bad = upload(tmp_path, "bad.wav", b"not sound")
    *_, shown = page_batch.Batches(recognizer, tmp_path).upload([good, bad])
    assert "2 recordings, 1 failed" in shown
    assert "good.wav" in shown
    assert 'download="serotone.csv"' in shown
    assert str(tmp_path) not in shown
    assert list(tmp_path.iterdir()) == []


def test_csv_has_no_formulas() -> None:
    rows = [answer(source="=1+1.wav"), Failure("b.wav", "b.wav: is empty.")]
    lines = page_batch.to_csv(rows, ("happy", "sad")).splitlines()
    assert lines[0] == "path,start_s,end_s,label,confidence,intensity,error,p_happy,p_sad"
    assert lines[1] == "'=1+1.wav,0.0,2.0,happy,0.7,0.8,,0.7,0.3"
    assert lines[2] == "b.wav,,,,,,b.wav: is empty.,,"


def test_a_live_session_answers_each_half_second(recognizer: Recognizer) -> None:
    signal = read(SAMPLES / "synthetic-en-slow-low.wav", sample_rate=16_000).signal
    session = LiveSession(recognizer, 16_000)
    shown = [session.hear(chunk) for chunk in np.array_split(signal, 20)]
    assert sum(map(bool, shown)) == int(len(signal) / 8_000)
    assert "The last minute" in next(filter(None, reversed(shown)))


def test_a_live_session_goes_on_after_sound_was_lost(recognizer: Recognizer) -> None:
    live = Live(recognizer, most=1, longest_s=60)
    app = Starlette(routes=[WebSocketRoute("/live", live.serve)])
    half_second = bytes(16_000)
    with TestClient(app) as client, client.websocket_connect("/live") as socket:
        socket.send_text(json.dumps({"token": live.token, "sample_rate": 16_000}))
        socket.send_bytes(half_second)
        assert "The last minute" in socket.receive_text()
        # Longer than a stream may be late, and the sound before it.
        time.sleep(1.8)
        socket.send_bytes(half_second)
        assert "The last minute" in socket.receive_text()


class Sender:
    """A visitor's socket on which the chunks of the list wait."""

    def __init__(self, chunks: list[bytes]) -> None:
        self._messages = [{"type": "websocket.receive", "bytes": chunk} for chunk in chunks]

    async def receive(self) -> dict[str, Any]:
        return self._messages.pop(0) if self._messages else {"type": "websocket.disconnect"}


def test_what_waits_is_counted() -> None:
    async def lengths() -> list[float]:
        waiting = page_live._Waiting(8_000)
        await waiting.take(cast("Any", Sender([bytes(16_000)] * 3)))
        found = [waiting.length_s]
        while await waiting.next() is not None:
            found.append(waiting.length_s)
        return found

    assert asyncio.run(lengths()) == [3.0, 2.0, 1.0, 0.0]


@pytest.mark.parametrize("chunks", [[bytes(16_000)] * 61, [bytes(2)] * 1_001])
def test_no_flood_is_kept(chunks: list[bytes]) -> None:
    waiting = page_live._Waiting(8_000)
    with pytest.raises(AudioError, match="that wait to be heard, expected at most 60 s in 1000"):
        asyncio.run(waiting.take(cast("Any", Sender(chunks))))


def test_about_tells_figures_calibration_and_licences(recognizer: Recognizer) -> None:
    shown = page_about.about(recognizer.model)
    figure = next(iter(recognizer.model.figures.values()))
    assert f"{figure['uar']:.0%}" in shown
    assert f"{100 * figure['ece']:.0f} points" in shown
    for corpus in recognizer.model.provenance["corpora"]:
        assert corpus["licence"] in shown


@pytest.mark.parametrize(
    ("path", "needed"),
    [
        ("/", True),
        ("/assets/index.js", True),
        ("/gradio_api/upload", True),
        ("/gradio_api/queue/join", True),
        ("/gradio_api/file=/etc/passwd", False),
        ("/gradio_api/file=https://example.org/", False),
        ("/gradio_api/proxy=https://example.org/", False),
        ("/gradio_api/deep_link", False),
        ("/gradio_api/info", False),
        ("/monitoring", False),
        ("/file=/etc/passwd", False),
    ],
)
def test_the_guard_knows_what_the_page_needs(path: str, needed: bool) -> None:
    assert page_guard.needed(path) is needed


def test_the_guard_finds_addresses_anywhere() -> None:
    def found(value: object) -> bool:
        return page_guard.names_elsewhere(json.dumps(value).encode())

    assert found({"data": [{"path": "http://10.0.0.1/a.wav"}]})
    assert found({"data": [[{"path": "file:///etc/passwd"}]]})
    assert not found({"data": [{"path": "/tmp/a.wav", "url": "http://127.0.0.1/a"}], "fn_index": 1})
    assert not page_guard.names_elsewhere(b"no json")


def test_samples_are_there_english_first() -> None:
    names = [path.name for path in page_files.samples()]
    assert len(names) == 6
    assert all("-en-" in name for name in names[:3])
