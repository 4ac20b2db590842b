"""The same model in other forms: what stays, what changes, and by how much."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from serotone.audio.io import read
from serotone.cli import main
from serotone.errors import ConfigError
from serotone.export.calibration_clips import choose, signals_of
from serotone.export.convert import Exported, Form, export
from serotone.export.graph_passes import fold_orders
from serotone.export.int8 import body
from serotone.inference.recognizer import Recognizer
from serotone.store.layout import ONNX, verify
from serotone.store.load import describe, resolve
from serotone.types import Utterance

SAMPLES = sorted((Path(__file__).parents[2] / "samples").glob("*.wav"))
SIGNALS = [read(path, sample_rate=16_000).signal for path in SAMPLES]
LIMITS = {Form.float32: 1e-5, Form.float16: 5e-3, Form.int8: 0.15}


@pytest.fixture(scope="module", params=list(Form))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    folder = tmp_path_factory.mktemp("models") / request.param.value
    return export(resolve("default"), folder, request.param, signals=SIGNALS)


def form_of(made: Exported) -> Form:
    return Form(made.info.path.name)


def test_it_is_a_model_like_any_other(made: Exported) -> None:
    verify(made.info.path)
    ours, theirs = Recognizer.open(), Recognizer.open(made.info.path)
    assert theirs.labels == ours.labels
    for path in SAMPLES[:3]:
        expected, got = ours.predict(path), theirs.predict(path)
        gaps = [abs(expected.probabilities[k] - got.probabilities[k]) for k in ours.labels]
        assert max(gaps) < LIMITS[form_of(made)]


def test_the_difference_is_told(made: Exported) -> None:
    assert made.n_clips == len(SIGNALS)
    assert made.probabilities < LIMITS[form_of(made)]
    assert 0.5 <= made.agreement <= 1
    if form_of(made) is Form.int8:
        assert made.probabilities > 0


def test_smaller_forms_are_smaller(made: Exported) -> None:
    whole = describe(resolve("default")).size_bytes
    share = {Form.float32: 1.1, Form.float16: 0.6, Form.int8: 0.4}[form_of(made)]
    assert made.info.size_bytes < share * whole


def test_it_says_what_it_was_made_from_and_claims_no_figures(made: Exported) -> None:
    values = json.loads((made.info.path / "model.json").read_text())
    assert values["form"] == form_of(made).value
    assert values["figures"] == {}
    assert len(values["made_from"]["sha256"]) == 64
    inside = onnx.load(made.info.path / ONNX).metadata_props
    assert json.loads(inside[0].value)["form"] == form_of(made).value


def test_the_front_end_keeps_floats(made: Exported) -> None:
    graph = onnx.load(made.info.path / ONNX).graph
    turned = {"QuantizeLinear", "DequantizeLinear"}
    for node in graph.node:
        if node.name.startswith(("/model/log_mel", "/model/scale")):
            assert node.op_type not in turned
    kinds = {node.op_type for node in graph.node}
    assert (turned <= kinds) == (form_of(made) is Form.int8)


def test_only_large_layers_and_what_is_between_are_turned() -> None:
    graph = onnx.load(resolve("default") / ONNX).graph
    names = body(graph)
    assert {node.op_type for node in graph.node if node.name in names} >= {"Conv", "Gemm"}
    assert not any("log_mel" in name or "/model/emotion" in name for name in names)


def test_eight_bits_want_clips(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no clips to calibrate"):
        export(resolve("default"), tmp_path / "eight", Form.int8)
    assert not (tmp_path / "eight").exists()


def test_a_model_does_not_replace_itself(tmp_path: Path) -> None:
    made = export(resolve("default"), tmp_path / "one", Form.float32)
    with pytest.raises(ConfigError, match="another folder"):
        export(made.info.path, tmp_path / "one", Form.float16)


def order_graph() -> onnx.ModelProto:
    """Waveforms (B, N) to (B, 1, N), its last axis reordered, times a matrix."""
    helper = onnx.helper
    order = np.array([3, 0, 2, 0, 1])
    matrix = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)
    constants = [
        onnx.numpy_helper.from_array(order, "order"),
        onnx.numpy_helper.from_array(matrix, "matrix"),
        onnx.numpy_helper.from_array(np.array([1]), "axis"),
    ]
    nodes = [
        helper.make_node("Unsqueeze", ["waveforms", "axis"], ["frames"], "u"),
        helper.make_node("Gather", ["frames", "order"], ["ordered"], "g", axis=2),
        helper.make_node("MatMul", ["ordered", "matrix"], ["out"], "m"),
    ]
    inputs = [
        helper.make_tensor_value_info("waveforms", onnx.TensorProto.FLOAT, ["b", "n"]),
        helper.make_tensor_value_info("lengths", onnx.TensorProto.INT64, ["b"]),
    ]
    outputs = [helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, ["b", 1, 2])]
    graph = helper.make_graph(nodes, "g", inputs, outputs, initializer=constants)
    opset = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8)


def test_an_order_folds_into_the_matrix_with_repeats_and_gaps() -> None:
    import onnxruntime as ort

    model = order_graph()
    rows = np.random.default_rng(1).normal(size=(2, 7)).astype(np.float32)
    feed = {"waveforms": rows, "lengths": np.array([7, 7])}

    def run() -> np.ndarray:
        return ort.InferenceSession(model.SerializeToString()).run(["out"], feed)[0]

    expected = run()
    assert fold_orders(model, n_samples=7) == 1
    assert [node.op_type for node in model.graph.node] == ["Unsqueeze", "MatMul"]
    np.testing.assert_allclose(run(), expected, rtol=1e-5)
    assert fold_orders(model, n_samples=7) == 0


def utterances() -> list[Utterance]:
    return [
        Utterance(id=f"{who}-{i}", path=SAMPLES[i], corpus="c", speaker=who, label="happy")
        for who in ("a", "b", "c")
        for i in range(4)
    ]


def test_clips_come_from_the_named_speakers_in_turn() -> None:
    chosen = choose(utterances(), ["a", "c"], n=4)
    assert [u.speaker for u in chosen] == ["a", "c", "a", "c"]
    assert choose(utterances(), ["a", "c"], n=4) == chosen
    with pytest.raises(ConfigError, match="without any of the speakers"):
        choose(utterances(), ["z"], n=4)


def test_a_clip_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    rows = utterances()[:1]
    broken = Utterance(id="x", path=tmp_path / "no.wav", corpus="c", speaker="a", label="happy")
    signals = signals_of([broken, *rows], describe(resolve("default")))
    assert len(signals) == 1
    np.testing.assert_array_equal(signals[0], SIGNALS[0])


def test_the_command_writes_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "half"
    assert main(["export", "--format", "onnx-fp16", "--out", str(out)]) == 0
    assert describe(out).name == "half"
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "label agrees" in printed.err


def test_the_command_asks_for_a_corpus(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "--format", "onnx-int8"]) == 2
    assert "--corpus" in capsys.readouterr().err
