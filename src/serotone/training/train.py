"""Recipe and split to a model folder."""

from __future__ import annotations

import json
import logging
import os
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger
from numpy.typing import NDArray
from torch import nn

from serotone.corpora import read
from serotone.corpora.split import fold
from serotone.errors import ConfigError, CorpusError
from serotone.metrics.calibration import fit_temperature
from serotone.models import MODELS
from serotone.models.contract import EmotionModel
from serotone.training.data import Clips, TrainingBatches, WholeClips, load_clips
from serotone.training.module import EmotionModule
from serotone.training.recipe import Recipe
from serotone.types import Sides, Split, Utterance


@dataclass(frozen=True)
class Trained:
    """What a run gives.

    Attributes:
        model: with the weights of the epoch that was best on dev, on the CPU, not training.
        temperature: fitted on dev.
        dev: figures on dev, of the epoch that was kept.
        epoch: the one that was kept, from 0.
        train_s: wall time of the run, in seconds, earlier parts of a resumed run left out.
    """

    model: EmotionModel
    temperature: float
    dev: Mapping[str, float]
    epoch: int
    train_s: float


def read_corpora(recipe: Recipe, roots: Mapping[str, Path]) -> list[Utterance]:
    """Every utterance of the recipe's corpora.

    Raises:
        CorpusError: when a corpus has no folder in ``roots`` or cannot be read.
    """
    utterances: list[Utterance] = []
    for name in recipe.data.corpora:
        if name not in roots:
            raise CorpusError(
                f"recipe '{recipe.name}' needs the corpus '{name}', which has no folder. "
                f"Give --corpora DIR with DIR/{name} in it, or --root for a single corpus."
            )
        utterances += read(name, roots[name], **recipe.data.options.get(name, {})).utterances
    return utterances


def split_of(recipe: Recipe, utterances: Sequence[Utterance]) -> Sides:
    """The recipe's split of these utterances.

    Raises:
        ConfigError: when a listed speaker is not there, or no clip is left to choose on.
    """
    data = recipe.data
    if data.split == "speakers":
        split: Sides = _by_lists(recipe, utterances)
    else:
        split = fold(utterances, data.split, seed=recipe.seed)
    if not split.train or not split.dev:
        raise ConfigError(
            f"split '{split.name}' has {len(split.train)} training and {len(split.dev)} dev clips; "
            "both sides need some. Choose another split or more speakers."
        )
    return split


def with_labels(recipe: Recipe, split: Sides) -> Recipe:
    """The recipe with its labels filled in from the training clips where it leaves them open."""
    if recipe.data.labels:
        return recipe
    found = tuple(sorted({u.label for u in split.train if u.label is not None}))
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"labels": found})})


def _by_lists(recipe: Recipe, utterances: Sequence[Utterance]) -> Split:
    data = recipe.data
    present = {u.speaker for u in utterances}
    for speaker in (*data.dev_speakers, *data.test_speakers):
        if speaker not in present:
            raise ConfigError(f"[data] speaker '{speaker}' is in none of the recipe's corpora.")
    held = {*data.dev_speakers, *data.test_speakers}
    return Split(
        name=f"{recipe.name}-speakers",
        train=tuple(u for u in utterances if u.speaker not in held),
        dev=tuple(u for u in utterances if u.speaker in data.dev_speakers),
        test=tuple(u for u in utterances if u.speaker in data.test_speakers),
    )


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
) -> Trained:
    """Train, choose the epoch on dev, calibrate on dev. The test side is not looked at.

    Args:
        recipe: what to do.
        split: ``train`` teaches, ``dev`` chooses.
        out: folder of checkpoints and logs (CSV and TensorBoard).
        resume: go on after the last whole epoch in ``out``, to the same result.
        on_clip: called for every clip read.

    Raises:
        ConfigError: when ``resume`` is asked for another recipe or split.
    """
    _check_same_run(recipe, split, out, resume=resume)
    model = build(recipe)
    sides = [
        load_clips(
            side,
            model,
            labels=recipe.data.labels,
            balance=recipe.data.balance,
            on_clip=on_clip,
        )
        for side in (split.train, split.dev)
    ]
    return fit(recipe, model, train_clips=sides[0], dev_clips=sides[1], out=out, resume=resume)


