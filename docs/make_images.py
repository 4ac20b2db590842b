"""Take the pictures of the page in ``docs/images``: ``python docs/make_images.py``.

It needs the extras ``serve`` and ``words``, the built page (``make web``), ``playwright``
and Debian's ``chromium``. What is played are the synthetic clips in ``samples/``.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import soundfile
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs/images"
SAMPLES = sorted((ROOT / "samples").glob("*.wav"))
SPEECH = ROOT / "samples/synthetic-en-slow-low.wav"
WAIT_MS = 60_000
LIVE_MS = 12_000
DESK, PHONE = {"width": 900, "height": 1000}, {"width": 390, "height": 844}


@contextmanager
def serving() -> Iterator[str]:
    """The address of the service on a free port."""
    service = subprocess.Popen(
        [sys.executable, "-m", "serotone", "serve", "--port", "0"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    for line in service.stderr or ():
        row = json.loads(line)
        if row["event"] == "serving":
            yield f"http://127.0.0.1:{row['port']}/"
            break
    else:
        raise SystemExit("the service did not start")
    service.terminate()
    service.wait(30)


@contextmanager
def visiting(browser: Any, address: str, tab: str, *, phone: bool = False) -> Iterator[Any]:
    """A fresh visitor's page; on a phone in the dark."""
    context = browser.new_context(
        viewport=PHONE if phone else DESK,
        color_scheme="dark" if phone else "light",
        permissions=["microphone"],
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    page.goto(f"{address}#{tab}")
    page.wait_for_selector("[role=tabpanel]")
    yield page
    context.close()


def take(page: Any, name: str) -> None:
    """What is in view, as ``NAME.png``."""
    page.wait_for_timeout(500)
    page.screenshot(path=IMAGES / f"{name}.png")


def finished(page: Any) -> None:
    """Wait until no work is shown."""
    page.wait_for_selector(".card h2")
    page.wait_for_selector(".busy", state="detached")


def long_recording(folder: str) -> Path:
    """All samples with a second between them."""
    parts = [part for path in SAMPLES for part in (soundfile.read(path)[0], np.zeros(16_000))]
    path = Path(folder) / "conversation.wav"
    soundfile.write(path, np.concatenate(parts), 16_000)
    return path


def take_all(browser: Any, address: str, folder: str) -> None:
    """One picture a tab, and the clip on a phone."""
    for name, phone in (("page-clip", False), ("page-phone", True)):
        with visiting(browser, address, "clip", phone=phone) as page:
            page.set_input_files("#clip-file", SPEECH)
            finished(page)
            take(page, name)
    with visiting(browser, address, "clip") as page:
        page.set_input_files("#clip-file", SPEECH)
        finished(page)
        page.click("text=Why this answer?")
        page.wait_for_selector(".bars.plain")
        page.locator(".player").scroll_into_view_if_needed()
        page.evaluate("() => document.querySelector('.player').scrollIntoView()")
        take(page, "page-why")
    with visiting(browser, address, "recording") as page:
        page.set_input_files("#recording-file", long_recording(folder))
        page.wait_for_selector(".trend")
        take(page, "page-recording")
    with visiting(browser, address, "live") as page:
        page.get_by_role("button", name="Start").click()
        page.wait_for_timeout(LIVE_MS)
        take(page, "page-live")
    with visiting(browser, address, "batch") as page:
        page.set_input_files("#batch-files", [*SAMPLES, ROOT / "README.md"])
        finished(page)
        take(page, "page-batch")


def main() -> None:
    """Take all pictures."""
    chromium = shutil.which("chromium")
    if not chromium:
        raise SystemExit("no chromium. Install it: apt-get install chromium")
    with serving() as address, sync_playwright() as playwright, TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=[
                "--no-sandbox",
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
                f"--use-file-for-fake-audio-capture={SPEECH}",
            ],
        )
        take_all(browser, address, folder)
        browser.close()


if __name__ == "__main__":
    main()
