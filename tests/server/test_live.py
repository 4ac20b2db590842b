"""A service in a process of its own: slow clients, SIGTERM, the log, and what the docs show."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import threading
import time

import httpx
import pytest

from serotone.store.load import ModelInfo
from tests.server.conftest import ROOT, SAMPLE, Service


def shown(name: str, page: str = "service") -> str:
    """The block of a page of the docs that is marked to be run."""
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    found = re.search(rf"<!-- run: {name} -->\n```\w+\n(.*?)```", text, re.DOTALL)
    assert found
    return found[1]


def test_curl_of_the_docs(service: Service) -> None:
    if not shutil.which("curl"):
        pytest.skip("needs curl")
    script = shown("curl").replace("http://127.0.0.1:8000", service.url)
    script = "set -e\n" + script.replace("curl ", "curl -sf ")
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"label":') == 4


@pytest.mark.parametrize(
    ("page", "name"), [("service", "python"), ("service", "stream"), ("calls", "call")]
)
def test_python_of_the_docs(service: Service, page: str, name: str) -> None:
    script = shown(name, page).replace("127.0.0.1:8000", f"127.0.0.1:{service.port}")
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_slow_clients_are_given_up(tiny_model: ModelInfo, tmp_path: object) -> None:
    import asyncio

    from serotone.server import run as running
    from serotone.server.config import ServeConfig

    config = ServeConfig(
        model=tiny_model.path, page=False, port=0, idle_timeout_s=0.5, body_timeout_s=1, drain_s=0
    )
    import uvicorn

    app = running.create_app(config)
    server = running._Server(
        uvicorn.Config(app, port=0, http=running._protocol(0.5), log_config=None),
        app.state.engine,
    )
    thread = threading.Thread(target=asyncio.run, args=(server._serve(),))
    thread.start()
    try:
        while not server.started:
            time.sleep(0.05)
        place = server.servers[0].sockets[0].getsockname()
        with socket.create_connection(place, timeout=10) as slow:
            slow.sendall(b"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\n")
            slow.sendall(b"Content-Length: 1000\r\n\r\nfew")
            assert slow.recv(1000).startswith(b"HTTP/1.1 408")
        with socket.create_connection(place, timeout=10) as slow:
            slow.sendall(b"GET /healthz HT")
            assert slow.recv(1000) == b""
    finally:
        server.should_exit = True
        thread.join(20)
    assert not thread.is_alive()


def test_sigterm_under_load_loses_no_answer(tiny_model: ModelInfo) -> None:
    service = Service(tiny_model.path)
    clip = SAMPLE.read_bytes()
    answers: list[int] = []

    def ask() -> None:
        with httpx.Client(timeout=30) as client:
            while True:
                try:
                    answers.append(
                        client.post(f"{service.url}/v1/predict", content=clip).status_code
                    )
                except httpx.TransportError:
                    # Nobody listens any more, or a kept connection was closed while the next
                    # request was on its way. What was taken stands in the log, and is counted.
                    return

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    while len(answers) < 50:
        time.sleep(0.05)
    assert service.end() in (0, -15)
    for thread in threads:
        thread.join(30)
    taken = [row for row in service.log if row["event"] == "request"]
    assert len(taken) == len(answers) and set(answers) == {200}
    assert service.log[-1]["event"] == "ended"


def test_the_log_says_nothing_of_the_recording(tiny_model: ModelInfo) -> None:
    service = Service(tiny_model.path)
    files = {"file": ("private-name.wav", SAMPLE.read_bytes())}
    assert httpx.post(f"{service.url}/v1/predict", files=files).status_code == 200
    httpx.get(f"{service.url}/private-path")
    service.end()
    assert "private" not in str(service.log)
    row = next(row for row in service.log if row["event"] == "request")
    assert row["route"] == "/v1/predict" and row["status"] == 200 and row["ms"] > 0
