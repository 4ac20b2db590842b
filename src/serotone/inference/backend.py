"""Runs ``model.onnx``: a waveform and its length in, probabilities out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from serotone.errors import ModelError
from serotone.inference.threads import n_cores

METADATA_KEY = "serotone"
"""Where ``model.onnx`` keeps its description, as JSON."""


class Output(NamedTuple):
    """What a model says of a batch.

    Attributes:
        probabilities: float32 (B, C), calibrated, rows sum to 1.
        intensity: float32 (B,), 0 to 1 or NaN.
        embedding: float32 (B, E).
    """

    probabilities: NDArray[np.float32]
    intensity: NDArray[np.float32]
    embedding: NDArray[np.float32]


class OnnxBackend:
    """A session of onnxruntime on the CPU, which several threads may run at a time.

    Each run keeps to one thread: two runs side by side share no work and wait for nothing, which
    takes less time than two threads inside each operator.

    Args:
        path: of ``model.onnx``.
        n_threads: runs at a time that are worth it; one per core where None.

    Attributes:
        description: the metadata inside the file.
        n_threads: as given.

    Raises:
        ModelError: when the file is missing, is not ONNX or is not serotone's.
    """

    def __init__(self, path: Path, *, n_threads: int | None = None) -> None:
        if not path.is_file():
            raise ModelError(f"no file at '{path}', expected model.onnx. Copy the whole folder.")
        options = ort.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.n_threads = n_threads or n_cores()
        try:
            self._session = ort.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # noqa: BLE001 - its errors share no base but Exception
            reason = str(error).splitlines()[0]
            raise ModelError(f"{path}: onnxruntime cannot load it: {reason}") from None
        self.description = self._describe(path)

    def _describe(self, path: Path) -> Mapping[str, Any]:
        text = self._session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
        if text is None:
            raise ModelError(
                f"{path}: an ONNX file without serotone's metadata. "
                "Give a model that `serotone train` or `serotone export` made."
            )
        values: Mapping[str, Any] = json.loads(text)
        return values

    def run(self, signals: Sequence[NDArray[np.float32]]) -> Output:
        """Predict a batch of mono signals of any lengths, at the model's sample rate."""
        lengths = np.array([len(s) for s in signals], dtype=np.int64)
        waveforms = np.zeros((len(signals), int(lengths.max())), dtype=np.float32)
        for row, signal in zip(waveforms, signals, strict=True):
            row[: len(signal)] = signal
        return Output(*self._session.run(None, {"waveforms": waveforms, "lengths": lengths}))
