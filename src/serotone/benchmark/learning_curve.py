"""Learning curves out of the logs of a training."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def read_curve(folder: Path, *, kept: int) -> dict[str, Any] | None:
    """The learning curve in a run's logs, all its parts joined; None without logs.

    Args:
        folder: of the run.
        kept: the epoch whose weights were kept, from 1.
    """
    seen: dict[str, dict[int, float]] = {"train/loss": {}, "dev/uar": {}}
    parts = (folder / "logs" / "csv").glob("part-*/metrics.csv")
    for path in sorted(parts, key=lambda path: int(path.parent.name.partition("-")[2])):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                _note(row, seen)
    n_epochs = max((epoch + 1 for values in seen.values() for epoch in values), default=0)
    if not n_epochs:
        return None
    loss, uar = (
        [round(values[epoch], 4) if epoch in values else None for epoch in range(n_epochs)]
        for values in seen.values()
    )
    return {"train_loss": loss, "dev_uar": uar, "kept": kept}


def _note(row: Mapping[str, str], seen: Mapping[str, dict[int, float]]) -> None:
    for name, values in seen.items():
        if row.get(name):
            value = float(row[name])
            if math.isfinite(value):
                values[int(row["epoch"])] = value
