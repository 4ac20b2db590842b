"""The Recognizer on a tiny model: what it takes, what it refuses, what must agree."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import soundfile

from serotone.errors import AudioError, ConfigError, LabelError, ModelError
from serotone.inference.backend import OnnxBackend
from serotone.inference.recognizer import LONGEST_S, Recognizer
from serotone.labels import UNCERTAIN
from serotone.store.load import ModelInfo
from serotone.types import Audio, Failure, Prediction


@pytest.fixture(scope="module")
def recognizer(tiny_model: ModelInfo) -> Recognizer:
    return Recognizer.open(tiny_model.path, sound_check=False)


def noise(seconds: float, rate: int = 16000, seed: int = 0) -> Audio:
    signal = 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * rate))
    return Audio(signal.astype(np.float32), rate, f"noise-{seconds}")


def test_a_prediction_is_a_distribution(recognizer: Recognizer) -> None:
    prediction = recognizer.predict_audio(noise(1.5))
    assert tuple(prediction.probabilities) == ("happy", "sad", "angry")
    assert sum(prediction.probabilities.values()) == pytest.approx(1, abs=1e-9)
    assert prediction.confidence == max(prediction.probabilities.values())
    assert prediction.probabilities[prediction.label] == prediction.confidence
    assert (prediction.start_s, prediction.end_s) == (0.0, 1.5)
    assert math.isnan(prediction.intensity)  # it was not taught


def test_alone_and_in_a_batch_say_the_same(recognizer: Recognizer) -> None:
    audios = [noise(0.02, seed=1), noise(3.3, seed=2), noise(1.0, seed=3), noise(7.7, seed=4)]
    together = recognizer.predict_batch(audios)
    for audio, prediction in zip(audios, together, strict=True):
        alone = recognizer.predict_audio(audio)
        assert alone.source == prediction.source
        for label, value in alone.probabilities.items():
            assert prediction.probabilities[label] == pytest.approx(value, abs=1e-5)


def test_other_rates_are_resampled(recognizer: Recognizer) -> None:
    time_s = np.arange(2 * 48000) / 48000
    signal = (0.3 * np.sin(2 * np.pi * 300 * time_s)).astype(np.float32)
    high = recognizer.predict_audio(Audio(signal, 48000))
    same = recognizer.predict_audio(Audio(signal[::3].copy(), 16000))
    for label, value in high.probabilities.items():
        assert same.probabilities[label] == pytest.approx(value, abs=0.02)
    assert high.end_s == pytest.approx(2.0)


def test_long_sound_is_the_mean_of_its_windows(recognizer: Recognizer) -> None:
    long = noise(LONGEST_S + 2)
    windows = [
        Audio(long.signal[start * 16000 : (start + 4) * 16000], 16000) for start in range(0, 11, 2)
    ]
    expected = np.mean([list(p.probabilities.values())
                        for p in recognizer.predict_batch(windows)], axis=0)  # fmt: skip
    got = list(recognizer.predict_audio(long).probabilities.values())
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_embeddings_have_a_row_each(recognizer: Recognizer) -> None:
    rows = recognizer.embed([noise(1), noise(LONGEST_S + 1), noise(2)])
    assert rows.shape == (3, 4)
    np.testing.assert_allclose(rows[2], recognizer.embed([noise(2)])[0], atol=1e-5)


def test_narrowing_renormalises(recognizer: Recognizer) -> None:
    narrow = recognizer.narrow(["ANG", "joy"])
    assert narrow.labels == ("happy", "angry")
    wide, few = recognizer.predict_audio(noise(1)), narrow.predict_audio(noise(1))
    ratio = wide.probabilities["happy"] / wide.probabilities["angry"]
    assert few.probabilities["happy"] / few.probabilities["angry"] == pytest.approx(ratio)
    assert sum(few.probabilities.values()) == pytest.approx(1)
    with pytest.raises(LabelError, match="calm"):
        recognizer.narrow(["calm"])
    with pytest.raises(ConfigError, match="no labels"):
        recognizer.narrow([])


def test_low_confidence_is_uncertain(recognizer: Recognizer) -> None:
    prediction = recognizer.with_min_confidence(0.999).predict_audio(noise(1))
    assert prediction.label == UNCERTAIN
    assert prediction.confidence < 0.999


def test_a_bad_file_is_a_failure_and_the_others_go_on(
    recognizer: Recognizer, tmp_path: Path
) -> None:
    for name in ("a.wav", "c.wav"):
        soundfile.write(tmp_path / name, noise(0.5).signal, 16000)
    (tmp_path / "b.wav").write_text("not sound")
    (tmp_path / "notes.txt").write_text("left alone")
    results = list(recognizer.predict_folder(tmp_path))
    assert [type(r) for r in results] == [Prediction, Failure, Prediction]
    assert isinstance(results[1], Failure)
    assert "b.wav" in results[1].error
    with pytest.raises(AudioError, match=r"b\.wav"):
        recognizer.predict(tmp_path / "b.wav")


def test_files_are_read_a_batch_at_a_time(recognizer: Recognizer, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", noise(0.3).signal, 16000)
    asked = []

    def paths() -> object:
        for i in range(100):
            asked.append(i)
            yield tmp_path / "a.wav"

    results = recognizer.predict_files(paths(), batch_size=4)  # type: ignore[arg-type]
    next(results)
    assert len(asked) == 4


@pytest.mark.parametrize("batch_size", [1, 3, 16])
def test_threads_and_batches_say_what_one_thread_says_alone(
    tiny_model: ModelInfo, tmp_path: Path, batch_size: int
) -> None:
    paths = []
    for i, seconds in enumerate((0.4, 2.0, 1.1, 13.5, 0.9, 3.0, 2.2)):
        paths.append(tmp_path / f"{i}.wav")
        soundfile.write(paths[-1], noise(seconds).signal, 16000)
    (tmp_path / "4.wav").write_text("not sound")
    alone, together = (Recognizer.open(tiny_model.path, n_threads=n) for n in (1, 3))
    expected = [next(alone.predict_files([path])) for path in paths]
    heard = list(together.predict_files(paths, batch_size=batch_size))
    assert [type(answer) for answer in heard] == [type(answer) for answer in expected]
    for got, wanted in zip(heard, expected, strict=True):
        if isinstance(wanted, Failure):
            assert got == wanted
            continue
        assert isinstance(got, Prediction)
        assert (got.source, got.label, got.warnings) == (
            wanted.source,
            wanted.label,
            wanted.warnings,
        )
        assert got.probabilities == pytest.approx(wanted.probabilities, abs=1e-5)


def test_an_altered_model_is_not_opened(tiny_model: ModelInfo, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_model.path, tmp_path / "altered"))
    with (folder / "model.onnx").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ModelError, match="altered"):
        Recognizer.open(folder)


def test_a_file_that_is_no_model_of_ours_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    with pytest.raises(ModelError, match="no file at"):
        OnnxBackend(path)
    path.write_bytes(b"nonsense")
    with pytest.raises(ModelError, match="onnxruntime cannot load it"):
        OnnxBackend(path)
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    copy = onnx.helper.make_node("Identity", ["x"], ["y"])
    output = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph([copy], "g", [value], [output])
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)],
                                     ir_version=9), path)  # fmt: skip
    with pytest.raises(ModelError, match="without serotone's metadata"):
        OnnxBackend(path)


def test_the_graph_describes_itself(tiny_model: ModelInfo) -> None:
    description = OnnxBackend(tiny_model.path / "model.onnx").description
    assert description["labels"] == ["happy", "sad", "angry"]
    assert description["temperature"] == 1.5
    assert description["provenance"]["split"] == "luna5:1"
