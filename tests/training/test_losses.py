"""What training asks beside the right label: contrast, an adversary, a teacher's opinion."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from torch.nn import functional

from serotone.effects import AugmentConfig
from serotone.errors import ConfigError
from serotone.training.batches import TrainingBatches, WholeClips, mix
from serotone.training.data import Clips
from serotone.training.distillation import opinions
from serotone.training.losses import supervised_contrastive_loss
from serotone.training.recipe import Recipe
from serotone.training.save_model import publish
from serotone.training.speaker_adversarial import SpeakerAdversary, ramp
from serotone.training.train import Trained, build, train
from serotone.types import Split, Utterance
from tests.tiny import RECIPE


def recipe(**changes: Any) -> Recipe:
    values: dict[str, Any] = {
        "name": "tiny",
        "architecture": RECIPE.architecture,
        "data": {"corpora": ["folder"], "labels": ["happy", "sad"], "max_s": 0.5},
        "optimiser": {"epochs": 2, "batch_size": 4, "average": 0.0, "keep": "last"},
    }
    return Recipe.parse(values | changes)


def clips(n: int = 8) -> Clips:
    generator = torch.Generator().manual_seed(1)
    labels = torch.arange(n) % 2
    return Clips(
        ids=tuple(f"x/{i}" for i in range(n)),
        speakers=tuple("cab"[i % 3] for i in range(n)),
        corpora=("x",) * n,
        features=[torch.randn(20, 8, generator=generator) + float(label) for label in labels],
        copies=[[] for _ in range(n)],
        labels=labels,
        allowed=torch.ones(n, 2, dtype=torch.bool),
        intensity=torch.full((n,), torch.nan),
    )


def test_contrast_is_khoslas_formula() -> None:
    embedding = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.0, 2.0], [0.0, -1.0]])
    labels = torch.tensor([0, 0, 1, 2])
    # The third and fourth are alone with their label and left out.
    first = math.log(math.exp(0.6) + math.exp(0.0) + math.exp(0.0)) - 0.6
    second = math.log(math.exp(0.6) + math.exp(0.8) + math.exp(-0.8)) - 0.6
    loss = supervised_contrastive_loss(embedding, labels, temperature=1.0)
    assert float(loss) == pytest.approx((first + second) / 2, abs=1e-6)


def test_contrast_of_clips_that_are_all_alone_is_zero() -> None:
    loss = supervised_contrastive_loss(torch.randn(3, 4), torch.tensor([0, 1, 2]))
    assert float(loss) == 0


def test_the_adversary_learns_and_the_model_is_taught_the_opposite() -> None:
    torch.manual_seed(0)
    judge = SpeakerAdversary(4, 3)
    embedding, truth = torch.randn(6, 4, requires_grad=True), torch.arange(6) % 3
    loss = functional.cross_entropy(judge(embedding, strength=0.5), truth)
    loss.backward()
    assert embedding.grad is not None
    plain = embedding.detach().clone().requires_grad_()
    functional.cross_entropy(judge.judge(plain), truth).backward()
    assert plain.grad is not None
    torch.testing.assert_close(embedding.grad, -0.5 * plain.grad)
    assert ramp(0.0) == 0
    assert ramp(0.1) < ramp(0.5) < ramp(1.0) < 1


def test_speakers_are_numbered_by_name_and_a_mixture_has_the_louder() -> None:
    batch = next(iter(WholeClips(clips(), batch_size=8)))
    assert batch.speakers.tolist() == [2, 0, 1, 2, 0, 1, 2, 0]
    partner, share = torch.tensor([1, 2, 0, 3, 4, 5, 6, 7]), torch.tensor([0.4, 0.6, *[1.0] * 6])
    assert mix(batch, partner, share).speakers.tolist()[:3] == [0, 0, 1]


def recordings(root: Path) -> dict[str, tuple[Utterance, ...]]:
    noise = np.random.default_rng(0)
    rows: dict[str, tuple[Utterance, ...]] = {}
    for speaker in "abc":
        made = []
        for i in range(4):
            path = root / f"{speaker}{i}.wav"
            soundfile.write(path, 0.1 * noise.standard_normal(8_000), 16_000)
            label = ("happy", "sad")[i % 2]
            made.append(Utterance(f"folder/{path.stem}", path, "folder", speaker, label))
        rows[speaker] = tuple(made)
    return rows


@pytest.mark.parametrize("weight", ["contrast_weight", "adversary_weight"])
def test_a_weight_changes_what_is_learned(tmp_path: Path, weight: str) -> None:
    rows = recordings(tmp_path)
    split = Split("made", (*rows["a"], *rows["b"]), (), rows["c"])
    plain = recipe()
    optimiser = {**plain.optimiser.model_dump(), weight: 1.0}
    first = train(plain, split, out=tmp_path / "plain").model.state_dict()
    second = train(recipe(optimiser=optimiser), split, out=tmp_path / "other").model.state_dict()
    assert first.keys() == second.keys()  # the judge is no part of the model
    assert not torch.allclose(first["stem.0.weight"], second["stem.0.weight"], atol=1e-6)


def teacher(folder: Path, heard: tuple[Utterance, ...], **changes: Any) -> str:
    ours = recipe(**changes)
    torch.manual_seed(5)
    trained = Trained(model=build(ours).eval(), temperature=1.0, dev={}, epoch=0, train_s=1.0)
    publish(trained, ours, Split("made", heard, (), ()), folder=folder)
    return str(folder)


def test_a_pupil_hears_the_mean_of_its_teachers(tmp_path: Path) -> None:
    rows = recordings(tmp_path)
    split = Split("made", rows["a"], rows["b"], rows["c"])
    one = teacher(tmp_path / "one", rows["a"])
    other = teacher(tmp_path / "other", rows["a"], seed=3)
    ours = recipe(teachers=[one, other])
    said = opinions(ours, split, rows["a"])
    assert list(said) == [u.id for u in rows["a"]]
    alone = [opinions(recipe(teachers=[name]), split, rows["a"]) for name in (one, other)]
    for id, row in said.items():
        torch.testing.assert_close(row, (alone[0][id] + alone[1][id]) / 2)
        assert float(row.sum()) == pytest.approx(1, abs=1e-5)
    trained = train(ours, split, out=tmp_path / "run")
    assert trained.epoch == 1


def test_teachers_opinions_are_their_share_of_the_targets() -> None:
    said = torch.tensor([[0.9, 0.1]]).repeat(8, 1)
    batches = TrainingBatches(
        clips(),
        augment=AugmentConfig(),
        batch_size=8,
        max_frames=20,
        label_smoothing=0.0,
        seed=0,
        soft_targets=said,
        teacher_weight=0.25,
    )
    torch.testing.assert_close(batches.targets[0], torch.tensor([0.975, 0.025]))
    torch.testing.assert_close(batches.targets[1], torch.tensor([0.225, 0.775]))


def test_votes_are_their_share_of_the_targets_of_rows_that_have_some() -> None:
    votes = torch.tensor([[0.6, 0.4], [0.0, 0.0]]).repeat(4, 1)
    batches = TrainingBatches(
        dataclasses.replace(clips(), votes=votes),
        augment=AugmentConfig(),
        batch_size=8,
        max_frames=20,
        label_smoothing=0.0,
        seed=0,
        vote_weight=0.5,
    )
    torch.testing.assert_close(batches.targets[0], torch.tensor([0.8, 0.2]))
    torch.testing.assert_close(batches.targets[1], torch.tensor([0.0, 1.0]))


def test_a_teacher_may_not_know_whom_the_split_keeps_apart(tmp_path: Path) -> None:
    rows = recordings(tmp_path)
    split = Split("made", rows["a"], rows["b"], rows["c"])
    ours = recipe(teachers=[teacher(tmp_path / "one", rows["c"])])
    with pytest.raises(ConfigError, match=r"was trained with 1 speaker\(s\)"):
        opinions(ours, split, rows["a"])


def test_a_teacher_must_know_all_labels(tmp_path: Path) -> None:
    rows = recordings(tmp_path)
    split = Split("made", rows["a"], rows["b"], rows["c"])
    name = teacher(tmp_path / "one", rows["a"])
    data = {"corpora": ["folder"], "labels": ["happy", "sad", "angry"]}
    with pytest.raises(ConfigError, match="does not know angry"):
        opinions(recipe(teachers=[name], data=data), split, rows["a"])
