"""The page with the model inside: the numbers of Python, in one folder of plain files."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from serotone.cli import main
from serotone.errors import ConfigError
from serotone.export import page as page_files
from serotone.export import web
from serotone.inference.recognizer import Recognizer
from serotone.store.load import resolve
from tests.browsing import SAMPLES, SPEECH, chromium, files, need_page, visit

RATE_HZ = 16_000


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page of one file, as if built."""
    folder = tmp_path / "built"
    folder.mkdir()
    (folder / "index.html").write_text("<!doctype html>")
    monkeypatch.setattr(page_files, "PAGE_FOLDERS", (folder,))
    return folder


def test_the_page_is_whole(tmp_path: Path, built: Path) -> None:
    written = web.write_page(resolve("default"), tmp_path / "site")
    names = {path.relative_to(tmp_path / "site").as_posix() for path in written}
    samples = {f"samples/{path.name}" for path in SAMPLES}
    assert names == {"index.html", "model.onnx", "speech.onnx", "page.json", *samples}
    told = json.loads((tmp_path / "site/page.json").read_text())
    assert told["engine"] == "browser"
    assert {sample["file"] for sample in told["samples"]} == samples
    model = Recognizer.open().model
    assert tuple(told["model"]["labels"]) == model.labels
    assert [f["uar"] for f in told["model"]["figures"]] == [
        figure["uar"] for figure in model.figures.values()
    ]
    assert not any("`" in line for line in told["model"]["limits"] + told["model"]["not_for"])


def test_without_a_built_page_the_way_to_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_files, "PAGE_FOLDERS", (tmp_path,))
    with pytest.raises(ConfigError, match="make web"):
        web.write_page(resolve("default"), tmp_path / "site")


def test_a_model_whose_sound_must_be_prepared_is_refused(
    tmp_path: Path, built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = dataclasses.replace(web.describe(resolve("default")), prepare={"normalise": "peak"})
    monkeypatch.setattr(web, "describe", lambda path: info)
    with pytest.raises(ConfigError, match="normalise"):
        web.write_page(resolve("default"), tmp_path / "site")


def test_the_command_writes_the_page(tmp_path: Path, built: Path) -> None:
    site = tmp_path / "site"
    assert main(["export", "--format", "web", "--out", str(site)]) == 0
    assert (site / "index.html").is_file()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    need_page()
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need_page()
    folder = tmp_path_factory.mktemp("site")
    web.write_page(resolve("default"), folder)
    return folder


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    with files(site) as address:
        yield address


def said(browser: Any, address: str, *paths: Path) -> list[dict[str, float]]:
    """Probabilities of files, as the page's tab Batch saves them."""
    with visit(browser, address, tab="batch") as page:
        page.set_input_files("#batch-files", paths)
        page.wait_for_selector(".busy", state="detached")
        with page.expect_download() as download:
            page.get_by_role("button", name="Save CSV").click()
        rows = csv.DictReader(io.StringIO(Path(download.value.path()).read_text()))
        return [{k[2:]: float(v) for k, v in row.items() if k.startswith("p_")} for row in rows]


def assert_near(got: Mapping[str, float], path: Path, *, within: float) -> None:
    expected = Recognizer.open().predict(path).probabilities
    assert got.keys() == expected.keys()
    for label, value in expected.items():
        assert got[label] == pytest.approx(value, abs=within), (path.name, label)


@pytest.mark.parametrize("rate", [44_100, 48_000, 8_000])
def test_other_rates_are_resampled_alike(
    browser: Any, address: str, tmp_path: Path, rate: int
) -> None:
    signal, own = soundfile.read(SAMPLES[0], dtype="float32")
    path = tmp_path / f"{rate}.wav"
    left = 0.8 * soxr.resample(signal, own, rate)
    soundfile.write(path, np.stack([left, 0.5 * left], axis=1), rate, subtype="FLOAT")
    (got,) = said(browser, address, path)
    # Above the old band there is only what the two filters leave, and the log shows even that.
    assert_near(got, path, within=1e-3 if rate > own else 5e-3)


def test_a_long_clip_is_predicted_in_windows(browser: Any, address: str, tmp_path: Path) -> None:
    parts = [soundfile.read(path, dtype="float32")[0] for path in SAMPLES]
    path = tmp_path / "long.wav"
    soundfile.write(path, np.concatenate(parts), RATE_HZ, subtype="PCM_16")
    assert soundfile.info(path).duration > 12
    (got,) = said(browser, address, path)
    assert_near(got, path, within=1e-3)


def test_trimming_is_as_in_python(browser: Any, site: Path, tmp_path: Path) -> None:
    from serotone.audio.dsp import trim_silence
    from serotone.types import Audio

    told = json.loads((site / "page.json").read_text())
    told["model"]["prepare"] = {"trim_db": 30}
    (site / "page.json").write_text(json.dumps(told))
    signal, _ = soundfile.read(SPEECH, dtype="float32")
    quiet = np.full(9_000, 1e-5, np.float32)
    padded = np.concatenate([quiet, signal, quiet])
    trimmed = trim_silence(Audio(padded, RATE_HZ), top_db=30).signal
    assert len(trimmed) <= len(signal)
    paths = tmp_path / "padded.wav", tmp_path / "trimmed.wav"
    for path, sound in zip(paths, (padded, trimmed), strict=True):
        soundfile.write(path, sound, RATE_HZ, subtype="FLOAT")
    with files(site) as address:
        (got,) = said(browser, address, paths[0])
    assert_near(got, paths[1], within=1e-3)


def test_a_request_elsewhere_is_forbidden_by_the_page(browser: Any, address: str) -> None:
    with visit(browser, address, quiet=False) as page:
        refused = page.evaluate(
            "fetch('http://127.0.0.2:9/', {method: 'POST', body: 'x'}).then(() => '', e => e.name)"
        )
        assert refused == "TypeError"
        assert page.evaluate("fetch('page.json').then((r) => r.ok)") is True
