"""What every architecture promises, checked for each name in the registry."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from serotone.errors import ConfigError
from serotone.export.onnx_graph import Pipeline, parity, to_onnx
from serotone.models import MODELS
from serotone.models.base import EmotionModel
from tests.features.signals import speech_like

N_CLASSES = 8

# Narrow enough to learn in seconds on one core; the same layers as in full width.
NARROW = {
    "cnn1d_stack2376": {"widths": (12, 12, 12, 12, 12), "n_dense": 32},
    "cnn2d_logmel128": {"widths": (8, 8, 16, 16), "n_dense": 16},
    "cnn_bilstm_mfcc39": {"widths": (16, 16), "n_hidden": 16, "n_dense": 16},
    "cnn_gru_mel64": {"widths": (8, 8), "n_hidden": 16, "n_dense": 16},
    "cnn_lstm_mel64": {"widths": (8, 8), "n_hidden": 16, "n_dense": 16},
    "cnn_lstm_mel64_l2": {"widths": (8, 8), "n_hidden": 16, "n_dense": 16, "lstm_dropout": 0.0},
    "cnn_lstm_mel64_small": {"widths": (8, 16), "n_hidden": 16, "n_dense": 16},
    "conformer_logmel": {
        "subsampling_width": 8,
        "width": 16,
        "n_blocks": 2,
        "n_heads": 2,
        "expansion": 2,
        "kernel": 7,
        "embedding_size": 16,
    },
    "dscnn_logmel": {
        "stem_width": 8,
        "widths": (8, 16),
        "time_strides": (2, 2),
        "embedding_size": 16,
    },
    "ecapa_logmel": {
        "width": 32,
        "n_scales": 4,
        "squeeze": 8,
        "n_pooled": 32,
        "embedding_size": 16,
    },
    "functionals_mlp": {"n_hidden": 16, "input_dropout": 0.0, "dropout": 0.0},
    "light_sernet": {"path_width": 8, "widths": (8, 8, 16, 16, 32)},
    "lstm_attention": {"n_hidden": 16},
    "lstm_mfcc": {"n_hidden": 24, "n_dense": 16},
    "resnet_logmel": {"stem_width": 8, "widths": (8, 8, 16), "embedding_size": 16},
}
MOST_STEPS = 150
LEARNED = 0.1
"""Cross-entropy below which every clip is told with confidence."""


class Learned(NamedTuple):
    """A narrow model after it learned eight clips, and how it went."""

    name: str
    model: EmotionModel
    clips: list[Tensor]
    losses: list[float]


def build(name: str, seed: int = 0) -> EmotionModel:
    torch.manual_seed(seed)
    model_class = MODELS.get(name)
    return model_class(model_class.config_class.parse(NARROW.get(name, {})), N_CLASSES)


def together(clips: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Clips padded to a batch, and their lengths."""
    return pad_sequence(clips, batch_first=True), torch.tensor([len(clip) for clip in clips])


@pytest.fixture(scope="module", params=MODELS.names())
def learned(request: pytest.FixtureRequest) -> Learned:
    model = build(request.param)
    for layer in model.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    clips = [
        torch.from_numpy(speech_like(model.sample_rate, 2.4 + 0.1 * i, seed=i))
        for i in range(N_CLASSES)
    ]
    with torch.no_grad():
        features, counts = model.features(*together(clips))
    own = zip(features, counts.tolist(), strict=True)
    model.fit_scaler([clip[:count] for clip, count in own])
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    truth, losses = torch.arange(N_CLASSES), [float("inf")]
    while losses[-1] > LEARNED and len(losses) <= MOST_STEPS:
        loss = nn.functional.cross_entropy(model.classify(features, counts).logits, truth)
        optimiser.zero_grad()
        (loss + model.penalty()).backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    return Learned(request.param, model.eval(), clips, losses)


def test_it_learns_eight_clips_by_heart(learned: Learned) -> None:
    assert learned.losses[-1] <= LEARNED, learned.losses[::10]


