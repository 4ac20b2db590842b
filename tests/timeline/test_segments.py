from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serotone.inference.smoothing import SmoothConfig
from serotone.timeline.segments import (
    Heard,
    Segment,
    Timeline,
    TimelineConfig,
    change_points,
    to_segments,
)
from serotone.timeline.summary import shares, summarise

LABELS = ("neutral", "happy", "angry")
PLAIN = TimelineConfig(smooth=SmoothConfig(dwell_s=0))


def heard(start_s: float, end_s: float, label: str, *, speech: int = 0, p: float = 0.8) -> Heard:
    row = np.full(3, (1 - p) / 2)
    row[LABELS.index(label)] = p
    return Heard(start_s, end_s, row, 0.5, np.empty(0, np.float32), speech)


def spoken(
    start_s: float, end_s: float, label: str, *, p: float = 0.8, speaker: str = ""
) -> Segment:
    row = dict.fromkeys(LABELS, (1 - p) / 2) | {label: p}
    return Segment(start_s, end_s, True, label, row, p, 0.5, None, speaker)


def timeline(*segments: Segment, duration_s: float = 60.0) -> Timeline:
    return Timeline("call.wav", duration_s, LABELS, (None,), segments)


def said(segments: tuple[Segment, ...]) -> list[tuple[float, float, str | None]]:
    return [(s.start_s, s.end_s, s.emotion) for s in segments]


def test_neighbours_that_agree_become_one_and_pauses_stay_pauses() -> None:
    parts = [
        heard(1, 2, "happy"), heard(2, 3, "happy"), heard(3, 4, "angry"),
        heard(6, 7, "angry", speech=1),
    ]  # fmt: skip
    segments = to_segments(parts, duration_s=10, labels=LABELS, config=PLAIN)
    assert said(segments) == [
        (0, 1, None), (1, 3, "happy"), (3, 4, "angry"), (4, 6, None), (6, 7, "angry"),
        (7, 10, None),
    ]  # fmt: skip
    assert segments[1].intensity == 0.5
    assert math.isnan(segments[0].confidence) and segments[0].probabilities == {}


def test_a_short_pause_may_be_bridged() -> None:
    parts = [heard(0, 2, "happy"), heard(2.4, 4, "happy", speech=1), heard(5, 6, "happy", speech=2)]
    config = TimelineConfig(smooth=SmoothConfig(dwell_s=0), merge_gap_s=0.5)
    segments = to_segments(parts, duration_s=6, labels=LABELS, config=config)
    assert said(segments) == [(0, 4, "happy"), (4, 5, None), (5, 6, "happy")]


def test_probabilities_are_the_mean_by_time() -> None:
    parts = [heard(0, 1, "happy", p=0.9), heard(1, 4, "happy", p=0.6)]
    [segment] = to_segments(parts, duration_s=4, labels=LABELS, config=PLAIN)
    assert segment.confidence == pytest.approx((0.9 + 3 * 0.6) / 4)
    assert sum(segment.probabilities.values()) == pytest.approx(1)


def test_doubt_is_uncertain() -> None:
    parts = [heard(0, 1, "happy", p=0.4)]
    [segment] = to_segments(parts, duration_s=1, labels=LABELS, config=PLAIN, min_confidence=0.5)
    assert segment.emotion == "uncertain" and segment.confidence == pytest.approx(0.4)


def test_two_speakers_are_two_segments() -> None:
    parts = [heard(0, 1, "happy"), heard(1, 2, "happy", speech=1)]
    segments = to_segments(
        parts, duration_s=2, labels=LABELS, config=PLAIN, speakers=["speaker-1", "speaker-2"]
    )
    assert [s.speaker for s in segments] == ["speaker-1", "speaker-2"]


def test_nothing_heard_is_one_pause() -> None:
    segments = to_segments([], duration_s=5, labels=LABELS, config=PLAIN)
    assert said(segments) == [(0, 5, None)]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.1, 3), st.floats(0, 2), st.sampled_from(LABELS)), max_size=12),
    st.sampled_from([0.0, 2.0, 20.0]),
    st.sampled_from([0.0, 1.0]),
)
def test_segments_tile_the_recording(
    plan: list[tuple[float, float, str]], dwell_s: float, merge_gap_s: float
) -> None:
    at_s, parts = 0.0, []
    for number, (length_s, gap_s, label) in enumerate(plan):
        parts.append(heard(at_s + gap_s, at_s + gap_s + length_s, label, speech=number))
        at_s = parts[-1].end_s
    config = TimelineConfig(smooth=SmoothConfig(dwell_s=dwell_s), merge_gap_s=merge_gap_s)
    duration_s = at_s + 1
    segments = to_segments(parts, duration_s=duration_s, labels=LABELS, config=config)
    assert segments[0].start_s == 0 and segments[-1].end_s == duration_s
    assert all(a.end_s == b.start_s for a, b in itertools.pairwise(segments))
    assert all(s.duration_s > 0 for s in segments)
    speech_s = sum(s.duration_s for s in segments if s.speech)
    heard_s = sum(part.end_s - part.start_s for part in parts)
    assert speech_s >= heard_s - 1e-9
    if not merge_gap_s:
        assert speech_s == pytest.approx(heard_s)


def test_changes_are_turns_within_one_voice() -> None:
    segments = [
        spoken(0, 2, "neutral", speaker="a"),
        spoken(2, 3, "neutral", speaker="b"),
        spoken(3, 5, "angry", speaker="a"),
        spoken(5, 6, "neutral", speaker="b"),
        spoken(30, 32, "happy", speaker="a"),
    ]
    [change] = change_points(segments)
    assert (change.at_s, change.before, change.after, change.speaker) == (
        3,
        "neutral",
        "angry",
        "a",
    )
    assert change.strength == pytest.approx(0.7)


def test_summary_shares_trend_and_drift() -> None:
    summary = summarise(timeline(spoken(0, 15, "neutral"), spoken(45, 60, "angry")))
    assert summary.speech_s == 30
    assert summary.shares == {"neutral": 0.5, "angry": 0.5}
    assert summary.drift == {"neutral": -1.0, "angry": 1.0}
    assert sum(part.speech_s for part in summary.trend) == pytest.approx(30)
    assert summary.trend[0].shares == {"neutral": 1.0} and summary.trend[5].shares == {}


def test_moments_are_rare_sure_and_apart() -> None:
    long_calm = [spoken(i, i + 1, "neutral") for i in range(40)]
    segments = [
        *long_calm,
        spoken(40, 43, "happy", p=0.5),
        spoken(44, 46, "angry", p=0.9),
        spoken(46, 46.2, "angry", p=0.9),
    ]
    moments = summarise(timeline(*segments)).moments
    assert [m.segment.start_s for m in moments] == [44]
    assert "angry at 90%" in moments[0].reason and "turning from happy" in moments[0].reason


def test_silence_has_an_empty_summary() -> None:
    summary = summarise(timeline(Segment(0, 60)))
    assert summary.shares == {} and summary.moments == () and summary.drift == {}
    assert summary.to_dict()["speech_s"] == 0


def test_shares_count_only_what_is_inside() -> None:
    segments = [spoken(0, 4, "happy"), spoken(4, 10, "angry")]
    assert shares(segments, 3, 6) == {"angry": pytest.approx(2 / 3), "happy": pytest.approx(1 / 3)}
