from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serotone.audio.segment import windows
from serotone.errors import AudioError, ConfigError
from serotone.types import Audio

RATE = 100


def ramp(n_samples: int, start_s: float = 0.0) -> Audio:
    """Each sample tells its own place."""
    return Audio(np.arange(n_samples, dtype=np.float32) / 1e6, RATE, "ramp", start_s)


@given(st.integers(1, 2000), st.integers(1, 500), st.data())
@settings(deadline=None)
def test_windows_cover_everything_and_know_their_place(
    n_samples: int, n_window: int, data: st.DataObject
) -> None:
    n_hop = data.draw(st.integers(1, n_window))
    audio = ramp(n_samples, start_s=7.0)
    cut = list(windows(audio, length_s=n_window / RATE, hop_s=n_hop / RATE))
    seen = np.zeros(n_samples, bool)
    for window in cut:
        first = round((window.start_s - 7.0) * RATE)
        expected = audio.signal[first : first + len(window.signal)]
        np.testing.assert_array_equal(window.signal, expected)
        seen[first : first + len(window.signal)] = True
        assert len(window.signal) == min(n_window, n_samples)
        assert (window.sample_rate, window.source) == (RATE, "ramp")
    assert seen.all()
    assert cut[-1].end_s == pytest.approx(audio.end_s)
    starts = [window.start_s for window in cut]
    steps = np.diff(starts)
    assert (steps > 0).all()
    assert steps[:-1] == pytest.approx(n_hop / RATE)
    assert len(cut) == 1 + max(0, -(-(n_samples - n_window) // n_hop))


def test_what_fits_exactly_has_no_extra_window() -> None:
    assert [w.start_s for w in windows(ramp(300), length_s=1, hop_s=0.5)] == [0, 0.5, 1, 1.5, 2]


def test_what_is_too_short_is_refused_at_once() -> None:
    assert len(list(windows(ramp(50), length_s=1, hop_s=1, min_s=0.5))) == 1
    with pytest.raises(AudioError, match=r"ramp: too short: 0\.49 s, expected at least 0\.5 s"):
        windows(ramp(49), length_s=1, hop_s=1, min_s=0.5)


@pytest.mark.parametrize(
    ("length_s", "hop_s", "min_s"), [(1, 0, 0), (1, 1.5, 0), (0, 0, 0), (1, 1, 2), (1, -1, 0)]
)
def test_gaps_are_refused(length_s: float, hop_s: float, min_s: float) -> None:
    with pytest.raises(ConfigError, match="0 < hop_s <= length_s"):
        windows(ramp(300), length_s=length_s, hop_s=hop_s, min_s=min_s)
