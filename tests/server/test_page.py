"""The page in a browser: Debian's Chromium with a microphone that plays a file."""

from __future__ import annotations

import base64
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from serotone.inference.recognizer import Recognizer

sync_api = pytest.importorskip("playwright.sync_api", reason="needs the package 'playwright'")
pytest.importorskip("gradio", reason="needs the extra 'page'")
CHROMIUM = shutil.which("chromium") or ""
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="needs Debian's package 'chromium'")

SAMPLES = Path(__file__).parents[2] / "samples"
SPEECH = SAMPLES / "synthetic-en-slow-low.wav"
WAIT_MS = 60_000


class Served(NamedTuple):
    address: str
    folder: Path


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The page alone, in a thread; uploads lie in ``folder``."""
    import uvicorn
    from fastapi import FastAPI

    from serotone.server.page import app as page

    folder = tmp_path_factory.mktemp("uploads")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "private_folder", lambda: folder)
        patch.setenv("GRADIO_TEMP_DIR", str(folder))
        app = page.mount(FastAPI(), Recognizer.open(n_threads=1), max_upload_bytes=1_000_000)
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.05)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Served(f"http://127.0.0.1:{port}/", folder)
        server.should_exit = True
        thread.join(20)
        assert not folder.exists()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
                f"--use-file-for-fake-audio-capture={SPEECH}",
            ],
        )
        yield browser
        browser.close()


@pytest.fixture
def page(served: Served, browser: Any) -> Iterator[Any]:
    """A visitor on a phone in the dark, whose requests may go to this machine alone."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, color_scheme="dark", permissions=["microphone"]
    )
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(served.address)
    page.wait_for_selector("#clip-answer")
    yield page
    context.close()
    web = [urlsplit(url) for url in asked if not url.startswith(("data:", "blob:"))]
    assert {url.hostname for url in web} == {"127.0.0.1"}


def uploads(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size]


def gone(folder: Path) -> bool:
    """Whether no upload is left, now or a moment later."""
    for _ in range(100):
        if not uploads(folder):
            return True
        time.sleep(0.1)
    return False


def test_an_upload_becomes_an_emotion_and_is_not_kept(page: Any, served: Served) -> None:
    page.uncheck("input[type=checkbox]")
    page.set_input_files("#clip-sound input[type=file]", SPEECH)
    page.wait_for_selector("#clip-answer .st-strip")
    assert "%" in page.inner_text("#clip-answer .st-sure")
    assert page.locator("#clip-answer .st-bars li").count() == 8
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.wait_for_function("document.querySelector('#clip-answer audio').duration > 2")
    page.click("#clip-answer .st-strip", position={"x": 200, "y": 40})
    page.wait_for_function("parseFloat(document.querySelector('.st-needle').style.left) > 20")
    assert gone(served.folder)


def test_a_sample_is_one_press_of_a_key_away(page: Any) -> None:
    page.get_by_role("button", name="English, fast, high").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#clip-answer .st-strip")
    assert "synthetic-en-fast-high.wav" in page.inner_text("#clip-answer")


def test_a_recording_is_heard(page: Any, served: Served) -> None:
    page.uncheck("input[type=checkbox]")
    page.get_by_role("button", name="Record audio").click()
    sound = page.locator("#clip-sound")
    sound.get_by_role("button", name="Record", exact=True).click()
    page.wait_for_timeout(2_500)
    sound.get_by_role("button", name="Stop", exact=True).first.click()
    page.wait_for_selector("#clip-answer .st-strip")
    assert "Your recording" in page.inner_text("#clip-answer")
    assert gone(served.folder)


def test_the_microphone_is_heard_live_and_written_nowhere(page: Any, served: Served) -> None:
    page.get_by_role("tab", name="Live").click()
    page.click(".st-live-button")
    told = page.wait_for_selector(".st-minute rect:nth-child(5), .st-live-answer [role=alert]")
    assert told.get_attribute("role") != "alert", told.inner_text()
    assert uploads(served.folder) == []
    assert page.inner_text(".st-live-button") == "Stop"
    page.click(".st-live-button")
    assert page.inner_text(".st-live-button") == "Start"


def test_a_microphone_that_gives_nothing_is_told(page: Any) -> None:
    page.evaluate("AudioNode.prototype.connect = () => {}")
    page.get_by_role("tab", name="Live").click()
    page.click(".st-live-button")
    alert = page.wait_for_selector(".st-live-answer [role=alert]")
    assert alert.inner_text().startswith("No sound comes from the microphone.")
    assert page.inner_text(".st-live-button") == "Start"


def test_a_batch_is_a_table_and_csv(page: Any, served: Served, tmp_path: Path) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no sound at all" * 100)
    page.get_by_role("tab", name="Batch").click()
    page.set_input_files("#batch-files input[type=file]", [SPEECH, bad])
    link = page.wait_for_selector("#batch-answer .st-save").get_attribute("href")
    rows = base64.b64decode(link.partition(",")[2]).decode().splitlines()
    assert [row.partition(",")[0] for row in rows] == ["path", SPEECH.name, "bad.wav"]
    assert page.locator("#batch-answer .st-failed").count() == 1
    assert gone(served.folder)


def test_what_is_no_sound_is_one_clear_line(page: Any, tmp_path: Path) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no sound at all" * 100)
    page.set_input_files("#clip-sound input[type=file]", bad)
    alert = page.wait_for_selector("#clip-answer [role=alert]")
    assert alert.inner_text().startswith("bad.wav: not a recording")
    assert "\n" not in alert.inner_text()


def test_how_sure_and_why_is_told(page: Any) -> None:
    # On a phone's width the tab is in a menu.
    page.set_viewport_size({"width": 1100, "height": 844})
    page.get_by_role("tab", name="How sure, and why").click()
    page.wait_for_selector("text=What a percentage means")
    # The paragraphs of the tab are drawn one after the other.
    page.wait_for_selector("text=Article 5(1)(f)")


def test_no_file_is_served_and_no_address_fetched(served: Served) -> None:
    import httpx

    left = served.folder / "left.wav"
    left.write_bytes(b"somebody's")
    with httpx.Client(base_url=served.address) as client:
        assert client.get(f"gradio_api/file={left}").status_code == 404
        assert client.get("gradio_api/file=http://127.0.0.1:9/").status_code == 404
        job = {"data": [{"path": "http://127.0.0.1:9/a.wav"}, True], "fn_index": 0}
        assert client.post("gradio_api/queue/join", json=job).status_code == 403
        sent = {"files": ("big.wav", b"0" * 1_100_000)}
        assert client.post("gradio_api/upload", files=sent).status_code == 413
    left.unlink()
