"""The page on both engines: the service, and the model in the browser."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from serotone.audio.io import read
from serotone.export.web import write_page
from serotone.inference.recognizer import Recognizer
from serotone.store.load import resolve
from serotone.types import Prediction
from tests.browsing import DESK, ROOT, SAMPLES, SPEECH, chromium, files, need_page, service, visit

pytest.importorskip("fastapi", reason="needs the extra serve")

RATE_HZ = 16_000
AXE = ROOT / "web/node_modules/axe-core/axe.min.js"
TABS = ("clip", "recording", "live", "batch", "about")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    need_page()
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module", params=["service", "browser"])
def address(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Of the page on one of its engines."""
    need_page()
    if request.param == "service":
        with service() as address:
            yield address
        return
    folder = tmp_path_factory.mktemp("site")
    write_page(resolve("default"), folder)
    with files(folder) as address:
        yield address


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer.open(n_threads=1)


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("noise") / "noise.wav"
    signal = 0.1 * np.random.default_rng(0).normal(size=3 * RATE_HZ)
    soundfile.write(path, signal, RATE_HZ)
    return path


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All samples with a second between them."""
    path = tmp_path_factory.mktemp("long") / "long.wav"
    pause = np.zeros(RATE_HZ, np.float32)
    signals = [read(sample, sample_rate=RATE_HZ).signal for sample in SAMPLES]
    parts = [part for signal in signals for part in (signal, pause)]
    soundfile.write(path, np.concatenate(parts), RATE_HZ)
    return path


def position(page: Any) -> float:
    """Where the player is, in seconds."""
    return float(page.locator(".stage").get_attribute("aria-valuenow"))


def eventually(page: Any, true: Callable[[], bool]) -> bool:
    """Whether it comes true; the page's policy forbids Playwright's own way to wait for it."""
    for _ in range(300):
        if true():
            return True
        page.wait_for_timeout(100)
    return False


def answered(page: Any, path: Path) -> None:
    """Give a file to the tab Clip and wait until all is there."""
    if page.locator("label.check input").count():
        page.uncheck("label.check input")
    page.set_input_files("#clip-file", path)
    page.wait_for_selector(".verdict")
    page.wait_for_selector(".busy", state="detached")


def test_a_clip_gets_its_verdict_in_view(
    browser: Any, address: str, recognizer: Recognizer
) -> None:
    expected = recognizer.predict(SPEECH)
    with visit(browser, address) as page:
        answered(page, SPEECH)
        assert page.inner_text(".verdict") == f"Sounds {expected.label}"
        rows = [row.split() for row in page.locator(".bars li").all_inner_texts()]
        ranked = sorted(expected.probabilities.items(), key=lambda item: -item[1])
        shares = {row[0]: float(row[1]) for row in rows}
        assert rows[0][0] == ranked[0][0] and len(rows) == len(ranked)
        for label, share in ranked:
            assert shares[label] == pytest.approx(100 * share, abs=0.51)
        box = page.locator(".verdict").bounding_box()
        assert box["y"] + box["height"] < 844 and page.evaluate("scrollY") == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_waveform_obeys_the_keyboard(browser: Any, address: str) -> None:
    with visit(browser, address) as page:
        answered(page, SPEECH)
        stage = page.locator(".stage")
        stage.focus()
        page.keyboard.press("End")
        assert position(page) == pytest.approx(2.8, abs=0.1)
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        assert 0 < position(page) < 1
        page.keyboard.press("Space")
        page.wait_for_selector(".transport button[aria-label=Pause]")
        assert eventually(page, lambda: position(page) > 0.5)


def test_noise_is_no_speech(browser: Any, address: str, noise: Path) -> None:
    with visit(browser, address) as page:
        page.set_input_files("#clip-file", noise)
        page.wait_for_selector(".verdict")
        assert page.inner_text(".verdict") == "No speech found"
        assert page.locator(".bars").count() == 0


def test_what_is_no_recording_is_said_so(browser: Any, address: str, tmp_path: Path) -> None:
    path = tmp_path / "note.wav"
    path.write_text("no sound at all " * 100)
    with visit(browser, address) as page:
        page.set_input_files("#clip-file", path)
        assert "note.wav" in page.wait_for_selector("[role=alert]").inner_text()
        assert page.locator(".verdict").count() == 0


def test_a_recording_of_the_visitor(browser: Any, address: str) -> None:
    with visit(browser, address) as page:
        page.get_by_role("button", name="Record").click()
        page.get_by_role("button", name="Stop").wait_for()
        page.wait_for_timeout(3_000)
        page.get_by_role("button", name="Stop").click()
        page.wait_for_selector(".verdict")
        assert page.inner_text(".name") == "Your recording"
        assert page.inner_text(".verdict").startswith("Sounds ")


def test_why_names_moments_bands_and_how_often(browser: Any, address: str) -> None:
    with visit(browser, address) as page:
        answered(page, SPEECH)
        page.click("text=Why this answer?")
        page.wait_for_selector(".bars.plain")
        assert page.locator(".bars.plain li").count() == 7
        told = page.inner_text(".why")
        assert "Most weight lies from" in told or "No single moment decides" in told
        assert "test clips that it called" in told and "points on average" in told
        assert page.locator(".shades i").count() == 16


def test_the_answer_can_be_taken_along(browser: Any, address: str, recognizer: Recognizer) -> None:
    with visit(browser, address, permissions=["clipboard-read", "clipboard-write"]) as page:
        answered(page, SPEECH)
        page.get_by_role("button", name="Copy JSON").click()
        page.get_by_role("button", name="Copied").wait_for()
        copied = json.loads(page.evaluate("navigator.clipboard.readText()"))
        assert copied["path"] == SPEECH.name
        assert_same(copied["probabilities"], recognizer.predict(SPEECH))
        assert SPEECH.name in page.inner_text("pre")


def test_a_verdict_of_the_visitor_is_kept_and_saved(browser: Any, address: str) -> None:
    with visit(browser, address) as page:
        answered(page, SPEECH)
        page.get_by_role("button", name="No", exact=True).click()
        page.select_option("select", "sad")
        page.wait_for_selector("text=Noted: sad.")
        page.reload()
        answered(page, SPEECH)
        with page.expect_download() as download:
            page.get_by_role("button", name="Save as labelled CSV").click()
        (row,) = csv.DictReader(io.StringIO(Path(download.value.path()).read_text()))
        assert (row["path"], row["label"], row["predicted"]) == (SPEECH.name, "sad", "neutral")


def test_live_follows_the_microphone_and_sums_up(browser: Any, address: str) -> None:
    with visit(browser, address, tab="live") as page:
        page.get_by_role("button", name="Start").click()
        page.wait_for_selector(".chart rect:nth-of-type(8)")
        page.wait_for_selector(".verdict.known")
        assert page.locator("select option").count() > 1
        assert page.locator("meter").get_attribute("max") == "1"
        assert page.locator(".chart text").last.text_content() == "now"
        page.get_by_role("button", name="Stop").click()
        page.wait_for_selector("h2:has-text('with a voice')")


def test_no_microphone_is_one_plain_sentence(browser: Any, address: str) -> None:
    with visit(browser, address, tab="live") as page:
        page.evaluate(
            "() => { navigator.mediaDevices.getUserMedia = () =>"
            " Promise.reject(new DOMException('x', 'NotFoundError')); }"
        )
        page.get_by_role("button", name="Start").click()
        said = page.wait_for_selector("[role=alert]").inner_text()
        assert said == "There is no microphone. Connect one, or drop a recording instead."
        page.get_by_role("button", name="Start").wait_for()


def test_a_batch_is_a_table_to_sort_filter_and_save(
    browser: Any, address: str, recognizer: Recognizer, tmp_path: Path
) -> None:
    bad = tmp_path / "=bad.wav"
    bad.write_bytes(b"no sound at all" * 100)
    expected = {path.name: recognizer.predict(path) for path in SAMPLES}
    with visit(browser, address, tab="batch", viewport=DESK) as page:
        page.set_input_files("#batch-files", [*SAMPLES, bad])
        page.wait_for_selector(".busy", state="detached")
        assert page.inner_text("h2") == f"{len(SAMPLES) + 1} recordings, 1 failed"
        page.get_by_role("button", name="Confidence").click()
        shown = [row.split()[0] for row in page.locator(".batch tbody tr").all_inner_texts()]
        by_confidence = sorted(expected, key=lambda name: -expected[name].confidence)
        assert shown == [*by_confidence, bad.name]
        label = expected[by_confidence[0]].label
        page.select_option("#batch-filter", label)
        n_such = sum(prediction.label == label for prediction in expected.values())
        assert eventually(page, lambda: page.locator(".batch tbody tr").count() == n_such)
        with page.expect_download() as download:
            page.get_by_role("button", name="Save CSV").click()
        rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text())))
    assert [row["path"] for row in rows] == [*expected, f"'{bad.name}"]
    assert rows[-1]["error"] and not rows[-1]["label"]
    for row in rows[:-1]:
        shares = {key[2:]: float(value) for key, value in row.items() if key.startswith("p_")}
        assert_same(shares, expected[row["path"]])


def assert_same(got: dict[str, float], expected: Prediction) -> None:
    assert got.keys() == expected.probabilities.keys()
    for label, value in expected.probabilities.items():
        assert got[label] == pytest.approx(value, abs=1e-3), label


def test_a_batch_fits_a_phone(browser: Any, address: str) -> None:
    with visit(browser, address, tab="batch") as page:
        page.set_input_files("#batch-files", SAMPLES)
        page.wait_for_selector(".busy", state="detached")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.inner_text(".batch tbody td >> nth=0") == SAMPLES[0].name


def test_a_long_recording_has_shares_moments_and_segments(
    browser: Any, address: str, long: Path
) -> None:
    with visit(browser, address, tab="recording", viewport=DESK) as page:
        page.set_input_files("#recording-file", long)
        page.wait_for_selector(".trend")
        assert page.inner_text("h2").startswith("Mostly ")
        shares = [
            int(text.split()[-2])
            for text in page.locator(".share-bar + .legend .key").all_inner_texts()
        ]
        assert sum(shares) == pytest.approx(100, abs=len(shares))
        times = page.locator(".moments button").all_inner_texts()
        assert times == sorted(times)
        page.locator("summary", has_text="segments").click()
        assert page.locator("tbody tr").count() >= len(SAMPLES)
        page.locator("tbody tr >> nth=2").get_by_role("button").click()
        assert eventually(page, lambda: position(page) > 3)
        with page.expect_download() as download:
            page.get_by_role("button", name="Save CSV").click()
        rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text())))
        for row in rows:
            shares = {key[2:]: float(value) for key, value in row.items() if key.startswith("p_")}
            assert sum(shares.values()) == pytest.approx(1, abs=1e-3)


def test_noise_of_length_is_no_speech(browser: Any, address: str, noise: Path) -> None:
    with visit(browser, address, tab="recording") as page:
        page.set_input_files("#recording-file", noise)
        assert page.wait_for_selector("h2").inner_text() == "No speech found"


def test_tabs_follow_the_keyboard(browser: Any, address: str) -> None:
    with visit(browser, address) as page:
        page.get_by_role("tab", name="Clip").focus()
        for name in ("Recording", "Live", "Batch", "How sure", "Clip"):
            page.keyboard.press("ArrowRight")
            page.wait_for_selector(f"[role=tab][aria-selected=true]:has-text('{name}')")
        assert page.evaluate("document.activeElement.id") == "tab-clip"


@pytest.mark.skipif(not AXE.is_file(), reason="needs axe-core: npm ci in web/")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("tab", TABS)
def test_axe_finds_no_violation(
    browser: Any, address: str, long: Path, tab: str, scheme: str
) -> None:
    # axe itself tries styles that the page's policy forbids.
    with visit(browser, address, tab=tab, color_scheme=scheme, quiet=False) as page:
        if tab == "clip":
            answered(page, SPEECH)
            page.click("text=Why this answer?")
            page.wait_for_selector(".bars.plain")
        if tab == "recording":
            page.set_input_files("#recording-file", long)
            page.wait_for_selector(".trend")
        if tab == "batch":
            page.set_input_files("#batch-files", SAMPLES)
            page.wait_for_selector(".busy", state="detached")
        if tab == "live":
            page.get_by_role("button", name="Start").click()
            page.wait_for_selector(".chart")
        page.evaluate(AXE.read_text(encoding="utf-8"))
        found = page.evaluate(
            "axe.run().then(r => r.violations.map(v => `${v.id} ${v.nodes[0].html}`))"
        )
        assert found == []
