"""The files of a model folder, and whether they are what ``model.json`` says they are.

A folder holds ``model.onnx`` (waveform to probabilities), ``weights.safetensors``, ``model.json``
and ``card.md``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from serotone.errors import ModelError

DEFAULT = "default"
"""Name of the model that ships inside the package."""

ONNX, WEIGHTS, DESCRIPTION, CARD = "model.onnx", "weights.safetensors", "model.json", "card.md"


def verify(folder: Path, names: Iterable[str] | None = None) -> None:
    """Compare files with the SHA-256 that ``model.json`` gives.

    Args:
        folder: of the model.
        names: which files; all when None.

    Raises:
        ModelError: when one is missing or was altered.
    """
    sums = read_description(folder).get("sha256", {})
    for name in sums if names is None else names:
        expected = sums.get(name, "none stated")
        path = folder / name
        if not path.is_file():
            raise ModelError(f"{folder}: no {name}, expected one. Copy the whole folder.")
        got = sha256(path)
        if got != expected:
            raise ModelError(
                f"{path}: SHA-256 is {got[:12]}…, expected {expected[:12]}…; the file was altered. "
                "Fetch or export the model anew."
            )


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_description(folder: Path) -> dict[str, Any]:
    """All of ``model.json``.

    Raises:
        ModelError: when there is none, or it cannot be read.
    """
    path = folder / DESCRIPTION
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(
            f"{folder}: no {DESCRIPTION}, expected one. Give a model folder."
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: not valid JSON: {error}. Fetch the model anew.") from None
    return values
