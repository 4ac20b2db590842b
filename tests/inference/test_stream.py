from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serotone.audio.vad import Span
from serotone.errors import AudioError, ConfigError
from serotone.inference.stream import NO_SPEECH, EmotionStream, StreamConfig
from serotone.types import Prediction
from tests.pitch_recognizer import RATE, PitchRecognizer, quiet, talk, tone

pytestmark = pytest.mark.usefixtures("by_level")
PLAIN = StreamConfig(dwell_s=0)
SOUND = talk(("-", 1.2), ("happy", 3.1), ("-", 2.0), ("angry", 4.0), ("-", 0.7))


def push_all(stream: EmotionStream, signal: np.ndarray, sizes: list[int]) -> list[Prediction]:
    predictions, at = [], 0
    for size in itertools.cycle(sizes):
        if at >= len(signal):
            return predictions
        predictions += stream.push(signal[at : at + size])
        at += size
    raise AssertionError


chunk_sizes = st.lists(st.integers(1, 40_000), min_size=1, max_size=6).filter(
    lambda sizes: sum(sizes) > 200 * len(sizes)
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(chunk_sizes)
def test_the_numbers_do_not_depend_on_the_chunks(sizes: list[int]) -> None:
    once = push_all(EmotionStream(PitchRecognizer()), SOUND, [len(SOUND)])
    assert push_all(EmotionStream(PitchRecognizer()), SOUND, sizes) == once


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.integers(500, 60_000), min_size=1, max_size=4))
def test_nor_do_they_at_another_sample_rate(sizes: list[int]) -> None:
    signal = talk(("-", 0.7), ("happy", 2.1), ("-", 1.0), ("sad", 2.5), rate=44_100)

    def run(chunks: list[int]) -> list[Prediction]:
        return push_all(EmotionStream(PitchRecognizer(), sample_rate=44_100), signal, chunks)

    assert run(sizes) == run([4410])


def test_every_hop_has_one_prediction_in_its_place() -> None:
    predictions = push_all(EmotionStream(PitchRecognizer(), PLAIN), SOUND, [800])
    assert [(p.start_s, p.end_s) for p in predictions] == [(i, i + 1.0) for i in range(11)]
    assert [p.label for p in predictions] == [
        NO_SPEECH, "happy", "happy", "happy", "happy", NO_SPEECH, "angry", "angry", "angry",
        "angry", "angry",
    ]  # fmt: skip
    for prediction in predictions:
        assert sum(prediction.probabilities.values()) == pytest.approx(1)
        assert prediction.confidence == max(prediction.probabilities.values())


def test_one_utterance_is_not_heard_with_the_one_before() -> None:
    recognizer = PitchRecognizer()
    config = StreamConfig(dwell_s=0, window_s=4.0, margin_s=0.0)
    sound = talk(("happy", 2.0), ("-", 0.8), ("angry", 1.2))
    assert push_all(EmotionStream(recognizer, config), sound, [500])[-1].label == "angry"
    assert recognizer.longest_s < 2.4


def test_warm_up_is_uncertain() -> None:
    config = StreamConfig(warm_up_s=0.8, dwell_s=0)
    predictions = push_all(EmotionStream(PitchRecognizer(), config), SOUND, [1000])
    assert predictions[1].label == "happy"
    late_start = talk(("-", 1.5), ("happy", 2.5))
    predictions = push_all(EmotionStream(PitchRecognizer(), config), late_start, [1000])
    assert [p.label for p in predictions] == [NO_SPEECH, "uncertain", "happy", "happy"]


def test_smoothing_keeps_the_emotion_over_one_odd_second() -> None:
    sound = talk(("happy", 4.0), ("sad", 1.0), ("happy", 3.0))
    config = {"window_s": 1.0, "warm_up_s": 0.5}
    rough = push_all(
        EmotionStream(PitchRecognizer(), StreamConfig(**config, dwell_s=0)), sound, [900]
    )
    smooth = push_all(
        EmotionStream(PitchRecognizer(), StreamConfig(**config, dwell_s=30)),
        sound,
        [900],
    )
    assert "sad" in {p.label for p in rough}
    assert {p.label for p in smooth} == {"happy"}


def test_late_chunks_are_skipped_counted_and_told() -> None:
    skipped: list[Span] = []
    stream = EmotionStream(PitchRecognizer(), PLAIN, on_skip=skipped.append)
    predictions = stream.push(tone("happy", 2.0))
    predictions += stream.push(tone("happy", 3.0), late_s=5.0)
    predictions += stream.push(tone("happy", 2.0), late_s=0.5)
    assert [p.end_s for p in predictions] == [1.0, 2.0, 6.0, 7.0]
    assert stream.n_skipped == 3
    assert [(s.start_s, s.end_s) for s in skipped] == [(2.0, 3.0), (3.0, 4.0), (4.0, 5.0)]
    assert predictions[-1].label == "happy"


def test_hours_neither_grow_nor_drift() -> None:
    stream = EmotionStream(PitchRecognizer(), PLAIN, sample_rate=RATE)
    size = stream._ring.size
    second = quiet(1.0)
    for index in range(3600):
        [prediction] = stream.push(second)
        assert prediction.end_s == index + 1.0
    assert stream._ring.size == size and stream._waiting.size == 0


@pytest.mark.parametrize("chunk", [np.array([0.0, np.nan], np.float32), np.zeros((5, 2))])
def test_what_is_no_sound_is_refused(chunk: np.ndarray) -> None:
    with pytest.raises(AudioError, match="one channel of finite samples"):
        EmotionStream(PitchRecognizer()).push(chunk)


def test_too_loud_chunks_are_clipped() -> None:
    stream = EmotionStream(PitchRecognizer(), PLAIN)
    assert stream.push(20 * tone("sad", 1.0))[0].label == "sad"


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(ConfigError, match="must not exceed window_s"):
        StreamConfig.parse({"window_s": 0.2, "warm_up_s": 0.5}, "stream")