def test_outputs_have_their_shapes_and_ranges(learned: Learned) -> None:
    waveforms, lengths = together(learned.clips[:3])
    with torch.no_grad():
        features, counts = learned.model.features(waveforms, lengths)
        output = learned.model(waveforms, lengths)
    assert features.ndim == 3 and len(features) == 3
    assert counts.shape == (3,) and 1 <= int(counts.min()) <= int(counts.max()) <= features.shape[1]
    assert output.logits.shape == (3, N_CLASSES) and output.logits.isfinite().all()
    assert output.embedding.ndim == 2 and output.embedding.isfinite().all()
    known = output.intensity[~output.intensity.isnan()]
    assert output.intensity.shape == (3,) and len(known) in (0, 3)
    assert ((known >= 0) & (known <= 1)).all()
    assert learned.model.penalty().shape == () and float(learned.model.penalty().detach()) >= 0


def test_features_have_no_learned_state(learned: Learned) -> None:
    other = build(learned.name, seed=1).eval()
    waveforms, lengths = together(learned.clips[:2])
    ours, theirs = (m.features(waveforms, lengths)[0] for m in (learned.model, other))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_a_clip_scores_the_same_alone_and_in_a_padded_batch(learned: Learned) -> None:
    short = torch.from_numpy(speech_like(learned.model.sample_rate, 0.06, seed=3))
    long = torch.from_numpy(speech_like(learned.model.sample_rate, 4.1, seed=4))
    clips = [short, *learned.clips[:2], long]
    with torch.no_grad():
        batch = learned.model(*together(clips))
        for i, clip in enumerate(clips):
            alone = learned.model(*together([clip]))
            torch.testing.assert_close(batch.logits[i], alone.logits[0], rtol=1e-3, atol=1e-3)
            torch.testing.assert_close(batch.embedding[i], alone.embedding[0], rtol=1e-3, atol=1e-3)


def test_every_parameter_gets_a_gradient(learned: Learned) -> None:
    # As first built: one that learned by heart may have rectifiers which no clip opens any more.
    # Not in training: batch norm then takes the mean out, and with it all use of a bias before it.
    model = build(learned.name).eval()
    output = model(*together(learned.clips))
    weights = torch.randn(output.logits.shape, generator=torch.Generator().manual_seed(0))
    ((output.logits * weights).sum() + output.intensity.nan_to_num().sum()).backward()
    without = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert not without


def test_weights_survive_a_file(learned: Learned, tmp_path: Path) -> None:
    save_file(learned.model.state_dict(), tmp_path / "weights.safetensors")
    other = build(learned.name, seed=1).eval()
    batch = together(learned.clips[:3])
    with torch.no_grad():
        expected = learned.model(*batch)
        assert not torch.allclose(other(*batch).logits, expected.logits)
        other.load_state_dict(load_file(tmp_path / "weights.safetensors"))
        torch.testing.assert_close(other(*batch).logits, expected.logits, rtol=0, atol=0)


def test_onnx_equals_torch_at_lengths_it_was_not_traced_at(
    learned: Learned, tmp_path: Path
) -> None:
    pipeline = Pipeline(learned.model, temperature=1.0, intensity=False)
    to_onnx(pipeline, tmp_path / "model.onnx", {"labels": []})
    rate = learned.model.sample_rate
    shapes = [
        (rate // 50,),
        (3 * rate // 2 + 7,),
        (5 * rate + 1,),
        (rate // 3, rate, 4 * rate + 255),
        tuple(rate // 2 + 997 * i for i in range(5)),
    ]
    found = parity(pipeline, tmp_path / "model.onnx", shapes)
    assert found.probabilities < 1e-4
    assert found.embedding < 1e-2


def test_an_unknown_setting_is_told(learned: Learned) -> None:
    with pytest.raises(ConfigError, match="unknown key 'colour'"):
        type(learned.model).config_class.parse({"colour": 1})
