"""A service in this process, and one of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs the extra serve")

from starlette.testclient import TestClient

from serotone.server.app import create_app
from serotone.server.config import ServeConfig
from serotone.store.load import ModelInfo

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "samples" / "synthetic-en-even.wav"


@contextmanager
def serving(model: Path, **values: Any) -> Iterator[TestClient]:
    """A client of a service in this process."""
    config = ServeConfig(model=model, page=False, **values)
    with TestClient(create_app(config), base_url="http://127.0.0.1") as client:
        yield client


@pytest.fixture(scope="session")
def client(tiny_model: ModelInfo) -> Iterator[TestClient]:
    with serving(tiny_model.path, requests_per_s=1e6, burst=1_000_000) as client:
        yield client


@pytest.fixture(scope="session")
def clip() -> bytes:
    return SAMPLE.read_bytes()


class Service:
    """``serotone serve`` in a process of its own, with its log."""

    def __init__(self, model: Path, *words: str) -> None:
        command = [sys.executable, "-m", "serotone", "serve", "--port", "0", "--no-page"]
        self.process = subprocess.Popen(
            [*command, "--model", str(model), *words],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        self.log: list[dict[str, Any]] = []
        self._serving = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._serving.wait(60):
            raise RuntimeError(f"the service did not start: {self.log}")
        self.port = next(row["port"] for row in self.log if row["event"] == "serving")
        self.url = f"http://127.0.0.1:{self.port}"

    def _read(self) -> None:
        for line in self.process.stderr or ():
            self.log.append(json.loads(line))
            if self.log[-1]["event"] == "serving":
                self._serving.set()

    def end(self) -> int:
        self.process.terminate()
        status = self.process.wait(60)
        self._reader.join(10)
        return status


@pytest.fixture(scope="module")
def service(tiny_model: ModelInfo) -> Iterator[Service]:
    running = Service(tiny_model.path)
    yield running
    running.end()
