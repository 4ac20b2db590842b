"""What architectures over mel bands share: both front ends, the learned scale, the pooling."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import serotone
from serotone.errors import ConfigError
from serotone.export.onnx_graph import Pipeline, parity, to_onnx
from serotone.features.logmel import LogMelConfig
from serotone.features.pcen import Pcen, PcenConfig
from serotone.inference.backend import OnnxBackend
from serotone.models import MODELS
from serotone.models.base import EmotionModel, n_parameters
from serotone.models.conformer_logmel import ConformerLogMelConfig, turn
from serotone.models.ecapa_logmel import EcapaLogMelConfig
from serotone.models.mel_base import (
    VARIANCE_FLOOR,
    AttentiveStatistics,
    BandScale,
    MelModelConfig,
    SqueezeExcitation,
    strided,
)
from serotone.models.resnet_logmel import ResNetLogMel, ResNetLogMelConfig
from tests.features.signals import speech_like
from tests.models.test_base import NARROW

MEL_MODELS = tuple(
    name for name in MODELS if issubclass(MODELS.get(name).config_class, MelModelConfig)
)
SHIPPED = Path(serotone.__file__).parent / "shipped" / "default"


def build(name: str, **settings: object) -> EmotionModel:
    torch.manual_seed(0)
    model_class = MODELS.get(name)
    return model_class(model_class.config_class.parse({**NARROW[name], **settings}), 8).eval()


def batch(*durations_s: float) -> tuple[Tensor, Tensor]:
    clips = [torch.from_numpy(speech_like(16_000, d, seed=i)) for i, d in enumerate(durations_s)]
    lengths = torch.tensor([len(clip) for clip in clips])
    return nn.utils.rnn.pad_sequence(clips, batch_first=True), lengths


def test_there_are_four() -> None:
    assert {"conformer_logmel", "dscnn_logmel", "ecapa_logmel", "resnet_logmel"} == set(MEL_MODELS)


@pytest.mark.parametrize("name", MEL_MODELS)
def test_pcen_and_the_learned_scale_keep_the_contract(name: str, tmp_path: Path) -> None:
    model = build(name, front_end="pcen", learned_scale=True)
    nn.init.normal_(model.band_scale.offset)  # what it adds must not reach the padding
    keeps_the_contract(model, tmp_path)


@pytest.mark.parametrize("name", MEL_MODELS)
def test_bands_less_their_means_keep_the_contract(name: str, tmp_path: Path) -> None:
    keeps_the_contract(build(name, scale={"mode": "bands"}), tmp_path)


def test_a_picture_without_colour_beside_the_other_keeps_the_contract(tmp_path: Path) -> None:
    model = build("resnet_logmel", without_colour=True)
    assert n_parameters(model) - n_parameters(build("resnet_logmel")) == 25 * 8
    keeps_the_contract(model, tmp_path)
    x = torch.randn(2, 50, 64)
    counts = torch.tensor([50, 30])
    x[1, 30:] = 0
    coloured = x + torch.randn(64)
    coloured[1, 30:] = 0
    with torch.no_grad():
        # Of a stem that sees nothing but the second picture, colour is hidden.
        model.stem[0].weight[:, 0] = 0
        torch.testing.assert_close(
            model.classify(x, counts).logits, model.classify(coloured, counts).logits
        )


def keeps_the_contract(model: EmotionModel, folder: Path) -> None:
    """Padding changes nothing, and ONNX says what torch says."""
    waveforms, lengths = batch(0.07, 1.3, 2.2)
    with torch.no_grad():
        together = model(waveforms, lengths)
        for i, n in enumerate(lengths.tolist()):
            alone = model(waveforms[i : i + 1, :n], lengths[i : i + 1])
            torch.testing.assert_close(together.logits[i], alone.logits[0], rtol=1e-3, atol=1e-3)
    pipeline = Pipeline(model, temperature=1.0, intensity=True)
    to_onnx(pipeline, folder / "model.onnx", {"labels": []})
    found = parity(pipeline, folder / "model.onnx", [(300,), (40_001,), (5_000, 66_000, 9_999)])
    assert found.probabilities < 1e-4 and found.embedding < 1e-2


@pytest.mark.parametrize("name", MEL_MODELS)
def test_a_learned_scale_changes_nothing_before_it_learns(name: str) -> None:
    with_one = build(name, learned_scale=True)
    without = build(name)
    extra = {"band_scale.gain", "band_scale.offset"}
    assert set(with_one.state_dict()) - set(without.state_dict()) == extra
    assert n_parameters(with_one) - n_parameters(without) == 2 * 64
    without.load_state_dict({k: v for k, v in with_one.state_dict().items() if k not in extra})
    with torch.no_grad():
        torch.testing.assert_close(without(*batch(1.0)), with_one(*batch(1.0)), rtol=0, atol=0)
    output = with_one(*batch(1.0, 0.6))
    output.logits[:, 0].sum().backward()
    assert with_one.band_scale.gain.grad.any() and with_one.band_scale.offset.grad.any()


def test_features_by_pcen_are_the_layers_own() -> None:
    model = ResNetLogMel(ResNetLogMelConfig(front_end="pcen"), 8)
    waveforms, lengths = batch(1.0, 0.4)
    features, counts = model.features(waveforms, lengths)
    expected = Pcen(LogMelConfig(), PcenConfig())(waveforms, lengths)
    torch.testing.assert_close(features[0], expected[0], rtol=0, atol=0)
    assert not features[1, int(counts[1]) :].any() and float(features.min()) >= 0


def test_another_front_end_is_told() -> None:
    with pytest.raises(ConfigError, match="'front_end': got 'mfcc'"):
        ResNetLogMelConfig.parse({"front_end": "mfcc"})


def test_the_shipped_model_still_is_what_its_graph_says() -> None:
    from safetensors.torch import load_file

    description = json.loads((SHIPPED / "model.json").read_text(encoding="utf-8"))
    assert description["recipe"]["model"] == "resnet_logmel"
    config = ResNetLogMelConfig.parse(description["recipe"]["architecture"])
    model = ResNetLogMel(config, len(description["labels"])).eval()
    empty = model.state_dict()
    weights = load_file(SHIPPED / "weights.safetensors")
    model.load_state_dict(
        {k: v.to(empty[k].dtype).reshape(empty[k].shape) for k, v in weights.items()}
    )
    signal = speech_like(16_000, 2.0, seed=1)
    pipeline = Pipeline(model, temperature=description["temperature"], intensity=True)
    with torch.no_grad():
        ours = pipeline(torch.from_numpy(signal)[None], torch.tensor([len(signal)]))[0].numpy()
    graphs = OnnxBackend(SHIPPED / "model.onnx").run([signal]).probabilities
    assert np.abs(ours - graphs).max() < 1e-2  # the graph's weights are in half precision


@pytest.mark.parametrize("context", [False, True])
def test_pooling_is_the_weighted_mean_and_deviation(context: bool) -> None:
    torch.manual_seed(0)
    pool = AttentiveStatistics(6, 4, context=context)
    x, counts = torch.randn(2, 6, 9), torch.tensor([9, 5])
    nn.init.zeros_(pool.score[2].weight)  # so that every frame counts alike
    for clip, n, found in zip(x, counts.tolist(), pool(x, counts), strict=True):
        own = clip[:, :n]
        deviation = (own.var(dim=1, unbiased=False) + VARIANCE_FLOOR).sqrt()
        torch.testing.assert_close(found, torch.cat([own.mean(dim=1), deviation]))


def test_pooling_in_context_knows_the_clips_own_frames_alone() -> None:
    torch.manual_seed(0)
    pool, x = AttentiveStatistics(6, 4, context=True), torch.randn(1, 6, 9)
    padded = nn.functional.pad(x, (0, 5), value=7.0)
    counts = torch.tensor([9])
    torch.testing.assert_close(pool(padded, counts), pool(x, counts))


def test_excitation_gates_by_the_mean_of_the_clips_own_frames() -> None:
    torch.manual_seed(0)
    excite, x = SqueezeExcitation(8, 4), torch.randn(2, 8, 3, 5)
    padded = nn.functional.pad(x, (0, 4))
    found = excite(padded, torch.tensor([5, 5]))[..., :5]
    gate = excite.gate(x.mean(dim=(2, 3)))
    torch.testing.assert_close(found, x * gate[:, :, None, None])
    assert ((gate > 0) & (gate < 1)).all()


def test_a_band_is_scaled_by_its_own_numbers() -> None:
    scale = BandScale(3)
    nn.init.constant_(scale.offset, 2.0)
    with torch.no_grad():
        scale.gain.copy_(torch.tensor([1.0, 2, 3]))
    found = scale(torch.ones(2, 4, 3), torch.tensor([4, 2]))
    assert found[0, 3].tolist() == [3, 4, 5] and not found[1, 2:].any()


def test_attention_by_turned_vectors_depends_on_the_distance_alone() -> None:
    torch.manual_seed(0)
    query, key = torch.randn(8, dtype=torch.float64), torch.randn(8, dtype=torch.float64)
    angle = torch.arange(40)[:, None] * torch.rand(4, dtype=torch.float64)
    products = turn(query.expand(40, 8), angle) @ turn(key.expand(40, 8), angle).T
    for distance in (-30, -1, 0, 7):
        diagonal = products.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal))
    assert float((products[0] - products[0, 0]).abs().max()) > 0.1


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_frames_left_by_a_stride_are_those_of_a_convolution(stride: int) -> None:
    convolution = nn.Conv1d(1, 1, 5, stride=stride, padding=2)
    for n in (1, 2, 7, 8, 9):
        assert int(strided(torch.tensor(n), stride)) == convolution(torch.zeros(1, 1, n)).shape[-1]


@pytest.mark.parametrize(
    ("config_class", "settings", "message"),
    [
        (EcapaLogMelConfig, {"width": 96}, "width 96 in n_scales 8 parts"),
        (EcapaLogMelConfig, {"n_scales": 1}, "width 192 in n_scales 1 parts"),
        (EcapaLogMelConfig, {"n_pooled": 12}, "multiples of 8"),
        (ConformerLogMelConfig, {"n_heads": 5}, "width 96 for n_heads 5"),
        (ConformerLogMelConfig, {"kernel": 8}, "kernel 8: expected an odd number"),
        (ResNetLogMelConfig, {"widths": [8, 4, 16]}, "'widths': .* multiples of 8"),
    ],
)
def test_widths_that_do_not_fit_are_told(
    config_class: type[MelModelConfig], settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        config_class.parse(settings)
