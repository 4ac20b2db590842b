"""Data, losses and the run itself, on a tiny net and made-up features."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from serotone.audio.io import read
from serotone.effects import AugmentConfig
from serotone.errors import ConfigError, CorpusError
from serotone.inference.recognizer import Recognizer
from serotone.metrics.classes import uar
from serotone.models.resnet_logmel import ResNetLogMel
from serotone.training.batches import TrainingBatches, WholeClips, mix
from serotone.training.data import Clips, load_clips
from serotone.training.datasets import read_corpora, split_of, with_labels
from serotone.training.losses import masked_cross_entropy, masked_intensity_loss
from serotone.training.module import EmotionModule
from serotone.training.recipe import DataConfig, Recipe, find_recipe, load_recipe
from serotone.training.save_model import describe_run, publish
from serotone.training.train import build, check_same_run, fit, train
from serotone.types import Split, Utterance, speakers

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
        ids=tuple(f"x/{i}" for i in range(n)),
        speakers=tuple("ab"[i % 2] for i in range(n)),
        corpora=("x",) * n,
        features=features,
        copies=[[] for _ in range(n)],
        labels=labels,
        allowed=torch.ones(n, 2, dtype=torch.bool),
        intensity=torch.full((n,), torch.nan),
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


AUTHORS = {
    "name": "adam",
    "schedule": "plateau",
    "plateau_patience": 1,
    "patience": 4,
    "monitor": "loss",
    "keep": "loss",
    "average": 0.0,
    "learning_rate": 0.3,
}


STEPS = {"schedule": "steps", "step_start": 2, "step_every": 1, "step_factor": 0.5}


@pytest.mark.parametrize(
    "changes", [{}, AUTHORS, STEPS], ids=["cycle", "plateau and early stopping", "steps"]
)
def test_resuming_after_a_kill_gives_the_same_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, object]
) -> None:
    optimiser = {**TINY["optimiser"], "epochs": 5, **changes}  # type: ignore[dict-item]
    recipe = Recipe.parse({**TINY, "optimiser": optimiser})
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
    assert resumed.dev == whole.dev
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name
    one, other = (last_state(tmp_path / run)["optimizer_states"][0] for run in "ab")
    assert one["param_groups"][0]["lr"] == other["param_groups"][0]["lr"]
    for key, values in one["state"].items():
        assert torch.equal(values["exp_avg"], other["state"][key]["exp_avg"]), key


def test_ctrl_c_is_the_callers_and_the_next_one_is_heard_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(module: EmotionModule) -> None:
        if module.current_epoch == 1:
            raise KeyboardInterrupt

    recipe, data = Recipe.parse(TINY), clips()
    before = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch:
        patch.setattr(EmotionModule, "on_train_epoch_start", stop)
        with pytest.raises(KeyboardInterrupt):
            fit(recipe, build(recipe), train_clips=data, dev_clips=data, out=tmp_path)
    assert signal.getsignal(signal.SIGINT) is before
    assert last_state(tmp_path)["epoch"] == 0
    resumed = fit(
        recipe, build(recipe), train_clips=data, dev_clips=data, out=tmp_path, resume=True
    )
    assert len(resumed.dev) > 0


def last_state(run: Path) -> dict[str, Any]:
    file = run / "checkpoints" / "last.ckpt"
    state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=False)
    return state


def curve(run: Path, column: str) -> list[float]:
    """A column of the curves of a run, all parts of it."""
    values = []
    for part in sorted((run / "logs" / "csv").glob("part-*/metrics.csv")):
        with part.open() as file:
            values += [float(row[column]) for row in csv.DictReader(file) if row[column]]
    return values


def test_the_rate_falls_on_a_plateau_and_training_stops(tmp_path: Path) -> None:
    optimiser = {**TINY["optimiser"], **AUTHORS, "epochs": 30}  # type: ignore[dict-item]
    recipe = Recipe.parse({**TINY, "optimiser": optimiser})
    data = clips()
    model = build(recipe)
    fit(recipe, model, train_clips=data, dev_clips=data, out=tmp_path)
    rates, losses = curve(tmp_path, "learning_rate"), curve(tmp_path, "dev/nll")
    n_epochs = len(losses)
    assert n_epochs < 30
    # Four epochs without a better one were the last.
    assert min(losses[:-4]) <= min(losses[-4:]) + 1e-9
    assert rates[0] == pytest.approx(0.3)
    assert rates[-1] < 0.3
    again = fit(recipe, build(recipe), train_clips=data, dev_clips=data, out=tmp_path, resume=True)
    assert len(curve(tmp_path, "dev/nll")) == n_epochs  # stopped is stopped
    assert again.epoch == losses.index(min(losses))


def test_the_rate_falls_in_steps(tmp_path: Path) -> None:
    steps = {"schedule": "steps", "step_start": 2, "step_every": 2, "step_factor": 0.1}
    optimiser = {**TINY["optimiser"], **steps, "epochs": 5}  # type: ignore[dict-item]
    recipe = Recipe.parse({**TINY, "optimiser": optimiser})
    data = clips()
    fit(recipe, build(recipe), train_clips=data, dev_clips=data, out=tmp_path)
    expected = [2e-3, 2e-3, 2e-4, 2e-4, 2e-5]
    assert curve(tmp_path, "learning_rate") == pytest.approx(expected)


@pytest.mark.parametrize("keep", ["uar", "loss"])
def test_the_kept_epoch_is_the_best_by_the_figure_asked_for(tmp_path: Path, keep: str) -> None:
    optimiser = {**TINY["optimiser"], "keep": keep, "learning_rate": 0.05}  # type: ignore[dict-item]
    recipe = Recipe.parse({**TINY, "optimiser": {**optimiser, "epochs": 4}})
    data = clips()
    trained = fit(recipe, build(recipe), train_clips=data, dev_clips=data, out=tmp_path)
    uars, losses = curve(tmp_path, "dev/uar"), curve(tmp_path, "dev/nll")
    best = uars.index(max(uars)) if keep == "uar" else losses.index(min(losses))
    assert trained.epoch == best
    assert trained.dev["uar"] == pytest.approx(uars[best], abs=1e-6)
    assert trained.dev["nll"] == pytest.approx(losses[best], abs=1e-5)


def test_the_last_epoch_is_kept_whatever_dev_says(tmp_path: Path) -> None:
    recipe = Recipe.parse({**TINY, "optimiser": {"epochs": 3, "batch_size": 4, "keep": "last"}})
    data = clips()
    trained = fit(recipe, build(recipe), train_clips=data, dev_clips=data, out=tmp_path)
    assert trained.epoch == 2


def test_refitting_hears_dev_speakers_and_says_that_they_taught(tmp_path: Path) -> None:
    recordings(tmp_path / "in")
    recipe = Recipe.parse(
        {
            **TINY,
            "data": {**TINY["data"], "options": load_recipe("folder").data.options},
            "optimiser": {"epochs": 2, "batch_size": 4, "keep": "last", "refit": True},
        }
    )
    split = split_of(recipe, read_corpora(recipe, {"folder": tmp_path / "in"}))
    read: list[int] = []
    out = tmp_path / "out"
    trained = train(recipe, split, out=out, on_clip=lambda: read.append(1))
    assert len(read) == 2 * (len(split.train) + len(split.dev))
    # What the first training gave, by which the figures and the temperature stand.
    once = recipe.model_copy(
        update={"optimiser": recipe.optimiser.model_copy(update={"refit": False})}
    )
    first = train(once, split, out=tmp_path / "once")
    assert trained.dev == first.dev
    assert trained.temperature == first.temperature
    assert not torch.equal(trained.model.emotion.weight, first.model.emotion.weight)
    again = train(recipe, split, out=out, resume=True)
    assert torch.equal(trained.model.emotion.weight, again.model.emotion.weight)
    provenance = describe_run(trained, recipe, split)["provenance"]
    assert provenance["train_speakers"] == speakers((*split.train, *split.dev))
    assert provenance["dev_speakers"] == []


@pytest.mark.parametrize("split", ["kfold5:1", "kfold2:1"])
def test_without_a_dev_side_the_last_epoch_is_kept_uncalibrated(tmp_path: Path, split: str) -> None:
    recordings(tmp_path / "in")
    data = {**TINY["data"], "options": load_recipe("folder").data.options, "split": split}
    optimiser = {"epochs": 2, "batch_size": 4, "keep": "last"}
    recipe = Recipe.parse({**TINY, "data": {**data, "dev_teaches": True}, "optimiser": optimiser})
    utterances = read_corpora(recipe, {"folder": tmp_path / "in"})
    split_with = split_of(Recipe.parse({**TINY, "data": data}), utterances)
    sides = split_of(recipe, utterances)
    assert sides.test == split_with.test
    assert set(sides.train) == {*split_with.train, *split_with.dev}
    trained = train(recipe, sides, out=tmp_path / "out")
    assert (trained.epoch, trained.temperature, trained.dev) == (1, 1.0, {})
    model = publish(trained, recipe, sides, folder=tmp_path / "model")
    assert model.provenance["dev_speakers"] == []
    # What it says of the clips that taught is what whoever predicts them finds.
    labels = recipe.data.labels
    answers = Recognizer.open(model.path, sound_check=False).predict_batch(
        [read(u.path, sample_rate=16_000) for u in sides.train]
    )
    truth = [labels.index(u.label or "") for u in sides.train]
    chosen = [labels.index(answer.label) for answer in answers]
    assert model.provenance["taught"]["uar"] == pytest.approx(uar(truth, chosen))
    assert "nobody was left to calibrate on" in (tmp_path / "model/card.md").read_text()


def test_some_of_many_clips_are_spread_over_all() -> None:
    many = dataclasses.replace(clips(9), copies=[[torch.zeros(3, 8)]] * 9)
    some = many.some(3)
    assert some.ids == ("x/0", "x/4", "x/8")
    assert torch.equal(some.labels, many.labels[[0, 4, 8]])
    assert torch.equal(some.features[1], many.features[4])
    assert (some.copies, len(many.some(50))) == ([[], [], []], 9)


def test_dev_teaches_only_where_training_does_not_look_at_it() -> None:
    with pytest.raises(ConfigError, match="leaves nobody who chooses"):
        Recipe.parse({"name": "x", "data": {"corpora": ["x"], "dev_teaches": True}})


def test_refitting_needs_nothing_that_only_dev_tells() -> None:
    for wrong in ({"keep": "uar"}, {"keep": "last", "schedule": "plateau"}):
        with pytest.raises(ConfigError, match="refit has no dev side"):
            Recipe.parse({**TINY, "optimiser": {"refit": True, **wrong}})


@pytest.mark.parametrize(
    "wrong",
    [{"shares": {"a": 1}}, {"shares": {"a": 1, "b": 0}}, {"shares": {"a": 1, "b": 1, "c": 1}}],
)
def test_shares_name_each_corpus_once(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="a number above 0 for each"):
        Recipe.parse({"name": "x", "data": {"corpora": ["a", "b"], **wrong}})
    both = {"corpora": ["a"], "shares": {"a": 1}, "balance": "batches"}
    with pytest.raises(ConfigError, match="does not go with balance"):
        Recipe.parse({"name": "x", "data": both})


def test_a_cut_copy_of_a_corpus_has_the_share_of_the_corpus() -> None:
    shares = {"ravdess": 2.0, "ravdess-song-truncated": 1.0}
    data = DataConfig(corpora=tuple(shares), shares=shares, balance="speakers")
    assert data.by_corpus(data.shares) == {"ravdess": 2.0, "ravdess-song": 1.0}


def test_the_scaler_sees_dev_only_where_the_recipe_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, str]] = []

    def fit_scaler(_: ResNetLogMel, features: list[torch.Tensor], *, scaling: str) -> None:
        seen.append((len(features), scaling))

    monkeypatch.setattr(ResNetLogMel, "fit_scaler", fit_scaler)
    for scaler, scaling in (("train", "standard"), ("all", "minmax")):
        data = {**TINY["data"], "scaler": scaler, "scaling": scaling}  # type: ignore[dict-item]
        recipe = Recipe.parse({**TINY, "data": data, "optimiser": {"epochs": 1}})
        fit(recipe, build(recipe), train_clips=clips(9), dev_clips=clips(4), out=tmp_path / scaler)
    assert seen == [(9, "standard"), (13, "minmax")]


def test_a_model_may_put_a_price_on_its_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe.parse({**TINY, "optimiser": {"epochs": 1, "batch_size": 4, "average": 0.0}})
    data = clips()
    losses = []
    for price in (0.0, 7.0):
        out = tmp_path / str(price)
        monkeypatch.setattr(ResNetLogMel, "penalty", lambda _, price=price: torch.tensor(price))
        fit(recipe, build(recipe), train_clips=data, dev_clips=data, out=out)
        losses += curve(out, "train/loss")
    assert losses[1] - losses[0] == pytest.approx(7, abs=1e-4)


def test_training_in_bfloat16_learns_and_scores(tmp_path: Path) -> None:
    optimiser = {"epochs": 1, "batch_size": 4, "precision": "bf16", "intensity_weight": 0.1}
    recipe = Recipe.parse({**TINY, "optimiser": optimiser})
    data = clips()
    trained = fit(recipe, build(recipe), train_clips=data, dev_clips=data, out=tmp_path)
    assert all(p.dtype == torch.float32 for p in trained.model.parameters())
    assert 0 <= trained.dev["uar"] <= 1


def test_a_run_that_began_before_an_option_existed_is_the_same_run(tmp_path: Path) -> None:
    recipe, split = Recipe.parse(TINY), Split("x", (), (), ())
    check_same_run(recipe, split, tmp_path, resume=False)
    identity = json.loads((tmp_path / "run.json").read_text())
    for section in ("waveform", "prepare"):
        del identity["recipe"][section]
    del identity["recipe"]["optimiser"]["patience"]
    (tmp_path / "run.json").write_text(json.dumps(identity))
    check_same_run(recipe, split, tmp_path, resume=True)
    identity["recipe"]["optimiser"]["learning_rate"] = 1.0
    (tmp_path / "run.json").write_text(json.dumps(identity))
    with pytest.raises(ConfigError, match="another recipe"):
        check_same_run(recipe, split, tmp_path, resume=True)


_start_epoch = EmotionModule.on_train_epoch_start


def _die_in_the_third_epoch(module: EmotionModule) -> None:
    if module.current_epoch == 2:
        raise ChildProcessError
    _start_epoch(module)


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


def test_an_unknown_recipe_is_refused_with_a_hint() -> None:
    with pytest.raises(ConfigError, match=r"unknown recipe 'defualt'. Did you mean 'default'"):
        find_recipe("defualt")
