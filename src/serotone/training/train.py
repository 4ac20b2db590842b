"""Recipe and split to a trained model."""

from __future__ import annotations

import json
import logging
import os
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from numpy.typing import NDArray
from torch import nn

from serotone.errors import ConfigError
from serotone.metrics.calibration import fit_temperature, nll
from serotone.metrics.classes import accuracy, uar
from serotone.models import MODELS
from serotone.models.contract import EmotionModel
from serotone.training.adversary import SpeakerAdversary
from serotone.training.batches import TrainingBatches, WholeClips, pad
from serotone.training.begin import beginning, take_weights
from serotone.training.callbacks import (
    LAST,
    TellEpoch,
    checkpoints,
    loggers,
    progress,
    stopping,
)
from serotone.training.data import Clips, load_side
from serotone.training.machines import Machines
from serotone.training.module import EmotionModule
from serotone.training.order import class_weights
from serotone.training.prune import take_narrower
from serotone.training.recipe import Recipe
from serotone.training.teachers import opinions
from serotone.types import Sides, Utterance

ONE_PROCESS = Machines()

REFIT = "refit"
"""Folder of the second training, within the run's."""


@dataclass(frozen=True)
class Trained:
    """What a run gives.

    Attributes:
        model: with the weights of the epoch that was kept, on the CPU, not training.
        temperature: fitted on dev; 1 without a dev side.
        dev: figures on dev, of the epoch that was kept; of the first training where the recipe
            refits; empty without a dev side.
        epoch: the one that was kept, from 0.
        train_s: wall time of the run, in seconds, earlier parts of a resumed run left out.
    """

    model: EmotionModel
    temperature: float
    dev: Mapping[str, float]
    epoch: int
    train_s: float


def build(recipe: Recipe) -> EmotionModel:
    """The recipe's model with fresh weights drawn from its seed.

    Raises:
        ConfigError: for an unknown architecture or setting.
    """
    architecture: Any = MODELS.get(recipe.model)
    config = architecture.config_class.parse(recipe.architecture, where="architecture")
    torch.manual_seed(recipe.seed)
    model: EmotionModel = architecture(config, len(recipe.data.labels))
    return model


def train(
    recipe: Recipe,
    split: Sides,
    *,
    out: Path,
    resume: bool = False,
    on_clip: Callable[[], None] = lambda: None,
    machines: Machines = ONE_PROCESS,
) -> Trained:
    """Train, choose the epoch on dev, calibrate on dev. The test side is not looked at.

    Where the recipe says ``refit``, what is chosen and calibrated so is then trained anew on both
    sides together.

    Args:
        recipe: what to do.
        split: ``train`` teaches, ``dev`` chooses.
        out: folder of checkpoints and logs (CSV and TensorBoard).
        resume: go on after the last whole epoch in ``out``, to the same result.
        on_clip: called for every clip read.
        machines: what it runs on; ``out`` must be a folder that all of them see.

    Raises:
        ConfigError: when ``resume`` is asked for another recipe or split.
    """
    machines.check(recipe.optimiser.batch_size)
    check_same_run(recipe, split, out, resume=resume)
    if not split.dev:
        return _train_unwatched(recipe, split, out, resume, on_clip, machines)
    model = begin(recipe, split)
    train_clips = _lessons(split.train, recipe, split, model, on_clip)
    dev_clips = load_side(split.dev, recipe, model, altered=False, on_clip=on_clip)
    trained = fit(
        recipe,
        model,
        train_clips=train_clips,
        dev_clips=dev_clips,
        out=out,
        resume=resume,
        machines=machines,
    )
    if not recipe.optimiser.refit:
        return trained
    del train_clips, dev_clips
    start = time.perf_counter()
    model = begin(recipe, split)
    everyone = _lessons((*split.train, *split.dev), recipe, split, model, on_clip)
    again, epoch = learn(
        recipe, model, everyone, None, out=out / REFIT, resume=resume, machines=machines
    )
    train_s = trained.train_s + time.perf_counter() - start
    return replace(trained, model=again, epoch=epoch, train_s=train_s)


