from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serotone.audio.vad import Span, VadConfig
from serotone.errors import ConfigError
from serotone.timeline.windows import SpeechWindows, Window, WindowConfig, owned, with_margin
from tests.pitch_recognizer import RATE, quiet, talk, tone

pytestmark = pytest.mark.usefixtures("by_level")
CONFIG = WindowConfig(length_s=2.0, hop_s=1.0)
SOUND = talk(
    ("-", 1.0), ("happy", 0.5), ("-", 0.9), ("sad", 5.3), ("-", 0.5), ("angry", 2.4), ("-", 0.4),
    ("neutral", 1.1),
)  # fmt: skip


def cut(signal: np.ndarray, sizes: list[int], config: WindowConfig = CONFIG) -> list[Window | Span]:
    cutter, items, at = SpeechWindows(RATE, config), [], 0
    for size in itertools.cycle(sizes):
        if at >= len(signal):
            return items + cutter.flush()
        items += cutter.push(signal[at : at + size])
        at += size
    raise AssertionError


def plain(items: list[Window | Span]) -> list[tuple[str, float, float, bytes]]:
    return [
        (type(i).__name__, i.start_s, i.end_s, i.signal.tobytes() if isinstance(i, Window) else b"")
        for i in items
    ]


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.integers(300, 60_000), min_size=1, max_size=5))
def test_windows_do_not_depend_on_the_blocks(sizes: list[int]) -> None:
    assert plain(cut(SOUND, sizes)) == plain(cut(SOUND, [len(SOUND)]))


def test_windows_hold_the_sound_of_their_place() -> None:
    for item in cut(SOUND, [7777]):
        if isinstance(item, Window):
            first = round(item.start_s * RATE)
            assert (item.signal == SOUND[first : first + len(item.signal)]).all()
            assert item.end_s == pytest.approx(item.start_s + len(item.signal) / RATE)


def test_each_stretch_is_covered_by_its_windows_and_they_hold_no_other_speech() -> None:
    waiting: list[Window] = []
    spans: list[Span] = []
    for item in cut(SOUND, [10_000]):
        if isinstance(item, Window):
            waiting.append(item)
            continue
        assert min(w.start_s for w in waiting) <= item.start_s
        assert max(w.end_s for w in waiting) >= item.end_s
        for a, b in itertools.pairwise(waiting):
            assert a.start_s < b.start_s <= a.end_s
        for window in waiting:
            assert all(window.start_s >= before.end_s for before in spans)
        spans.append(item)
        waiting = []
    assert [round(s.duration_s, 1) for s in spans] == [0.7, 5.5, 2.6, 1.2]


def test_short_speech_is_one_window_begun_earlier() -> None:
    items = cut(talk(("-", 2.0), ("happy", 0.3), ("-", 1.0)), [5000])
    windows = [i for i in items if isinstance(i, Window)]
    assert len(windows) == 1
    assert windows[0].end_s - windows[0].start_s == pytest.approx(CONFIG.least_s, abs=0.01)


def test_endless_speech_is_cut_as_it_comes_in_constant_memory() -> None:
    cutter = SpeechWindows(RATE, CONFIG)
    n_windows, most = 0, 0
    for _ in range(120):
        n_windows += sum(isinstance(item, Window) for item in cutter.push(tone("sad", 1.0)))
        most = max(most, len(cutter._kept))
    assert n_windows >= 117
    assert most < 6 * RATE


def test_silence_costs_nothing() -> None:
    cutter = SpeechWindows(RATE, CONFIG)
    assert not any(cutter.push(quiet(1.0)) for _ in range(60))
    assert len(cutter._kept) < 4 * RATE
    assert cutter.flush() == []


def test_a_later_start_moves_all_times() -> None:
    cutter = SpeechWindows(RATE, CONFIG, start_s=100.0)
    items = cutter.push(SOUND) + cutter.flush()
    for ours, theirs in zip(items, cut(SOUND, [len(SOUND)]), strict=True):
        assert ours.start_s == pytest.approx(theirs.start_s + 100)


@given(st.lists(st.floats(0.1, 5), min_size=1, max_size=8))
def test_windows_share_a_stretch_without_gap_or_overlap(steps: list[float]) -> None:
    starts = np.cumsum(steps)
    windows = [(float(start), float(start) + 6) for start in starts]
    parts = owned(windows, Span(windows[0][0], windows[-1][1]))
    assert len(parts) == len(windows)
    assert parts[0][0] == windows[0][0] and parts[-1][1] == windows[-1][1]
    assert all(a[1] == b[0] for a, b in itertools.pairwise(parts))


def test_the_margin_is_silence_on_both_sides() -> None:
    padded = with_margin(np.ones(10, np.float32), 10, WindowConfig(margin_s=0.5))
    assert padded.tolist() == [0.0] * 5 + [1.0] * 10 + [0.0] * 5


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"length_s": 1.0, "hop_s": 2.0}, "must not exceed length_s"),
        ({"context_s": 0.5}, "vad.min_silence_s - vad.pad_s"),
        ({"length_s": 0.4, "hop_s": 0.2, "least_s": 0.1}, "must be at least"),
        ({"lenght_s": 3.0}, "Did you mean 'length_s'?"),
    ],
)
def test_settings_that_cannot_be_are_refused(values: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match="windows") as caught:
        WindowConfig.parse(values, "windows")
    assert message in str(caught.value)


def test_a_longer_silence_allows_more_context() -> None:
    vad = VadConfig(min_silence_s=0.8)
    assert WindowConfig(context_s=0.7, vad=vad).context_s == 0.7
