"""Debian's Chromium with a microphone that plays a file, and servers for it to visit."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from serotone.export.page import find_page

ROOT = Path(__file__).parents[1]
SAMPLES = sorted((ROOT / "samples").glob("*.wav"))
SPEECH = ROOT / "samples" / "synthetic-en-slow-low.wav"
WAIT_MS = 60_000
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1120, "height": 900}


def need_page() -> None:
    """Skip where the page was not built; ``make check`` builds it."""
    if find_page() is None:
        pytest.skip("the page is not built: make web")


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser whose microphone plays ``SPEECH`` over and over."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs 'playwright'")
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("needs Debian's package 'chromium'")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(
            executable_path=program,
            args=[
                "--no-sandbox",
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
                f"--use-file-for-fake-audio-capture={SPEECH}",
            ],
            timeout=2 * WAIT_MS,
        )
        yield browser
        browser.close()


@contextmanager
def service(**values: Any) -> Iterator[str]:
    """The address of ``serotone serve`` in a thread, with the shipped model."""
    import uvicorn

    from serotone.server.app import create_app
    from serotone.server.config import ServeConfig

    app = create_app(ServeConfig(n_threads=1, n_decoders=1, **values))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.05)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    server.should_exit = True
    thread.join(30)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    extensions_map = {  # noqa: RUF012 - as in the base class
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def files(folder: Path) -> Iterator[str]:
    """The address of a plain file server."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@contextmanager
def visit(
    browser: Any, address: str, *, tab: str = "clip", quiet: bool = True, **options: Any
) -> Iterator[Any]:
    """A fresh visitor's page; fails on requests to elsewhere and, if ``quiet``, on complaints."""
    chosen = {"viewport": PHONE, "color_scheme": "dark", "permissions": ["microphone"], **options}
    context = browser.new_context(**chosen)
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda m: said.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"{address}#{tab}")
    page.wait_for_selector("[role=tabpanel]")
    yield page
    context.close()
    assert all(url.startswith((address, "blob:")) for url in asked), asked
    # What a server refuses is an error to Chromium, and the test's own business.
    assert not quiet or [text for text in said if "Failed to load resource" not in text] == []
