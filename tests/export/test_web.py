"""The page in a real browser: the numbers of Python, and no request that leaves the machine."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from serotone.cli import main
from serotone.errors import ConfigError
from serotone.export import web
from serotone.inference.recognizer import Recognizer
from serotone.store.load import resolve

SAMPLES = sorted((Path(__file__).parents[2] / "samples").glob("*.wav"))
RUNTIME = os.environ.get("SEROTONE_ORT_WEB")


@pytest.fixture
def empty_runtime(tmp_path: Path) -> Path:
    """Files with the runtime's names and nothing in them."""
    folder = tmp_path / "runtime" / "dist"
    folder.mkdir(parents=True)
    for name in web.RUNTIME_FILES:
        (folder / name).write_bytes(b"")
    return folder.parent


def test_the_page_is_whole_and_loads_only_what_is_beside_it(
    tmp_path: Path, empty_runtime: Path
) -> None:
    files = web.write_page(resolve("default"), tmp_path / "site", runtime=empty_runtime)
    names = {file.name for file in files}
    assert names >= {"index.html", "page.js", "sound.js", "model.onnx", "model.json"}
    assert names >= set(web.RUNTIME_FILES)
    for name in ("index.html", "page.js", "sound.js", "recorder.js", "page.css"):
        assert "://" not in (tmp_path / "site" / name).read_text()


def test_a_missing_file_of_the_runtime_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no ort\.wasm\.min\.mjs"):
        web.write_page(resolve("default"), tmp_path / "site", runtime=tmp_path)


def test_without_npm_the_way_out_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web.shutil, "which", lambda name: None)
    with pytest.raises(ConfigError, match="--runtime FOLDER"):
        web.write_page(resolve("default"), tmp_path / "site")


def test_a_model_whose_sound_must_be_prepared_is_refused(
    tmp_path: Path, empty_runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dataclasses

    info = dataclasses.replace(web.describe(resolve("default")), prepare={"normalise": "peak"})
    monkeypatch.setattr(web, "describe", lambda path: info)
    with pytest.raises(ConfigError, match="normalise"):
        web.write_page(resolve("default"), tmp_path / "site", runtime=empty_runtime)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the page, served from this machine."""
    folder = tmp_path_factory.mktemp("site")
    if RUNTIME:
        web.write_page(resolve("default"), folder, runtime=Path(RUNTIME))
    else:
        try:
            web.write_page(resolve("default"), folder)
        except ConfigError as error:
            pytest.skip(f"no onnxruntime-web: {error}")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        extensions_map = {  # noqa: RUF012 - as in the base class
            **http.server.SimpleHTTPRequestHandler.extensions_map,
            ".mjs": "text/javascript",
            ".wasm": "application/wasm",
        }

        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    arguments = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", *arguments], timeout=120_000
        )
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any, site: str) -> Iterator[Any]:
    """The page, ready; ``page.asked`` holds every request it made."""
    context = browser.new_context()
    context.set_default_timeout(120_000)
    page = context.new_page()
    page.asked = []
    page.on("request", lambda request: page.asked.append((request.method, request.url)))
    page.goto(site)
    page.wait_for_selector("#file:not([disabled])")
    yield page
    context.close()


def probabilities(page: Any, path: Path) -> dict[str, float]:
    return dict(
        page.evaluate(
            "async (bytes) => serotone.hearBytes(new Uint8Array(bytes).buffer)",
            list(path.read_bytes()),
        )
    )


def assert_same(page: Any, path: Path, *, within: float = 1e-3) -> None:
    expected = Recognizer.open().predict(path).probabilities
    got = probabilities(page, path)
    assert got.keys() == expected.keys()
    for label, value in expected.items():
        assert got[label] == pytest.approx(value, abs=within), (path.name, label)


def test_the_browser_says_what_python_says(page: Any) -> None:
    for path in SAMPLES:
        assert_same(page, path)


@pytest.mark.parametrize("rate", [44_100, 48_000, 8_000])
def test_other_rates_are_resampled_alike(page: Any, tmp_path: Path, rate: int) -> None:
    signal, own = soundfile.read(SAMPLES[0], dtype="float32")
    path = tmp_path / f"{rate}.wav"
    left = 0.8 * soxr.resample(signal, own, rate)
    soundfile.write(path, np.stack([left, 0.5 * left], axis=1), rate, subtype="FLOAT")
    # Above the old band there is only what the two filters leave, and the log hears even that.
    assert_same(page, path, within=1e-3 if rate > own else 5e-3)


def test_a_long_recording_is_heard_in_windows(page: Any, tmp_path: Path) -> None:
    parts = [soundfile.read(path, dtype="float32")[0] for path in SAMPLES]
    path = tmp_path / "long.wav"
    soundfile.write(path, np.concatenate(parts), 16_000, subtype="PCM_16")
    assert soundfile.info(path).duration > 12
    assert_same(page, path)


def test_trimming_is_as_in_python(page: Any, tmp_path: Path) -> None:
    from serotone.audio.dsp import trim_silence
    from serotone.types import Audio

    generator = np.random.default_rng(0)
    loud = np.r_[np.full(3_100, 1e-5), np.hanning(9_000) * 0.5, np.full(2_345, 1e-5)]
    signal = (loud * generator.normal(size=len(loud))).astype(np.float32)
    expected = trim_silence(Audio(signal, 16_000), top_db=30).signal
    got = page.evaluate(
        "async (x) => [...(await import('./sound.js')).trim(Float32Array.from(x), 16000, 30)]",
        signal.tolist(),
    )
    assert len(expected) < len(signal)
    np.testing.assert_array_equal(np.array(got, np.float32), expected)


def test_a_file_is_shown_and_nothing_leaves_the_machine(page: Any, site: str) -> None:
    page.set_input_files("#file", SAMPLES[1])
    page.wait_for_selector("#answer:not([hidden])")
    best = Recognizer.open().predict(SAMPLES[1]).label
    assert page.inner_text("#answer caption") == f"{SAMPLES[1].name}: {best}"
    assert page.locator("#answer tbody tr").count() == 8
    assert all(url.startswith((f"{site}/", "data:")) for _, url in page.asked)
    assert {method for method, _ in page.asked} == {"GET"}


def test_a_request_elsewhere_is_forbidden_by_the_page(page: Any) -> None:
    refused = page.evaluate(
        "fetch('http://127.0.0.2:9/', {method: 'POST', body: 'x'}).then(() => '', e => e.name)"
    )
    assert refused == "TypeError"
    assert page.evaluate("fetch('model.json').then((r) => r.ok)") is True


def test_the_microphone_is_heard(page: Any) -> None:
    page.click("#record")
    page.wait_for_selector("#record:text-is('Stop')")
    page.wait_for_timeout(2_000)
    page.click("#record")
    page.wait_for_selector("#answer:not([hidden])")
    assert page.inner_text("#answer caption").startswith("microphone: ")
    assert {method for method, _ in page.asked} == {"GET"}


def test_what_is_no_recording_is_told(page: Any, tmp_path: Path) -> None:
    path = tmp_path / "note.wav"
    path.write_text("not sound")
    page.set_input_files("#file", path)
    page.wait_for_selector("#status:has-text('note.wav')")


def test_the_command_writes_the_page(tmp_path: Path, empty_runtime: Path) -> None:
    site = tmp_path / "site"
    words = ["export", "--format", "web", "--out", str(site), "--runtime", str(empty_runtime)]
    assert main(words) == 0
    assert (site / "index.html").is_file()
