"""Data, losses and the run itself, on a tiny net and made-up features."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from serotone.augment import AugmentConfig
from serotone.errors import ConfigError, CorpusError
from serotone.training.data import Clips, TrainingBatches, WholeClips, load_clips, mix
from serotone.training.losses import masked_cross_entropy, masked_intensity_loss
from serotone.training.module import EmotionModule
from serotone.training.recipe import Recipe, find_recipe, load_recipe, recipe_folders
from serotone.training.train import (
    build,
    fit,
    read_corpora,
    split_of,
    train,
    with_labels,
)
from serotone.types import Split, Utterance

TINY = {
    "name": "tiny",
    "architecture": {
        "log_mel": {"n_mels": 8},
        "stem_width": 8,
        "widths": [8],
        "time_strides": [2],
        "embedding_size": 4,
    },
    "data": {"corpora": ["folder"], "labels": ["happy", "sad"], "max_s": 0.5},
    "augment": {"speed": 0.1, "band_shift": 1, "n_time_masks": 1, "time_mask": 4, "mixup": 0.3},
    "optimiser": {"epochs": 3, "batch_size": 4, "average": 0.5},
}


def clips(n: int = 9, n_frames: int = 20) -> Clips:
    generator = torch.Generator().manual_seed(1)
    labels = torch.arange(n) % 2
    features = [
        torch.randn(n_frames + i, 8, generator=generator) + float(labels[i]) for i in range(n)
    ]
    return Clips(
        features=features,
        labels=labels,
        allowed=torch.ones(n, 2, dtype=torch.bool),
        intensity=torch.full((n,), torch.nan),
        weights=None,
    )


def batches(seed: int = 0, **changes: float) -> TrainingBatches:
    return TrainingBatches(
        clips(),
        augment=AugmentConfig(**changes),  # type: ignore[arg-type]
        batch_size=4,
        max_frames=15,
        label_smoothing=0.1,
        seed=seed,
    )


def test_batches_are_the_same_for_the_same_seed_and_epoch() -> None:
    first = batches(speed=0.1, mixup=0.3)
    second = batches(speed=0.1, mixup=0.3)
    for a, b in zip(first, second, strict=True):
        assert torch.equal(a.features, b.features)
        assert torch.equal(a.targets, b.targets)
    second.epoch = 1
    assert any(
        a.features.shape != b.features.shape or not torch.equal(a.features, b.features)
        for a, b in zip(first, second, strict=True)
    )


def test_an_epoch_shows_each_clip_at_most_once_and_leaves_out_a_lonely_one() -> None:
    counts = [len(batch.counts) for batch in batches()]
    assert counts == [4, 4]  # nine clips: a batch of one has no statistics
    assert all(int(batch.counts.max()) <= 15 for batch in batches())


def test_mixup_keeps_targets_summing_to_one() -> None:
    batch = next(iter(batches()))
    partner, share = torch.tensor([1, 0, 3, 2]), torch.tensor([0.75, 0.5, 1.0, 0.9])
    mixed = mix(batch, partner, share)
    torch.testing.assert_close(mixed.targets.sum(1), torch.ones(4))
    torch.testing.assert_close(mixed.features[2], batch.features[2])
    torch.testing.assert_close(
        mixed.features[0], 0.75 * batch.features[0] + 0.25 * batch.features[1]
    )


def test_whole_clips_are_unaltered_and_in_order() -> None:
    data = clips()
    seen = [
        features[: int(count)]
        for batch in WholeClips(data, batch_size=4)
        for features, count in zip(batch.features, batch.counts, strict=True)
    ]
    assert all(torch.equal(a, b) for a, b in zip(seen, data.features, strict=True))


def test_a_class_that_a_corpus_lacks_costs_nothing() -> None:
    targets = torch.tensor([[1.0, 0.0, 0.0]])
    allowed = torch.tensor([[True, True, False]])
    calm = masked_cross_entropy(torch.tensor([[2.0, 1.0, -9.0]]), targets, allowed)
    loud = masked_cross_entropy(torch.tensor([[2.0, 1.0, 9.0]]), targets, allowed)
    torch.testing.assert_close(calm, loud)
    torch.testing.assert_close(calm, torch.tensor(math.log(1 + math.exp(-1))))


def test_unknown_intensity_costs_nothing() -> None:
    truth = torch.tensor([1.0, torch.nan])
    loss = masked_intensity_loss(torch.tensor([0.5, 0.9]), truth)
    torch.testing.assert_close(loss, torch.tensor(math.log(2)))
    assert masked_intensity_loss(torch.tensor([0.5]), torch.tensor([torch.nan])) == 0


def test_resuming_after_a_kill_gives_the_same_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe.parse(TINY)
    data = clips()
    whole = fit(recipe, build(recipe), train_clips=data, dev_clips=data, out=tmp_path / "a")
    with monkeypatch.context() as patch:
        patch.setattr(EmotionModule, "on_train_epoch_start", _die_in_the_third_epoch)
        with pytest.raises(ChildProcessError):
            fit(recipe, build(recipe), train_clips=data, dev_clips=data, out=tmp_path / "b")
    resumed = fit(
        recipe, build(recipe), train_clips=data, dev_clips=data, out=tmp_path / "b", resume=True
    )
    assert resumed.epoch == whole.epoch
    assert resumed.temperature == whole.temperature
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name


def _die_in_the_third_epoch(module: EmotionModule) -> None:
    if module.current_epoch == 2:
        raise ChildProcessError
    torch.manual_seed(module.seed * 100_003 + module.current_epoch)


def recordings(root: Path) -> None:
    generator = np.random.default_rng(0)
    for label in ("happy", "sad"):
        for speaker in ("ann", "ben", "cy", "dee", "eve"):
            for take in (1, 2):
                path = root / label / f"{speaker}_{take}.wav"
                path.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(path, 0.1 * generator.standard_normal(4000), 8000)


def test_own_recordings_split_by_speaker(tmp_path: Path) -> None:
    recordings(tmp_path)
    recipe = load_recipe("folder")
    split = split_of(recipe, read_corpora(recipe, {"folder": tmp_path}))
    assert len(split.train) + len(split.dev) + len(split.test) == 20
    assert len({u.speaker for u in split.test}) == 1
    assert with_labels(recipe, split).data.labels == ("happy", "sad")


def test_training_never_reads_the_test_side(tmp_path: Path) -> None:
    recordings(tmp_path / "in")
    recipe = Recipe.parse(
        {**TINY, "optimiser": {"epochs": 1, "batch_size": 4},
         "data": {**TINY["data"], "options": load_recipe("folder").data.options}}
    )  # type: ignore[dict-item]  # fmt: skip
    split = split_of(recipe, read_corpora(recipe, {"folder": tmp_path / "in"}))
    for utterance in split.test:
        utterance.path.unlink()
    read = []
    train(recipe, split, out=tmp_path / "out", on_clip=lambda: read.append(1))
    assert len(read) == len(split.train) + len(split.dev)


def test_a_run_of_another_seed_is_not_resumed(tmp_path: Path) -> None:
    recordings(tmp_path / "in")
    recipe = Recipe.parse({**TINY, "optimiser": {"epochs": 1, "batch_size": 4}})
    split = split_of(recipe, read_corpora(recipe, {"folder": tmp_path / "in"}))
    train(recipe, split, out=tmp_path / "out")
    other = recipe.model_copy(update={"seed": 7})
    with pytest.raises(ConfigError, match="another recipe, seed or split"):
        train(other, split, out=tmp_path / "out", resume=True)


def test_clips_without_a_known_label_are_an_error(tmp_path: Path) -> None:
    row = Utterance(id="x/a", path=tmp_path / "a.wav", corpus="x", speaker="s", label="odd")
    recipe = Recipe.parse(TINY)
    with pytest.raises(CorpusError, match="none with a label of happy, sad"):
        load_clips([row], build(recipe), labels=["happy", "sad"])


def test_a_listed_speaker_must_exist() -> None:
    recipe = Recipe.parse(
        {"name": "x", "data": {"corpora": ["x"], "split": "speakers", "dev_speakers": ["nobody"]}}
    )
    with pytest.raises(ConfigError, match="'nobody'"):
        split_of(recipe, [])


def test_a_split_without_dev_is_refused() -> None:
    recipe = Recipe.parse({"name": "x", "data": {"corpora": ["x"], "split": "speakers"}})
    row = Utterance(id="x/a", path=Path("a.wav"), corpus="x", speaker="s", label="sad")
    with pytest.raises(ConfigError, match="both sides need some"):
        split_of(recipe, [row])
    assert isinstance(Split("x", (row,), (), ()), Split)


def test_every_recipe_in_the_repository_is_valid() -> None:
    files = [path for folder in recipe_folders() for path in sorted(folder.glob("*.toml"))]
    assert len(files) >= 3
    for path in files:
        recipe = load_recipe(str(path))
        assert recipe.name == path.stem
        build(recipe.model_copy(update={"data": recipe.data.model_copy(update={"labels": ("a",)})}))


def test_an_unknown_recipe_is_refused_with_a_hint() -> None:
    with pytest.raises(ConfigError, match=r"unknown recipe 'defualt'. Did you mean 'default'"):
        find_recipe("defualt")
