"""A page that runs the model in a browser: plain files, for any web server."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from serotone.errors import ConfigError
from serotone.store.layout import DESCRIPTION, ONNX, verify
from serotone.store.load import describe

RUNTIME = "onnxruntime-web@1.30.0"
"""Package of npm that runs the graph."""

RUNTIME_FILES = (
    "ort.wasm.min.mjs",
    "ort-wasm-simd-threaded.mjs",
    "ort-wasm-simd-threaded.wasm",
)
"""Of the package's ``dist``, those that the page loads."""

PAGE = Path(__file__).with_name("page")

STEPS = frozenset({"trim_db"})
"""Preparation that the page does as Python does it."""


def write_page(model: Path, out: Path, *, runtime: Path | None = None) -> list[Path]:
    """Write the page with its model and its runtime.

    The page loads nothing from elsewhere and sends nothing: its own policy forbids both.

    Args:
        model: folder of the model, in floats or in eight bits.
        out: folder to write into.
        runtime: folder that holds ``RUNTIME_FILES``, at any depth; fetched with npm where None.

    Returns:
        The files, in the order written.

    Raises:
        ConfigError: when the runtime is not to be had, or the model wants its sound prepared in
            ways that the page cannot.
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
    written = []
    with _runtime(runtime) as folder:
        out.mkdir(parents=True, exist_ok=True)
        for source in (*sorted(PAGE.iterdir()), model / ONNX, *_find(folder)):
            written.append(Path(shutil.copyfile(source, out / source.name)))
    told = {
        "name": info.name,
        "labels": info.labels,
        "sample_rate": info.sample_rate,
        "prepare": dict(info.prepare),
        "licence": info.licence,
    }
    description = out / DESCRIPTION
    description.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return [*written, description]


def _find(folder: Path) -> Iterator[Path]:
    """The runtime's files.

    Raises:
        ConfigError: when one is missing.
    """
    for name in RUNTIME_FILES:
        found = sorted(folder.rglob(name))
        if not found:
            raise ConfigError(
                f"{folder}: no {name}, expected one of {RUNTIME}. Unpack the package there."
            )
        yield found[0]


@contextmanager
def _runtime(given: Path | None) -> Iterator[Path]:
    if given is not None:
        yield given
        return
    npm = shutil.which("npm")
    if npm is None:
        raise ConfigError(
            f"npm is not installed, expected it to fetch {RUNTIME}. Install it, or give a folder "
            "with the package's files, as --runtime FOLDER."
        )
    with tempfile.TemporaryDirectory() as scratch:
        # As a package file alone: none of its dependencies runs in the page.
        ended = subprocess.run(
            [npm, "pack", RUNTIME, "--silent"],
            cwd=scratch,
            capture_output=True,
            text=True,
            check=False,
        )
        packed = sorted(Path(scratch).glob("*.tgz"))
        if ended.returncode or not packed:
            reason = (ended.stderr.strip().splitlines() or ["no answer"])[-1]
            raise ConfigError(f"npm cannot fetch {RUNTIME}: {reason}. Give --runtime FOLDER.")
        with tarfile.open(packed[0]) as archive:
            archive.extractall(scratch, filter="data")
        yield Path(scratch)