def _train_unwatched(
    recipe: Recipe,
    split: Sides,
    out: Path,
    resume: bool,
    on_clip: Callable[[], None],
    machines: Machines,
) -> Trained:
    """Train where nobody chooses or calibrates."""
    start = time.perf_counter()
    model = begin(recipe, split)
    clips = _lessons(split.train, recipe, split, model, on_clip)
    last, epoch = learn(recipe, model, clips, None, out=out, resume=resume, machines=machines)
    return Trained(last, 1.0, {}, epoch, time.perf_counter() - start)


def _lessons(
    side: Sequence[Utterance],
    recipe: Recipe,
    split: Sides,
    model: EmotionModel,
    on_clip: Callable[[], None],
) -> Clips:
    """Clips to learn from, with their altered copies and what the teachers say of them."""
    clips = load_side(side, recipe, model, altered=True, on_clip=on_clip)
    if not recipe.teachers:
        return clips
    said = opinions(recipe, split, side)
    # What a clip's corpus cannot be labelled with, it is not taught to be.
    known = torch.stack([said[id] for id in clips.ids]) * clips.allowed
    return replace(clips, opinions=known / known.sum(dim=1, keepdim=True))


def begin(recipe: Recipe, split: Sides) -> EmotionModel:
    """The recipe's model as the run begins with it: fresh, or with another's weights.

    Raises:
        ConfigError: as ``build`` and ``beginning``.
    """
    model = build(recipe)
    if recipe.init:
        source = beginning(recipe.begins_with, split)
        if recipe.prune:
            take_narrower(model, source, recipe)
        else:
            take_weights(model, source)
    return model


def fit(
    recipe: Recipe,
    model: EmotionModel,
    *,
    train_clips: Clips,
    dev_clips: Clips,
    out: Path,
    resume: bool = False,
    machines: Machines = ONE_PROCESS,
) -> Trained:
    """Train on clips whose features are there already, and calibrate on dev. See ``train``."""
    start = time.perf_counter()
    best, epoch = learn(
        recipe, model, train_clips, dev_clips, out=out, resume=resume, machines=machines
    )
    logits, truth = _dev_logits(best, dev_clips)
    return Trained(
        model=best,
        temperature=fit_temperature(logits, truth),
        dev=_figures(logits, truth),
        epoch=epoch,
        train_s=time.perf_counter() - start,
    )


def learn(
    recipe: Recipe,
    model: EmotionModel,
    train_clips: Clips,
    dev_clips: Clips | None,
    *,
    out: Path,
    resume: bool,
    machines: Machines = ONE_PROCESS,
) -> tuple[EmotionModel, int]:
    """Train for the recipe's epochs; without dev clips nothing is chosen.

    Returns:
        The model of the epoch that the recipe keeps, and that epoch, from 0.
    """
    config = recipe.optimiser
    if config.threads:
        torch.set_num_threads(config.threads)
    seen = [*train_clips.every()]
    if recipe.data.scaler == "all" and dev_clips is not None:
        seen += dev_clips.every()
    model.fit_scaler(seen, scaling=recipe.data.scaling)
    del seen
    batches = _training_batches(recipe, model, train_clips, n_ranks=machines.n_ranks)
    module = EmotionModule(
        model,
        config=config,
        n_steps=config.epochs * len(batches),
        seed=recipe.seed,
        class_weights=class_weights(train_clips.labels, len(recipe.data.labels))
        if config.class_weights
        else None,
        adversary=_adversary(model, train_clips) if config.adversary_weight else None,
    )
    savers = checkpoints(config, out / "checkpoints")
    last = out / "checkpoints" / f"{LAST}.ckpt"
    _quieten()
    trainer = _trainer(recipe, batches, savers, out=out, machines=machines)
    trainer.fit(
        module,
        train_dataloaders=batches,
        val_dataloaders=None if dev_clips is None else WholeClips(dev_clips, batch_size=64),
        ckpt_path=str(last) if resume and last.is_file() else None,
        weights_only=False,
    )
    # Our own file of this run, which also holds the optimiser's state.
    state = torch.load(savers[0].best_model_path, map_location="cpu", weights_only=False)
    module.load_state_dict(state["state_dict"])
    return module.best.cpu().eval(), int(state["epoch"])