def fit(
    recipe: Recipe,
    model: EmotionModel,
    *,
    train_clips: Clips,
    dev_clips: Clips,
    out: Path,
    resume: bool = False,
) -> Trained:
    """Train on clips whose features are there already. See ``train``."""
    start = time.perf_counter()
    batches = _training_batches(recipe, model, train_clips)
    module = EmotionModule(
        model,
        config=recipe.optimiser,
        n_steps=recipe.optimiser.epochs * len(batches),
        seed=recipe.seed,
    )
    keep = ModelCheckpoint(
        out / "checkpoints",
        filename="best",
        monitor="dev/uar",
        mode="max",
        save_last=True,
        enable_version_counter=False,
    )
    last = out / "checkpoints" / "last.ckpt"
    _quieten()
    trainer = Trainer(
        max_epochs=recipe.optimiser.epochs,
        accelerator="auto",
        devices=1,
        callbacks=[keep, _Epoch(batches), *_progress()],
        logger=_loggers(out),
        gradient_clip_val=recipe.optimiser.gradient_clip,
        enable_model_summary=False,
        enable_progress_bar=bool(_progress()),
        num_sanity_val_steps=0,
        log_every_n_steps=1,
    )
    trainer.fit(
        module,
        train_dataloaders=batches,
        val_dataloaders=WholeClips(dev_clips, batch_size=64),
        ckpt_path=str(last) if resume and last.is_file() else None,
        weights_only=False,
    )
    # Our own file of this run, which also holds the optimiser's state.
    state = torch.load(keep.best_model_path, map_location="cpu", weights_only=False)
    module.load_state_dict(state["state_dict"])
    best = module.best.cpu().eval()
    logits, truth = _dev_logits(best, dev_clips)
    return Trained(
        model=best,
        temperature=fit_temperature(logits, truth),
        dev={"uar": float(state["callbacks"][keep.state_key]["best_model_score"])},
        epoch=int(state["epoch"]),
        train_s=time.perf_counter() - start,
    )


def _training_batches(recipe: Recipe, model: EmotionModel, clips: Clips) -> TrainingBatches:
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
    )


def _dev_logits(model: nn.Module, clips: Clips) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    logits = []
    with torch.no_grad():
        for batch in WholeClips(clips, batch_size=64):
            output = model.classify(batch.features, batch.counts)  # type: ignore[operator]
            logits.append(output.logits.masked_fill(~batch.allowed, -1e4).double().numpy())
    return np.concatenate(logits), clips.labels.numpy()


class _Epoch(Callback):
    """Tells the batches which epoch it is, also after a resume."""

    def __init__(self, batches: TrainingBatches) -> None:
        self.batches = batches

    def on_train_epoch_start(self, trainer: Trainer, pl_module: Any) -> None:
        self.batches.epoch = trainer.current_epoch


def _progress() -> list[Callback]:
    import sys

    return [RichProgressBar()] if sys.stderr.isatty() else []


def _loggers(out: Path) -> list[Logger]:
    logs = out / "logs"
    # A logger would empty the folder of an earlier part of the run: each part gets its own.
    n_parts = len(list((logs / "csv").glob("part-*")))
    part = f"part-{n_parts + 1}"
    return [
        CSVLogger(logs, name="csv", version=part),
        TensorBoardLogger(logs, name="tensorboard", version=part),
    ]


def _quieten() -> None:
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    warnings.filterwarnings("ignore", module="lightning")


def _check_same_run(recipe: Recipe, split: Sides, out: Path, *, resume: bool) -> None:
    """Refuse to go on with a run that was another recipe's or another split's."""
    identity = {"recipe": recipe.model_dump(mode="json"), "split_hash": split.hash}
    file = out / "run.json"
    if resume and file.is_file() and json.loads(file.read_text()) != identity:
        raise ConfigError(
            f"{out} holds a run of another recipe, seed or split. "
            "Give another --out, or leave --resume away to start over."
        )
    out.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(identity, indent=2) + "\n", encoding="utf-8")
