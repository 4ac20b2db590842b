"""Adapting: what becomes of the norms, of the folder, of real voices, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.special import softmax

from serotone.audio.io import read as read_audio
from serotone.audio.io import write
from serotone.corpora import read
from serotone.ensembles.combine import ensemble
from serotone.errors import AudioError, ConfigError, ModelError
from serotone.inference.recognizer import Recognizer
from serotone.metrics.classes import uar
from serotone.models.base import EmotionModel
from serotone.store.layout import DESCRIPTION, WEIGHTS
from serotone.store.load import ModelInfo, describe, resolve
from serotone.training.adapt import (
    LEAST,
    adapt,
    batch_norms,
    logits_of,
    refit,
    refit_norms,
    reopen,
    sample,
)
from serotone.types import Audio, Utterance
from tests.tiny import RECIPE, publish_tiny

SAMPLES = Path(__file__).parents[2] / "samples"


def noises(n: int, *, length: int = 8_000) -> list[NDArray[np.float32]]:
    draw = np.random.default_rng(0)
    return [(0.1 * draw.standard_normal(length)).astype(np.float32) for _ in range(n)]


def statistics(net: EmotionModel) -> list[torch.Tensor]:
    kinds = ("running_mean", "running_var")
    return [norm.get_buffer(kind) for norm in batch_norms(net) for kind in kinds]


def test_a_share_of_nothing_changes_nothing_and_half_lies_between(tiny_model: ModelInfo) -> None:
    nets = [reopen(tiny_model) for _ in range(4)]
    for net, share in zip(nets[1:], (0.0, 0.5, 1.0), strict=True):
        refit_norms(net, noises(6), share=share)
    for old, same, between, new in zip(*map(statistics, nets), strict=True):
        torch.testing.assert_close(same, old)
        torch.testing.assert_close(between, (old + new) / 2)
        assert not torch.allclose(old, new)


def test_the_new_statistics_are_those_of_what_comes_through(tiny_model: ModelInfo) -> None:
    net, came = reopen(tiny_model), []
    first = batch_norms(net)[0]
    first.register_forward_pre_hook(lambda _, given: came.append(given[0]))
    refit_norms(net, noises(6), share=1.0)
    mean, variance = statistics(net)[:2]
    torch.testing.assert_close(mean, came[0].mean(dim=(0, 2, 3)))
    torch.testing.assert_close(variance, came[0].var(dim=(0, 2, 3)))
    assert not first.training and first.momentum == 0.1


def test_every_clip_counts_when_there_are_several_batches(tiny_model: ModelInfo) -> None:
    sizes: list[int] = []
    net = reopen(tiny_model)
    batch_norms(net)[0].register_forward_pre_hook(lambda _, given: sizes.append(len(given[0])))
    refit_norms(net, noises(97, length=1_600))
    assert sizes == [33, 32, 32]


def test_a_refit_net_is_as_sure_as_before(tiny_model: ModelInfo) -> None:
    net, signals = reopen(tiny_model), noises(6)

    def sure(temperature: float) -> float:
        return float(softmax(logits_of(net, signals) / temperature, axis=1).max(axis=1).mean())

    before = sure(1.5)
    temperature = refit(net, signals, share=0.7, temperature=1.5)
    assert sure(temperature) == pytest.approx(before, abs=1e-6)
    assert abs(sure(1.5) - before) > 1e-4


def test_the_new_folder_is_the_same_net_with_other_norms(
    tiny_model: ModelInfo, tmp_path: Path
) -> None:
    (tmp_path / "broken.wav").write_bytes(b"no sound")
    paths = [*sorted(SAMPLES.glob("*.wav")), tmp_path / "broken.wav"]
    seen: list[None] = []
    made = adapt(
        tiny_model.path, paths, folder=tmp_path / "anna", on_file=lambda: seen.append(None)
    )
    assert len(seen) == len(paths) and [Path(f.source).name for f in made.failures] == [
        "broken.wav"
    ]
    assert made.n_pieces == 6 == sum(made.labels.values()) and 12 < made.duration_s < 20
    before, after = dict(reopen(tiny_model).named_parameters()), reopen(made.info)
    for name, value in after.named_parameters():
        torch.testing.assert_close(value, before[name])
    old, new = (Recognizer.open(p).predict(paths[0]) for p in (tiny_model.path, made.info.path))
    assert old.probabilities != new.probabilities
    told = json.loads((made.info.path / DESCRIPTION).read_text())
    known = told["provenance"]
    assert known["adapted"]["name"] == "tiny" and known["adapted"]["n_pieces"] == 6
    assert told["temperature"] != 1.5  # that of the tiny model
    assert known["train_speakers"] == ["ravdess-01"] and told["figures"] == {}
    assert "Adapted from `tiny`" in (made.info.path / "card.md").read_text()


def test_long_recordings_are_heard_in_windows(tiny_model: ModelInfo, tmp_path: Path) -> None:
    clips = [read_audio(path, sample_rate=16_000).signal for path in sorted(SAMPLES.glob("*.wav"))]
    long = np.concatenate(clips)
    write(tmp_path / "call.wav", Audio(long, 16_000))
    made = adapt(tiny_model.path, [tmp_path / "call.wav"], folder=tmp_path / "anna")
    assert made.n_pieces >= LEAST


def silence(tmp_path: Path) -> Iterable[Path]:
    for i in range(LEAST):
        path = tmp_path / f"{i}.wav"
        write(path, Audio(np.zeros(16_000, np.float32), 16_000))
        yield path


def test_too_little_speech_is_refused(tiny_model: ModelInfo, tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="got 0 pieces with speech, expected at least 5"):
        adapt(tiny_model.path, silence(tmp_path), folder=tmp_path / "anna")
    with pytest.raises(AudioError, match=r"\(nowhere.wav: no such file"):
        adapt(tiny_model.path, ["nowhere.wav"], folder=tmp_path / "anna")
    assert not (tmp_path / "anna").exists()


def test_models_that_cannot_be_adapted_are_refused(tiny_model: ModelInfo, tmp_path: Path) -> None:
    paths = sorted(SAMPLES.glob("*.wav"))
    with pytest.raises(ConfigError, match="is the model itself"):
        adapt(tiny_model.path, paths, folder=tiny_model.path)
    both = ensemble([str(tiny_model.path)] * 2, how="average", folder=tmp_path / "both")
    with pytest.raises(ConfigError, match="'both' is an ensemble"):
        adapt(both.path, paths, folder=tmp_path / "anna")
    lstm = publish_tiny(
        tmp_path / "lstm", RECIPE.model_copy(update={"model": "lstm_mfcc", "architecture": {}})
    )
    with pytest.raises(ConfigError, match="'lstm' has no batch norms"):
        adapt(lstm.path, paths, folder=tmp_path / "anna")
    altered = shutil.copytree(tiny_model.path, tmp_path / "altered")
    (altered / WEIGHTS).write_bytes(b"other weights")
    with pytest.raises(ModelError, match=WEIGHTS):
        adapt(altered, paths, folder=tmp_path / "anna")


def test_a_sample_is_all_or_a_random_part() -> None:
    assert sorted(sample(range(10), 20)) == list(range(10))
    drawn = [sample(range(100), 10, seed=seed) for seed in range(300)]
    assert all(len(set(one)) == 10 for one in drawn)
    # Each of a hundred is drawn 30 times of 300 on average; five deviations either side.
    counts = np.bincount(np.concatenate(drawn), minlength=100)
    assert counts.min() > 3 and counts.max() < 57
    assert sample(range(100), 10) == sample(range(100), 10)


def test_a_real_voice_is_heard_better(corpora_root: Path, tmp_path: Path) -> None:
    """The two dev speakers of Emo-DB, half of their clips given, the others judged."""
    info = describe(resolve("default"))
    right: dict[str, list[tuple[str, str]]] = {"before": [], "after": []}
    for speaker in ("emodb-09", "emodb-12"):
        ours = [
            u
            for u in read("emodb", corpora_root / "emodb").utterances
            if u.speaker == speaker and u.label in info.labels
        ]
        given, judged = ours[::2], ours[1::2]
        made = adapt("default", [u.path for u in given], folder=tmp_path / speaker)
        assert made.n_pieces > len(given) / 2
        for name, model in (("before", "default"), ("after", made.info.path)):
            right[name] += answers(model, judged)
    before, after = (scored(right[name]) for name in ("before", "after"))
    assert after > before, (before, after)


def answers(model: Any, utterances: list[Utterance]) -> list[tuple[str, str]]:
    labels = sorted({u.label for u in utterances if u.label})
    recognizer = Recognizer.open(model, sound_check=False).narrow(labels)
    said = recognizer.predict_batch([read_audio(u.path, sample_rate=16_000) for u in utterances])
    return [(u.label or "", answer.label) for u, answer in zip(utterances, said, strict=True)]


def scored(pairs: list[tuple[str, str]]) -> float:
    labels = sorted({truth for truth, _ in pairs})
    truth, said = (
        np.array([labels.index(label) for label in column]) for column in zip(*pairs, strict=True)
    )
    return uar(truth, said)