def _adversary(model: EmotionModel, clips: Clips) -> SpeakerAdversary:
    with torch.no_grad():
        features, counts = pad([clips.features[0]])
        embedding = model.eval().classify(features, counts).embedding
    model.train()
    return SpeakerAdversary(embedding.shape[1], len(set(clips.speakers)))


def _trainer(
    recipe: Recipe,
    batches: TrainingBatches,
    savers: list[ModelCheckpoint],
    *,
    out: Path,
    machines: Machines,
) -> Trainer:
    bar = progress()
    return Trainer(
        max_epochs=recipe.optimiser.epochs,
        accelerator="auto",
        devices=machines.devices,
        num_nodes=machines.nodes,
        strategy=machines.lightning_strategy,
        # The batches share themselves; dev is small, and all processes need its figures.
        use_distributed_sampler=False,
        precision="bf16-mixed" if recipe.optimiser.precision == "bf16" else "32-true",
        callbacks=[
            TellEpoch(batches),
            *stopping(recipe.optimiser),
            *bar,
            *savers,
        ],
        logger=loggers(out),
        gradient_clip_val=recipe.optimiser.gradient_clip,
        enable_model_summary=False,
        enable_progress_bar=bool(bar),
        num_sanity_val_steps=0,
        log_every_n_steps=1,
    )


def _training_batches(
    recipe: Recipe, model: EmotionModel, clips: Clips, *, n_ranks: int
) -> TrainingBatches:
    longest = torch.tensor([round(recipe.data.max_s * model.sample_rate)])
    with torch.no_grad():
        _, frames = model.features(torch.zeros(1, int(longest)), longest)
    return TrainingBatches(
        clips,
        augment=recipe.augment,
        batch_size=recipe.optimiser.batch_size,
        max_frames=int(frames),
        label_smoothing=recipe.optimiser.label_smoothing,
        seed=recipe.seed,
        balance=recipe.data.balance,
        shares=recipe.data.shares,
        soft_targets=clips.opinions,
        teacher_weight=recipe.optimiser.teacher_weight,
        n_ranks=n_ranks,
    )


def _dev_logits(model: nn.Module, clips: Clips) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    logits = []
    with torch.no_grad():
        for batch in WholeClips(clips, batch_size=64):
            output = model.classify(batch.features, batch.counts)  # type: ignore[operator]
            logits.append(output.logits.masked_fill(~batch.allowed, -1e4).double().numpy())
    return np.concatenate(logits), clips.labels.numpy()


def _figures(logits: NDArray[np.float64], truth: NDArray[np.int64]) -> dict[str, float]:
    predicted = logits.argmax(axis=1)
    probabilities = torch.from_numpy(logits).softmax(dim=1).numpy()
    return {
        "uar": uar(truth, predicted),
        "accuracy": accuracy(truth, predicted),
        "nll": nll(probabilities, truth),
    }


def _quieten() -> None:
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    warnings.filterwarnings("ignore", module="lightning")


def check_same_run(recipe: Recipe, split: Sides, out: Path, *, resume: bool) -> None:
    """Write down what ``out`` is a run of, and refuse to go on with another's.

    Raises:
        ConfigError: when ``resume`` is asked for another recipe, seed or split.
    """
    file = out / "run.json"
    if resume and file.is_file() and not _is_run_of(recipe, split, json.loads(file.read_text())):
        raise ConfigError(
            f"{out} holds a run of another recipe, seed or split. "
            "Give another --out, or leave --resume away to start over."
        )
    out.mkdir(parents=True, exist_ok=True)
    identity = {"recipe": recipe.model_dump(mode="json"), "split_hash": split.hash}
    file.write_text(json.dumps(identity, indent=2) + "\n", encoding="utf-8")


def _is_run_of(recipe: Recipe, split: Sides, identity: Mapping[str, Any]) -> bool:
    try:
        # Options that a recipe of an older release did not have stand at their defaults.
        before = Recipe.parse(identity["recipe"])
    except ConfigError:
        return False
    return before == recipe and identity["split_hash"] == split.hash
