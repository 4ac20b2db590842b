"""What is no speech never comes out as a confident emotion; sets hold what they are asked for."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from serotone.audio.sound_check import check_sound
from serotone.errors import ConfigError
from serotone.inference.fusion import fuse
from serotone.inference.recognizer import Recognizer
from serotone.store.load import ModelInfo, describe
from serotone.store.save import record_calibration
from serotone.types import Audio

THRESHOLDS = {"0.5": 0.4, "0.9": 0.33, "0.95": 0.0}


@pytest.fixture(scope="module")
def recognizer(tiny_model: ModelInfo) -> Recognizer:
    return Recognizer.open(tiny_model.path)


def white(seconds: float) -> Audio:
    signal = 0.1 * np.random.default_rng(0).standard_normal(round(seconds * 16_000))
    return Audio(signal.astype(np.float32), 16_000, "white")


def calibrated(recognizer: Recognizer) -> Recognizer:
    model = dataclasses.replace(
        recognizer.model, calibration={"conformal": {"thresholds": THRESHOLDS}}
    )
    return dataclasses.replace(recognizer, model=model, sound_check=False)


def test_noise_is_uncertain_and_says_why(recognizer: Recognizer) -> None:
    heard = recognizer.predict_audio(white(2))
    assert (heard.label, heard.warnings) == ("uncertain", ("no-speech",))
    assert heard.to_dict()["warnings"] == ["no-speech"]
    assert sum(heard.probabilities.values()) == pytest.approx(1)
    plain = recognizer.without_sound_check().predict_audio(white(2))
    assert plain.label in recognizer.labels and plain.warnings == ()
    assert "warnings" not in plain.to_dict() and "set" not in plain.to_dict()


def test_a_sure_model_is_not_believed_about_silence(recognizer: Recognizer) -> None:
    silent = Audio(np.zeros(16_000, np.float32), 16_000, "silent")
    sure = np.array([0.02, 0.96, 0.02], np.float32)
    heard = recognizer._to_prediction(silent, sure, float("nan"), check_sound(silent))
    assert heard.label == "uncertain" and heard.confidence < 0.5
    ranked = sorted(heard.probabilities, key=heard.probabilities.__getitem__)
    assert ranked[-1] == "sad"  # which label is likeliest stays


def test_short_noise_has_both_warnings(recognizer: Recognizer) -> None:
    assert recognizer.predict_audio(white(0.5)).warnings == ("short", "no-speech")


def test_a_sense_without_words_stays_uncertain_of_noise(recognizer: Recognizer) -> None:
    assert fuse(recognizer.predict_audio(white(2)), None).label == "uncertain"


def test_sets_hold_what_passes_the_threshold_likeliest_first(recognizer: Recognizer) -> None:
    shares = np.array([0.34, 0.56, 0.10], np.float32)
    one, two, all_ = (
        calibrated(recognizer).with_sets(c)._to_prediction(white(2), shares, 0.0, ()).label_set
        for c in (0.5, 0.9, 0.95)
    )
    assert (one, two, all_) == (("sad",), ("sad", "happy"), ("sad", "happy", "angry"))
    even = np.array([0.34, 0.33, 0.33], np.float32)  # the likeliest is there in any case
    heard = calibrated(recognizer).with_sets(0.5)._to_prediction(white(2), even, 0.0, ())
    assert heard.label_set == ("happy",) and heard.to_dict()["set"] == ["happy"]


def test_without_speech_every_label_is_in_the_set(recognizer: Recognizer) -> None:
    listening = dataclasses.replace(calibrated(recognizer).with_sets(0.5), sound_check=True)
    assert set(listening.predict_audio(white(2)).label_set) == set(recognizer.labels)


def test_sets_that_were_not_fitted_are_refused_in_one_line(recognizer: Recognizer) -> None:
    with pytest.raises(ConfigError, match=r"no thresholds.*serotone calibrate"):
        recognizer.with_sets(0.9)
    with pytest.raises(ConfigError, match=r"got coverage 0\.85, expected one of 0\.5, 0\.9, 0\.95"):
        calibrated(recognizer).with_sets(0.85)


def test_calibration_is_kept_in_the_model_folder(tiny_model: ModelInfo, tmp_path) -> None:
    from tests.tiny import publish_tiny

    folder = publish_tiny(tmp_path / "tiny").path
    fitted = {"thresholds": THRESHOLDS, "n": 300, "speakers": ["a", "b"]}
    record_calibration(folder, {"conformal": fitted})
    assert "300 clips of a, b" in (folder / "card.md").read_text()
    assert describe(folder).thresholds == {0.5: 0.4, 0.9: 0.33, 0.95: 0.0}
    values = json.loads((folder / "model.json").read_text())
    assert values["calibration"]["temperature"] == values["temperature"]
    assert Recognizer.open(folder).with_sets(0.9).coverage == 0.9
