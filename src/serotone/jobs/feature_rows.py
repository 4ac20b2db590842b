"""Rows of a feature table: what is computed of each recording, and under which names."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from serotone.errors import AudioError, ConfigError, did_you_mean
from serotone.features.extract import Extracted, Extractor
from serotone.features.frame import FrameFeatures

Row = dict[str, Any]

VERSION = 1
"""Of the rows: one more wherever features or columns change."""

STATISTICS: Mapping[str, Callable[[NDArray[np.float32]], NDArray[np.float32]]] = {
    "mean": lambda frames: frames.mean(axis=0),
    "std": lambda frames: frames.std(axis=0),
    "min": lambda frames: frames.min(axis=0),
    "max": lambda frames: frames.max(axis=0),
}
"""What frames (T, F) can be summed up by; ``std`` divides by T."""


@dataclass(frozen=True, slots=True)
class FeatureWork:
    """What to compute of each recording; the same value gives the same rows.

    Attributes:
        sets: names of ``serotone.features.FEATURES``.
        statistics: of ``STATISTICS``, for one row a file; none for one row a frame.

    Raises:
        ConfigError: when there is no such set or statistic.
    """

    sets: tuple[str, ...]
    statistics: tuple[str, ...]

    def __post_init__(self) -> None:
        for name in self.statistics:
            if name not in STATISTICS:
                raise ConfigError(f"unknown statistic '{name}'. {did_you_mean(name, STATISTICS)}")
        Extractor(self.sets)

    @property
    def about(self) -> str:
        """The work as JSON, for the table's metadata."""
        return json.dumps({"version": VERSION, **asdict(self)})

    def start(self) -> Callable[[list[str]], list[list[Row]]]:
        """Make ready in a process of one's own: one thread, as there are several processes."""
        torch.set_num_threads(1)
        return self.open()

    def open(self) -> Callable[[list[str]], list[list[Row]]]:
        """What gives the rows of each file of a chunk."""
        extractor = Extractor(self.sets)
        return lambda chunk: [self._rows(extractor, path) for path in chunk]

    def _rows(self, extractor: Extractor, path: str) -> list[Row]:
        try:
            extracted = extractor.extract(path)
        except AudioError as error:
            return [error_row(path, str(error))]
        if self.statistics:
            return [_summed_up(path, extracted, extractor, self.statistics)]
        return list(_frame_rows(path, extracted, extractor))

    def schema(self) -> pa.Schema:
        """Columns of the table; the work itself is in its metadata."""
        if self.statistics:
            columns = [("path", pa.string()), ("duration_s", pa.float64()), ("error", pa.string())]
            for name, layer in Extractor(self.sets).layers.items():
                names = column_names(name, layer, self.statistics)
                columns += [(column, pa.float32()) for column in names]
        else:
            columns = [
                ("path", pa.string()),
                ("set", pa.string()),
                ("frame", pa.int32()),
                ("time_s", pa.float64()),
                ("values", pa.list_(pa.float32())),
                ("error", pa.string()),
            ]
        return pa.schema(columns, metadata={"serotone": self.about})


def error_row(path: str, error: str) -> Row:
    """The row of a file that could not be used; all its other columns are empty."""
    return {"path": _text(path), "error": _text(error)}


def column_names(name: str, layer: FrameFeatures, statistics: Sequence[str]) -> list[str]:
    """Columns of a set, statistic by statistic; a vector has no statistics.

    Example:
        >>> from serotone.features.sets import mfcc13dd, pitch
        >>> column_names("mfcc13dd", mfcc13dd(), ["mean"])[:2]
        ['mfcc13dd_00_mean', 'mfcc13dd_01_mean']
        >>> column_names("pitch", pitch(), ["mean"])
        ['pitch_hz_mean', 'pitch_strength_mean']
    """
    width = len(str(layer.n_features - 1))
    numbers = [f"{i:0{width}d}" for i in range(layer.n_features)]
    parts = [f"{name}_{part}" for part in layer.names or numbers]
    if layer.n_features == 1:
        parts = [name]
    return parts if layer.is_vector else [f"{part}_{s}" for s in statistics for part in parts]


def _summed_up(
    path: str, extracted: Extracted, extractor: Extractor, statistics: Sequence[str]
) -> Row:
    row: Row = {"path": _text(path), "duration_s": extracted.duration_s, "error": None}
    for name, frames in extracted.features.items():
        layer = extractor.layers[name]
        names = column_names(name, layer, statistics)
        values = (
            frames[0]
            if layer.is_vector
            else np.concatenate([STATISTICS[s](frames) for s in statistics])
        )
        row |= zip(names, values.tolist(), strict=True)
    return row


def _frame_rows(path: str, extracted: Extracted, extractor: Extractor) -> Iterator[Row]:
    for name, frames in extracted.features.items():
        layer = extractor.layers[name]
        hop_s = layer.hop_length / layer.sample_rate
        for i, values in enumerate(frames):
            yield {
                "path": _text(path),
                "set": name,
                "frame": i,
                "time_s": i * hop_s,
                "values": values,
                "error": None,
            }


def _text(path: str) -> str:
    """A file name as a table can hold it: bytes that are not UTF-8 become question marks."""
    return path.encode(errors="surrogateescape").decode(errors="replace")
