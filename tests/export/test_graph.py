"""One ONNX file that says what torch says, at shapes it was not traced at."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
import torch
from torch import Tensor

from serotone.errors import ModelError
from serotone.export import onnx_graph as export
from serotone.export.onnx_graph import Pipeline, export_checked, parity, to_onnx
from serotone.inference.backend import OnnxBackend
from serotone.models.base import EmotionModel, ModelOutput
from serotone.models.resnet_logmel import ResNetLogMel, ResNetLogMelConfig


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    torch.manual_seed(0)
    model = ResNetLogMel(ResNetLogMelConfig(), 8).eval()
    with torch.no_grad():  # statistics that are not 0 and 1, as after training
        model.train()
        model(0.1 * torch.randn(4, 20_000), torch.tensor([20_000, 9_000, 4_000, 20_000]))
    return Pipeline(model, temperature=1.3, intensity=True)


@pytest.fixture(scope="module")
def exported(pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    export_checked(pipeline, path, {"labels": ["a"]})
    return path


@pytest.mark.parametrize("n_clips", [1, 2, 5])
@pytest.mark.parametrize("first", [1, 255, 256, 4_001, 16_000, 51_234, 160_001])
def test_onnx_equals_torch(pipeline: Pipeline, exported: Path, first: int, n_clips: int) -> None:
    lengths = tuple(first + 317 * i for i in range(n_clips))
    found = parity(pipeline, exported, [lengths])
    assert found.probabilities < 1e-5
    assert found.embedding < 1e-3


def test_the_default_shapes_are_compared(pipeline: Pipeline, exported: Path) -> None:
    found = parity(pipeline, exported)
    assert found.n_shapes >= 6
    assert found.probabilities < 1e-5


def test_inputs_and_outputs_are_named(exported: Path) -> None:
    graph = onnx.load(exported).graph
    assert [i.name for i in graph.input] == ["waveforms", "lengths"]
    assert [o.name for o in graph.output] == ["probabilities", "intensity", "embedding"]
    assert OnnxBackend(exported).description == {"labels": ["a"]}


def test_temperature_and_untaught_intensity_are_in_the_graph(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    cold = Pipeline(pipeline.model, temperature=2.6, intensity=False)
    to_onnx(cold, tmp_path / "model.onnx", {"labels": []})
    signal = 0.1 * torch.randn(16_000, generator=torch.Generator().manual_seed(3))
    output = OnnxBackend(tmp_path / "model.onnx").run([signal.numpy()])
    logits = pipeline.model(signal[None], torch.tensor([16_000])).logits
    expected = (logits / 2.6).softmax(1).detach().numpy()
    assert output.probabilities == pytest.approx(expected, abs=1e-5)
    assert output.intensity != output.intensity  # NaN


def test_what_is_left_after_a_clips_end_is_not_heard(pipeline: Pipeline) -> None:
    waveforms = 0.1 * torch.randn(2, 9_000, generator=torch.Generator().manual_seed(4))
    lengths = torch.tensor([9_000, 5_000])
    clean = waveforms.clone()
    clean[1, 5_000:] = 0
    pipeline.eval()
    with torch.no_grad():
        torch.testing.assert_close(pipeline(waveforms, lengths), pipeline(clean, lengths))


class Forgetful(EmotionModel):
    """Says something else in the graph than in torch, as a wrong export would."""

    def __init__(self) -> None:
        super().__init__()
        self.sample_rate = 16_000
        self.weight = torch.nn.Parameter(torch.tensor([[1.0, -1.0]]))

    def features(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        return waveforms[..., None], lengths

    def classify(self, features: Tensor, counts: Tensor) -> ModelOutput:
        sign = 1.0 if torch.onnx.is_in_onnx_export() else -1.0
        mean = features.mean(dim=1) + 1.0
        logits = sign * mean * self.weight
        return ModelOutput(logits, logits[:, 0], logits)


def test_a_graph_that_says_something_else_is_refused(tmp_path: Path) -> None:
    pipeline = Pipeline(Forgetful().eval(), temperature=1.0, intensity=True)
    with pytest.raises(ModelError, match="ONNX and torch differ"):
        export_checked(pipeline, tmp_path / "model.onnx", {})
    assert not (tmp_path / "model.onnx").exists()
    assert export.TOLERANCE <= 1e-4
