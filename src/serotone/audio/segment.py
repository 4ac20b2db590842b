"""One sound to windows that overlap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from serotone.errors import AudioError, ConfigError
from serotone.types import Audio


def windows(audio: Audio, *, length_s: float, hop_s: float, min_s: float = 0.0) -> Iterator[Audio]:
    """Windows of ``length_s`` every ``hop_s``, covering every sample.

    The last window ends where the audio ends, so it may overlap the one before by more than the
    others do; no window is padded. Audio no longer than one window is yielded whole. Each window
    is a view of the signal and knows its ``start_s``.

    Args:
        audio: what to cut.
        length_s: of each window, in seconds.
        hop_s: from start to start, in seconds, at most ``length_s``.
        min_s: shortest audio that is worth a window, in seconds.

    Raises:
        AudioError: when the audio is shorter than ``min_s``.
        ConfigError: when the hop is not within 0 to the length, or ``min_s`` exceeds the length.

    Example:
        >>> import numpy as np
        >>> five_s = Audio(np.zeros(500, np.float32), 100)
        >>> [(w.start_s, w.end_s) for w in windows(five_s, length_s=2, hop_s=1.2)]
        [(0.0, 2.0), (1.2, 3.2), (2.4, 4.4), (3.0, 5.0)]
    """
    rate, n_samples = audio.sample_rate, len(audio.signal)
    n_window, n_hop = round(length_s * rate), round(hop_s * rate)
    if not 1 <= n_hop <= n_window or min_s > length_s:
        raise ConfigError(
            f"got windows of {length_s} s every {hop_s} s, at least {min_s} s long; expected "
            "0 < hop_s <= length_s and min_s <= length_s."
        )
    if audio.duration_s < min_s:
        raise AudioError(
            f"{audio.source or 'audio'}: too short: {audio.duration_s:.2f} s, expected at least "
            f"{min_s} s. Record more."
        )
    return _cut(audio, n_window, n_hop, max(0, n_samples - n_window))


def _cut(audio: Audio, n_window: int, n_hop: int, last: int) -> Iterator[Audio]:
    for first in (*range(0, last, n_hop), last):
        start_s = audio.start_s + first / audio.sample_rate
        yield replace(audio, signal=audio.signal[first : first + n_window], start_s=start_s)
