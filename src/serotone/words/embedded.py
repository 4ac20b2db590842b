"""The text model that ships: hashed n-grams through a small ONNX file, on onnxruntime alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from serotone.errors import ModelError
from serotone.words.ngrams import feature_ids, tokens

METADATA_KEY = "serotone-words"
"""Where the file keeps its description, as JSON."""

SHIPPED_FILE = Path(__file__).parent / "shipped" / "emotion-en.onnx"


class Embedded:
    """A text model of serotone's own.

    Args:
        path: of the ONNX file; the one that ships where it is left out.

    Raises:
        ModelError: when the file is missing or is not such a model.

    Example:
        >>> Embedded().probabilities(["I miss her so much."]).shape
        (1, 7)
    """

    def __init__(self, path: Path = SHIPPED_FILE) -> None:
        if not path.is_file():
            raise ModelError(f"no text model at '{path}'. Install serotone anew.")
        options = ort.SessionOptions()
        options.log_severity_level = 3
        # The graph is small: handing it to other threads takes longer than computing it.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        try:
            self._session = ort.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
            metadata = self._session.get_modelmeta().custom_metadata_map
            self.description: Mapping[str, Any] = json.loads(metadata[METADATA_KEY])
        except KeyError:
            raise ModelError(f"{path}: an ONNX file, but not a text model of serotone.") from None
        except Exception as error:  # noqa: BLE001 - onnxruntime's errors share no other base
            reason = str(error).splitlines()[0]
            raise ModelError(f"{path}: onnxruntime cannot load it: {reason}") from None

    @property
    def labels(self) -> tuple[str, ...]:
        """What it chooses among, as ``serotone.labels`` names them."""
        return tuple(self.description["labels"])

    @property
    def languages(self) -> frozenset[str]:
        """ISO 639-1 codes of the languages it knows."""
        return frozenset(self.description["languages"])

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Calibrated, of shape (B, C), rows summing to 1."""
        if not texts:
            return np.empty((0, len(self.labels)))
        n_buckets = int(self.description["n_buckets"])
        features = [feature_ids([t.text for t in tokens(text)], n_buckets) for text in texts]
        longest = max(1, max(len(ids) for ids in features))
        padded = np.full((len(texts), longest), n_buckets, dtype=np.int64)
        for row, ids in zip(padded, features, strict=True):
            row[: len(ids)] = ids
        found: NDArray[np.float32] = self._session.run(None, {"ids": padded})[0]
        rows = found.astype(np.float64)
        rows /= rows.sum(axis=1, keepdims=True)
        return rows
