"""The frozen values: what they promise, and what they refuse."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest

from serotone.errors import AudioError, ConfigError, LeakError
from serotone.types import Audio, ClaimedSplit, Failure, Prediction, Split, Utterance, speakers


def utterance(name: str, speaker: str) -> Utterance:
    return Utterance(
        id=f"c/{name}", path=Path(f"{name}.wav"), corpus="c", speaker=speaker, label="happy"
    )


def test_audio_knows_where_it_lies() -> None:
    audio = Audio(np.zeros(8000, np.float32), 16000, "x.wav", start_s=2.0)
    assert (audio.duration_s, audio.end_s) == (0.5, 2.5)


@pytest.mark.parametrize("shape", [(0,), (2, 8)])
def test_audio_refuses_what_is_not_one_channel(shape: tuple[int, ...]) -> None:
    with pytest.raises(AudioError, match=r"x\.wav: got a signal of shape"):
        Audio(np.zeros(shape, np.float32), 16000, "x.wav")


def test_audio_refuses_a_rate_of_zero() -> None:
    with pytest.raises(AudioError, match="sample rate 0"):
        Audio(np.zeros(8, np.float32), 0)


def test_values_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        utterance("a", "s1").label = "sad"  # type: ignore[misc]


def test_a_split_refuses_a_shared_speaker() -> None:
    with pytest.raises(LeakError, match=r"1 speaker.s. in train and test, for example 's1'"):
        Split("x", (utterance("a", "s1"),), (), (utterance("b", "s1"),))


def test_a_split_refuses_a_shared_clip() -> None:
    first, second = utterance("a", "s1"), utterance("a", "s2")
    with pytest.raises(LeakError, match=r"1 id.s. in train and dev"):
        Split("x", (first,), (second,), ())


def test_a_split_refuses_one_file_under_two_names() -> None:
    first = utterance("a", "s1")
    second = dataclasses.replace(first, id="c/other", speaker="s2")
    with pytest.raises(LeakError, match="more than once"):
        Split("x", (first,), (second,), ())


def test_a_split_may_hold_two_parts_of_one_recording() -> None:
    first = utterance("a", "s1")
    second = dataclasses.replace(first, id="c/a#2", start_s=3.0, speaker="s2")
    assert Split("x", (first,), (), (second,)).protocol == "honest"


def test_a_claimed_split_says_so() -> None:
    row = utterance("a", "s1")
    split = ClaimedSplit("x", (row,), (), (row,))
    assert split.protocol == "claimed"


def test_the_hash_tells_sides_apart_but_not_order() -> None:
    a, b = utterance("a", "s1"), utterance("b", "s1")
    c = utterance("c", "s2")
    split = Split("x", (a, b), (), (c,))
    assert split.hash == Split("y", (b, a), (), (c,)).hash
    assert split.hash != Split("x", (c,), (), (a, b)).hash


def test_an_unknown_part_is_named() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'test'"):
        Split("x", (), (), ()).part("tets")


def test_speakers_are_distinct_and_sorted() -> None:
    rows = [utterance("a", "s2"), utterance("b", "s1"), utterance("c", "s2")]
    assert speakers(rows) == ["s1", "s2"]


def test_json_of_a_prediction_has_no_nan() -> None:
    prediction = Prediction("x.wav", 0.0, 1.0, {"sad": 0.9, "happy": 0.1}, "sad", 0.9)
    assert math.isnan(prediction.intensity)
    values = json.loads(json.dumps(prediction.to_dict(), allow_nan=False))
    assert values["intensity"] is None
    assert values["probabilities"] == {"sad": 0.9, "happy": 0.1}


def test_a_failure_has_the_keys_of_a_prediction() -> None:
    prediction = Prediction("x.wav", 0.0, 1.0, {"sad": 1.0}, "sad", 1.0)
    failure = Failure("x.wav", "x.wav: empty").to_dict()
    assert failure.keys() == prediction.to_dict().keys()
    assert failure["error"] == "x.wav: empty"
    assert failure["label"] is None
