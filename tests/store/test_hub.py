"""Models of the hub, from a server on this machine that speaks its protocol."""

from __future__ import annotations

import hashlib
import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from serotone.errors import ModelError
from serotone.inference.recognizer import Recognizer
from serotone.store.hub import fetch
from serotone.store.load import ModelInfo
from serotone.types import Audio

COMMIT = "0" * 39 + "1"


@dataclass
class Hub:
    """A folder served as the repository ``someone/tiny``."""

    folder: Path
    asked: list[str] = field(default_factory=list)

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        self.asked.append(path)
        if path.startswith("/api/models/someone/tiny/revision/"):
            if path.rpartition("/")[2] not in ("main", "v1", COMMIT):
                return 404, {"X-Error-Code": "RevisionNotFound"}, b""
            names = sorted(file.name for file in self.folder.iterdir())
            info = {
                "id": "someone/tiny",
                "sha": COMMIT,
                "siblings": [{"rfilename": name} for name in names],
            }
            return 200, {"Content-Type": "application/json"}, json.dumps(info).encode()
        if path.startswith("/api/models/someone/tiny/tree/"):
            files = [
                {"type": "file", "path": f.name, "size": f.stat().st_size, "oid": COMMIT}
                for f in sorted(self.folder.iterdir())
            ]
            return 200, {"Content-Type": "application/json"}, json.dumps(files).encode()
        if path.startswith(f"/someone/tiny/resolve/{COMMIT}/"):
            content = (self.folder / path.rpartition("/")[2]).read_bytes()
            etag = hashlib.sha256(content).hexdigest()
            return 200, {"X-Repo-Commit": COMMIT, "ETag": f'"{etag}"'}, content
        return 404, {"X-Error-Code": "RepoNotFound"}, b""


@pytest.fixture
def hub(tiny_model: ModelInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    folder = tmp_path / "served"
    shutil.copytree(tiny_model.path, folder)
    (folder / "pytorch_model.bin").write_bytes(b"a pickle that nobody may fetch")
    (folder / "handler.py").write_text("raise SystemExit\n")
    served = Hub(folder)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            code, headers, content = served.answer(self.path.partition("?")[0])
            self.send_response(code)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    yield served
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_files_of_a_model_come_and_nothing_else(hub: Hub, tmp_path: Path) -> None:
    path = fetch("hf://someone/tiny", cache=tmp_path / "cache")
    assert {file.name for file in path.iterdir()} == {
        "model.onnx", "weights.safetensors", "model.json", "card.md"
    }  # fmt: skip
    assert not any(name in asked for asked in hub.asked for name in ("pytorch_model", "handler"))


def test_a_recognizer_opens_it(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tone: Audio
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    recognizer = Recognizer.open("hf://someone/tiny@v1")
    assert recognizer.model.name == "tiny"
    assert recognizer.predict_audio(tone).label == "uncertain"  # nobody speaks


def test_what_was_fetched_once_is_not_fetched_again(hub: Hub, tmp_path: Path) -> None:
    fetch("hf://someone/tiny", cache=tmp_path / "cache")
    n_files = sum("/resolve/" in path for path in hub.asked)
    fetch("hf://someone/tiny", cache=tmp_path / "cache")
    assert sum("/resolve/" in path for path in hub.asked) == n_files


def test_an_altered_file_is_refused(hub: Hub, tmp_path: Path) -> None:
    with (hub.folder / "weights.safetensors").open("ab") as file:
        file.write(b"!")
    with pytest.raises(ModelError, match=r"weights\.safetensors: SHA-256"):
        fetch("hf://someone/tiny", cache=tmp_path / "cache")


def test_a_description_without_sums_is_refused(hub: Hub, tmp_path: Path) -> None:
    values = json.loads((hub.folder / "model.json").read_text())
    del values["sha256"]
    (hub.folder / "model.json").write_text(json.dumps(values))
    with pytest.raises(ModelError, match="none stated"):
        fetch("hf://someone/tiny", cache=tmp_path / "cache")


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("hf://someone/other", "no such model"),
        ("hf://someone/tiny@v9", "no such model"),
        ("hf://tiny", "expected hf://owner/name"),
        ("hf://a/b/../c", "expected hf://owner/name"),
    ],
)
def test_mistakes_are_one_line(hub: Hub, tmp_path: Path, reference: str, says: str) -> None:
    with pytest.raises(ModelError, match=says) as caught:
        fetch(reference, cache=tmp_path / "cache")
    assert "\n" not in str(caught.value)


def test_no_connection_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ModelError, match="cannot be fetched") as caught:
        fetch("hf://someone/tiny", cache=tmp_path / "cache")
    assert "\n" not in str(caught.value)
