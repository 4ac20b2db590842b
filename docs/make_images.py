"""Take the pictures of the page in ``docs/images``: ``python docs/make_images.py``.

It needs the extra ``page``, the package ``playwright`` and Debian's ``chromium``. What is heard are
the synthetic clips in ``samples/``.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs/images"
SAMPLES = sorted((ROOT / "samples").glob("*.wav"))
SPEECH = ROOT / "samples/synthetic-en-slow-low.wav"
WAIT_MS = 60_000
LIVE_MS = 8_000
DESK, PHONE = {"width": 1120, "height": 1050}, {"width": 390, "height": 844}


def start() -> tuple[subprocess.Popen[str], str]:
    """The service on a free port, and its address."""
    service = subprocess.Popen(
        [sys.executable, "-m", "serotone", "serve", "--port", "0"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    for line in service.stderr or ():
        row = json.loads(line)
        if row["event"] == "serving":
            return service, f"http://127.0.0.1:{row['port']}/"
    raise SystemExit("the service did not start")


def visit(browser: Any, address: str, size: dict[str, int], scheme: str) -> Any:
    """A fresh visitor's page."""
    context = browser.new_context(
        viewport=size, color_scheme=scheme, permissions=["microphone"], reduced_motion="reduce"
    )
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    page.goto(address)
    page.wait_for_selector("#clip-answer")
    return page


def take(page: Any, name: str) -> None:
    """What is in view, as ``NAME.png``."""
    page.wait_for_timeout(1_000)
    page.screenshot(path=IMAGES / f"{name}.png")


def clip(page: Any, name: str) -> None:
    """One recording heard, with its words; on a phone they stand below."""
    page.set_input_files("#clip-sound input[type=file]", SPEECH)
    page.wait_for_selector("text=The words alone read as")
    page.wait_for_function("document.querySelector('#clip-answer audio').duration > 2")
    if page.viewport_size == PHONE:
        page.evaluate("document.querySelector('#clip-answer').scrollIntoView()")
    take(page, name)


def batch(page: Any) -> None:
    """A table, with a row for what is no sound."""
    page.get_by_role("tab", name="Batch").click()
    page.set_input_files("#batch-files input[type=file]", [*SAMPLES, ROOT / "README.md"])
    page.wait_for_selector("#batch-answer .st-save")
    take(page, "page-batch")


def live(page: Any) -> None:
    """The microphone, some seconds in."""
    page.get_by_role("tab", name="Live").click()
    page.click(".st-live-button")
    page.wait_for_selector(".st-minute rect:nth-child(5)")
    page.wait_for_timeout(LIVE_MS)
    take(page, "page-live")
    page.click(".st-live-button")


def about(page: Any) -> None:
    """What a percentage means."""
    page.get_by_role("tab", name="How sure, and why").click()
    page.wait_for_selector("text=Article 5(1)(f)")
    take(page, "page-about")


def main() -> None:
    """Take all pictures."""
    chromium = shutil.which("chromium")
    if not chromium:
        raise SystemExit("no chromium. Install it: apt-get install chromium")
    service, address = start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=[
                "--no-sandbox",
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
                f"--use-file-for-fake-audio-capture={SPEECH}",
            ],
        )
        clip(visit(browser, address, DESK, "light"), "page-clip")
        batch(visit(browser, address, DESK, "light"))
        live(visit(browser, address, DESK, "light"))
        about(visit(browser, address, DESK, "light"))
        clip(visit(browser, address, PHONE, "dark"), "page-phone")
        browser.close()
    service.terminate()
    service.wait(30)


if __name__ == "__main__":
    main()
