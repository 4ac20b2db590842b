"""Answers as a Parquet table: the columns of CSV, with types."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from serotone.errors import ConfigError
from serotone.types import Failure, Prediction

ROWS_PER_GROUP = 16_384


def prediction_schema(labels: Sequence[str], *, with_errors: bool = False) -> pa.Schema:
    """Columns of a table of predictions; ``p_happy`` is the probability of ``happy``.

    Args:
        labels: of the model.
        with_errors: with a column ``error``, for a table that holds failures too.
    """
    columns = [
        ("path", pa.string()),
        ("start_s", pa.float64()),
        ("end_s", pa.float64()),
        ("label", pa.string()),
        ("confidence", pa.float64()),
        ("intensity", pa.float64()),
        ("text", pa.string()),
        *([("error", pa.string())] if with_errors else []),
        *((f"p_{label}", pa.float64()) for label in labels),
        ("warnings", pa.list_(pa.string())),
        ("set", pa.list_(pa.string())),
    ]
    return pa.schema(columns)


def row_of(answer: Prediction | Failure) -> dict[str, Any]:
    """An answer as a row, with the numbers that JSON and CSV show."""
    row = answer.to_dict()
    shares = row.pop("probabilities")
    # Names of files need not be text, a table's column must be.
    row["path"] = answer.source.encode(errors="surrogateescape").decode(errors="replace")
    if isinstance(row["error"], str):
        row["error"] = row["error"].encode(errors="surrogateescape").decode(errors="replace")
    if isinstance(shares, dict):
        row |= {f"p_{label}": share for label, share in shares.items()}
    return row


def write_predictions(
    answers: Iterable[Prediction | Failure], out: Path, labels: Sequence[str]
) -> None:
    """Write answers to one Parquet file, row group by row group; it is there when it is whole.

    Raises:
        ConfigError: when it cannot be written.
    """
    schema = prediction_schema(labels, with_errors=True)
    draft = out.with_name(f".{out.name}.draft")
    rows = map(row_of, answers)
    try:
        with pq.ParquetWriter(draft, schema) as writer:
            while group := list(itertools.islice(rows, ROWS_PER_GROUP)):
                writer.write_table(pa.Table.from_pylist(group, schema=schema))
        draft.replace(out)
    except OSError as error:
        raise ConfigError(f"--out {out}: cannot be written: {error.strerror or error}.") from None
    finally:
        draft.unlink(missing_ok=True)
