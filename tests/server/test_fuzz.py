"""A thousand damaged uploads, and whatever the OpenAPI description allows."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
from starlette.testclient import TestClient

from serotone.audio.io import read
from tests.server.conftest import SAMPLE

N_FILES = 1000
BATCH = 50


def originals() -> list[bytes]:
    signal = read(SAMPLE, sample_rate=16_000).signal[:16_000]
    files = []
    for container, coding in (
        ("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("MP3", "MPEG_LAYER_III"),
        ("OGG", "VORBIS"), ("OGG", "OPUS"), ("WAV", "FLOAT"),
    ):  # fmt: skip
        file = io.BytesIO()
        soundfile.write(file, signal, 16_000, format=container, subtype=coding)
        files.append(file.getvalue())
    return files


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """Bytes changed (the header more often than its share), cut, doubled or moved."""
    damaged = bytearray(data)
    for _ in range(rng.integers(1, 20)):
        end = 64 if rng.random() < 0.5 else len(damaged)
        damaged[rng.integers(0, min(end, len(damaged)))] = rng.integers(0, 256)
    start, stop = sorted(rng.integers(0, len(damaged), 2).tolist())
    match rng.integers(0, 4):
        case 0:
            del damaged[start:]
        case 1:
            del damaged[start:stop]
        case 2:
            damaged[start:start] = damaged[start:stop]
    return bytes(damaged)


def test_a_thousand_damaged_files(client: TestClient) -> None:
    rng = np.random.default_rng(7)
    whole = originals()
    n_refused = 0
    for start in range(0, N_FILES, BATCH):
        files = [mutated(whole[i % len(whole)], rng) for i in range(start, start + BATCH)]
        form = [("files", (f"{i}.bin", data)) for i, data in enumerate(files)]
        answer = client.post("/v1/batch", files=form)
        assert answer.status_code == 200
        rows = answer.json()["results"]
        assert len(rows) == BATCH
        for row in rows:
            assert (row["error"] is None) != (row["label"] is None)
            n_refused += row["error"] is not None
        # The first of each batch by itself: the status must be told too.
        alone = client.post("/v1/predict", content=files[0])
        assert alone.status_code in (200, 413, 422)
        assert (alone.status_code == 200) == (rows[0]["error"] is None)
    assert N_FILES / 10 < n_refused < N_FILES
    held = client.get("/metrics").text
    assert "serotone_requests_in_flight 1.0" in held
    assert "serotone_queue_depth 0.0" in held


def test_openapi_is_kept(client: TestClient) -> None:
    schemathesis = pytest.importorskip("schemathesis")
    from hypothesis import HealthCheck, Phase, given, settings

    schema = schemathesis.openapi.from_dict(client.get("/openapi.json").json())
    paths = set()
    for result in schema.get_all_operations():
        operation = result.ok()
        paths.add(operation.path)

        @settings(
            max_examples=15,
            deadline=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def check(case: object) -> None:
            answer = client.request(**requested(case))
            assert answer.status_code < 500 and answer.status_code != 404, answer.text
            if answer.status_code >= 400:
                assert list(answer.json()) == ["error"]

        check()
    assert {"/v1/predict", "/v1/batch", "/v1/models", "/metrics"} <= paths


def requested(case: object) -> dict[str, object]:
    """A generated case as the test client takes it."""
    values = case.as_transport_kwargs(base_url="http://127.0.0.1")  # type: ignore[attr-defined]
    kept = ("method", "url", "params", "headers", "files", "data", "json")
    chosen = {key: values[key] for key in kept if values.get(key) is not None}
    files = chosen.get("files")
    if isinstance(files, dict):
        chosen["files"] = [(name, as_part(value)) for name, value in files.items()]
    elif isinstance(files, list):
        chosen["files"] = [(name, as_part(value)) for name, value in files]
    data = chosen.pop("data", None)
    if isinstance(data, bytes | str):
        chosen["content"] = data
    elif isinstance(data, dict):
        chosen["data"] = data
    return chosen


def as_part(value: object) -> object:
    """What a form's part holds, as bytes."""
    if isinstance(value, tuple):
        return (value[0], as_part(value[1]), *value[2:])
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")
