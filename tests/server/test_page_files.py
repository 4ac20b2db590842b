"""What the service says of its page, without a browser."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="needs the extra serve")

from starlette.testclient import TestClient

from serotone.export import page as page_files
from serotone.server.app import create_app
from serotone.server.config import ServeConfig
from serotone.store.load import ModelInfo


def client(model: Path, **values: object) -> TestClient:
    config = ServeConfig.parse({"model": model, **values}, "test")
    return TestClient(create_app(config), base_url="http://127.0.0.1")


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "built"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html>")
    (folder / "assets/index-1.js").write_text("")
    monkeypatch.setattr(page_files, "PAGE_FOLDERS", (folder,))
    return folder


def test_the_page_is_served_with_its_policy(tiny_model: ModelInfo, built: Path) -> None:
    with client(tiny_model.path) as asker:
        page = asker.get("/")
        assert page.status_code == 200 and page.text == "<!doctype html>"
        assert page.headers["content-security-policy"] == "frame-ancestors 'none'"
        assert page.headers["cache-control"] == "no-cache"
        assert "immutable" in asker.get("/assets/index-1.js").headers["cache-control"]
        assert asker.get("/../pyproject.toml").status_code == 404
        assert asker.get("/samples/make_samples.py").status_code == 404


def test_the_page_is_told_of_model_and_limits(tiny_model: ModelInfo, built: Path) -> None:
    with client(tiny_model.path, max_upload_bytes=123_456) as asker:
        told = asker.get("/page.json").json()
        assert told["engine"] == "service"
        assert told["model"]["labels"] == list(tiny_model.labels)
        assert told["limits"]["upload_bytes"] == 123_456
        sample = asker.get(f"/{told['samples'][0]['file']}")
        assert sample.content[:4] == b"RIFF" and sample.headers["content-type"] == "audio/wav"


def test_without_a_page_the_service_says_how_to_get_it(
    tiny_model: ModelInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_files, "PAGE_FOLDERS", (tmp_path,))
    with client(tiny_model.path) as asker:
        assert "make web" in asker.get("/").text
        assert asker.get("/healthz").status_code == 200


def test_a_timeline_has_a_route_of_its_own(tiny_model: ModelInfo, clip: bytes) -> None:
    with client(tiny_model.path, page=False) as asker:
        alone = asker.post("/v1/timeline", content=clip).json()
        assert alone == asker.post("/v1/predict?timeline=true", content=clip).json()
        assert alone["segments"] and alone["summary"]["duration_s"] == alone["duration_s"]
