"""Recipe and split to a trained model."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from serotone.errors import ConfigError
from serotone.metrics.calibration import nll
from serotone.metrics.classes import accuracy, uar
from serotone.metrics.temperature import fit_temperature
from serotone.models import MODELS
from serotone.models.base import EmotionModel
from serotone.training.batches import WholeClips
from serotone.training.data import Clips, load_side
from serotone.training.devices import Machines
from serotone.training.distillation import opinions
from serotone.training.feature_cache import Kept
from serotone.training.init_weights import beginning, take_weights
from serotone.training.loop import ONE_PROCESS, learn
from serotone.training.prune import take_narrower
from serotone.training.recipe import Recipe
from serotone.types import Sides, Utterance

REFIT = "refit"
"""Folder of the second training, within the run's."""

N_TAUGHT = 500
"""Clips that taught and are heard again at the end."""


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
        taught: the same figures on ``N_TAUGHT`` of the clips that taught, unaltered. A model that
            hears these badly too has learned little, or predicts otherwise than it trains.
    """

    model: EmotionModel
    temperature: float
    dev: Mapping[str, float]
    epoch: int
    train_s: float
    taught: Mapping[str, float] = field(default_factory=dict)


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
    kept: Kept | None = None,
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
        kept: features of earlier runs, to which those of this one are added.
        on_clip: called for every clip read.
        machines: what it runs on; ``out`` must be a folder that all of them see.

    Raises:
        ConfigError: when ``resume`` is asked for another recipe or split.
    """
    machines.check(recipe.optimiser.batch_size)
    check_same_run(recipe, split, out, resume=resume)
    if not split.dev:
        return _train_unwatched(recipe, split, out, resume, kept, on_clip, machines)
    model = begin(recipe, split)
    train_clips = _lessons(split.train, recipe, split, model, kept, on_clip)
    dev_clips = load_side(split.dev, recipe, model, altered=False, kept=kept, on_clip=on_clip)
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
    everyone = _lessons((*split.train, *split.dev), recipe, split, model, kept, on_clip)
    again, epoch = learn(
        recipe, model, everyone, None, out=out / REFIT, resume=resume, machines=machines
    )
    train_s = trained.train_s + time.perf_counter() - start
    taught = _heard_again(again, everyone)
    return replace(trained, model=again, epoch=epoch, train_s=train_s, taught=taught)


def _train_unwatched(
    recipe: Recipe,
    split: Sides,
    out: Path,
    resume: bool,
    kept: Kept | None,
    on_clip: Callable[[], None],
    machines: Machines,
) -> Trained:
    """Train where nobody chooses or calibrates."""
    start = time.perf_counter()
    model = begin(recipe, split)
    clips = _lessons(split.train, recipe, split, model, kept, on_clip)
    last, epoch = learn(recipe, model, clips, None, out=out, resume=resume, machines=machines)
    train_s = time.perf_counter() - start
    return Trained(last, 1.0, {}, epoch, train_s, taught=_heard_again(last, clips))


def _lessons(
    side: Sequence[Utterance],
    recipe: Recipe,
    split: Sides,
    model: EmotionModel,
    kept: Kept | None,
    on_clip: Callable[[], None],
) -> Clips:
    """Clips to learn from, with their altered copies and what the teachers say of them."""
    clips = load_side(side, recipe, model, altered=True, kept=kept, on_clip=on_clip)
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
    if recipe.begins_with:
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
    logits, truth = _logits(best, dev_clips)
    return Trained(
        model=best,
        temperature=fit_temperature(logits, truth),
        dev=_figures(logits, truth),
        epoch=epoch,
        train_s=time.perf_counter() - start,
        taught=_heard_again(best, train_clips),
    )


def _heard_again(model: nn.Module, clips: Clips) -> dict[str, float]:
    return _figures(*_logits(model, clips.some(N_TAUGHT)))


def _logits(model: nn.Module, clips: Clips) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
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
