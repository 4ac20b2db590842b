"""A model that was taught on prepared clips hears prepared clips, wherever they come from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from serotone.audio.preprocess import PrepareConfig, prepare
from serotone.audio.segment import windows
from serotone.audio.speaker_normalisation import voice_of
from serotone.errors import ConfigError
from serotone.inference.recognizer import HOP_S, WINDOW_S, Recognizer
from serotone.store.layout import DESCRIPTION
from serotone.store.load import ModelInfo
from serotone.training.save_model import describe_run
from serotone.training.train import Trained, build
from serotone.types import Audio, Split
from tests.tiny import RECIPE

STEPS: dict[str, Any] = {
    "trim_db": 30.0,
    "compress_ratio": 3.0,
    "normalise": "loudness",
    "segment": {"length_s": 1.0, "offset_s": 0.1},
}


def told(model: ModelInfo, folder: Path, steps: dict[str, Any]) -> Recognizer:
    """The model, saying that it was taught on clips that went through ``steps``."""
    shutil.copytree(model.path, folder)
    values = json.loads((folder / DESCRIPTION).read_text())
    values["prepare"] = steps
    (folder / DESCRIPTION).write_text(json.dumps(values))
    return Recognizer.open(folder)


def sound(seconds: float) -> Audio:
    time_s = np.arange(round(seconds * 16_000)) / 16_000
    signal = 0.2 * np.sin(2 * np.pi * 200 * time_s) * np.sin(2 * np.pi * time_s / 5) ** 2
    noise = np.random.default_rng(0).normal(0, 0.01, len(time_s))
    return Audio((signal + noise).astype(np.float32), 16_000, "sound")


def test_every_way_in_prepares_alike(tiny_model: ModelInfo, tmp_path: Path) -> None:
    recognizer = told(tiny_model, tmp_path / "told", STEPS)
    plain = Recognizer.open(tiny_model.path)
    clip = sound(2.5)
    soundfile.write(tmp_path / "clip.wav", clip.signal, 16_000, subtype="FLOAT")
    expected = plain.predict_audio(prepare(clip, PrepareConfig.parse(STEPS)))
    from_file = next(recognizer.predict_files([tmp_path / "clip.wav"]))
    for prediction in (recognizer.predict_audio(clip), from_file):
        assert prediction.probabilities == pytest.approx(expected.probabilities, abs=1e-6)
        assert (prediction.start_s, prediction.end_s) == (0.0, 2.5)  # of the sound as it came
    assert recognizer.predict_audio(clip).probabilities != plain.predict_audio(clip).probabilities
    np.testing.assert_allclose(
        recognizer.embed([clip]), plain.embed([prepare(clip, PrepareConfig.parse(STEPS))])
    )


def test_a_long_recording_is_prepared_window_by_window(
    tiny_model: ModelInfo, tmp_path: Path
) -> None:
    recognizer = told(tiny_model, tmp_path / "told", STEPS)
    plain = Recognizer.open(tiny_model.path)
    long = sound(13.0)
    pieces = windows(long, length_s=WINDOW_S, hop_s=HOP_S)
    heard = plain.predict_batch([prepare(p, PrepareConfig.parse(STEPS)) for p in pieces])
    mean = {label: np.mean([p.probabilities[label] for p in heard]) for label in plain.labels}
    assert recognizer.predict_audio(long).probabilities == pytest.approx(mean, abs=1e-6)


def test_a_model_without_the_key_hears_sounds_as_they_are(
    tiny_model: ModelInfo, tmp_path: Path
) -> None:
    shutil.copytree(tiny_model.path, tmp_path / "old")
    values = json.loads((tmp_path / "old" / DESCRIPTION).read_text())
    values.pop("prepare", None)  # as releases before the option wrote it
    (tmp_path / "old" / DESCRIPTION).write_text(json.dumps(values))
    clip = sound(1.0)
    old = Recognizer.open(tmp_path / "old").predict_audio(clip)
    assert old.probabilities == Recognizer.open(tiny_model.path).predict_audio(clip).probabilities


def test_a_step_that_this_release_does_not_know_is_refused(
    tiny_model: ModelInfo, tmp_path: Path
) -> None:
    recognizer = told(tiny_model, tmp_path / "newer", {"polish": 2})
    with pytest.raises(ConfigError, match="unknown key 'polish'"):
        recognizer.predict_audio(sound(1.0))


def test_a_trained_model_says_how_its_clips_were_prepared() -> None:
    recipe = RECIPE.model_copy(update={"prepare": PrepareConfig.parse(STEPS)})
    trained = Trained(build(recipe).eval(), temperature=1.0, dev={}, epoch=0, train_s=0.0)
    said = describe_run(trained, recipe, Split("x", (), (), ()))["prepare"]
    assert said == STEPS
    assert PrepareConfig.parse(said) == recipe.prepare
    assert describe_run(trained, RECIPE, Split("x", (), (), ()))["prepare"] == {}


def test_a_recogniser_may_be_told_whom_it_listens_to(tiny_model: ModelInfo, tmp_path: Path) -> None:
    steps = {"equalise_speaker": True}
    recognizer = told(tiny_model, tmp_path / "told", steps)
    plain = Recognizer.open(tiny_model.path)
    clip, other = sound(1.5), sound(3.0)
    config = PrepareConfig.parse(steps)
    alone = plain.predict_audio(prepare(clip, config))
    assert recognizer.predict_audio(clip).probabilities == alone.probabilities
    voice = voice_of([clip, other])
    known = plain.predict_audio(prepare(clip, config, voice=voice))
    enrolled = recognizer.for_speaker([clip, other]).predict_audio(clip)
    assert enrolled.probabilities == known.probabilities
    assert enrolled.probabilities != alone.probabilities
