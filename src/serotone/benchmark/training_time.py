"""How long a training took in all its parts, when it was killed and went on."""

from __future__ import annotations

import json
import time
from pathlib import Path

FILE = "clock.json"


def begin(folder: Path) -> float:
    """Note that a part of a run begins.

    What an earlier part did counts up to its last checkpoint: that is where the run goes on. All of
    it counts where the training came to its end, and what came after it failed.

    Args:
        folder: of the run.

    Returns:
        Seconds that the earlier parts took.
    """
    file, last = folder / FILE, folder / "checkpoints" / "last.ckpt"
    spent_s = 0.0
    if file.is_file() and last.is_file():
        noted = json.loads(file.read_text(encoding="utf-8"))
        if "total_s" in noted:
            spent_s = noted["total_s"]
        else:
            spent_s = noted["spent_s"] + max(0.0, last.stat().st_mtime - noted["began"])
    _write(file, {"spent_s": spent_s, "began": time.time()})
    return spent_s


def end(folder: Path, total_s: float) -> None:
    """Note what the whole run took, in seconds."""
    _write(folder / FILE, {"total_s": total_s})


def total(folder: Path) -> float | None:
    """Seconds that a finished run took, None where nobody noted it."""
    file = folder / FILE
    if not file.is_file():
        return None
    noted: float | None = json.loads(file.read_text(encoding="utf-8")).get("total_s")
    return noted


def _write(file: Path, values: dict[str, float]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(values) + "\n", encoding="utf-8")
