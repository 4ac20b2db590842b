"""What Lightning is told besides the steps: which epoch to keep, when to stop, what to draw."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger

from serotone.training.batches import TrainingBatches
from serotone.training.recipe import OptimiserConfig

FIGURES = {"uar": ("dev/uar", "max"), "loss": ("dev/nll", "min")}
"""The figures on dev that a recipe may name: as they are logged, and which way is better."""


LAST = "last"
"""Checkpoint of the last whole epoch."""


class TellEpoch(Callback):
    """Tells the batches which epoch it is, also after a resume, and which share is theirs."""

    def __init__(self, batches: TrainingBatches) -> None:
        self.batches = batches

    def setup(self, trainer: Trainer, pl_module: Any, stage: str) -> None:
        self.batches.rank = trainer.global_rank

    def on_train_epoch_start(self, trainer: Trainer, pl_module: Any) -> None:
        self.batches.epoch = trainer.current_epoch


class Patience(EarlyStopping):
    """Early stopping that stays stopped: a finished run that is resumed trains no further."""

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        if self.wait_count >= self.patience:
            trainer.should_stop = True


def checkpoints(config: OptimiserConfig, folder: Path) -> list[ModelCheckpoint]:
    """What keeps epochs: first the epoch that the recipe wants.

    ``last.ckpt``, from which a killed run goes on, has its own callback: ``save_last`` of the
    other would write only when the best epoch changes.
    """
    last = ModelCheckpoint(folder, filename=LAST, enable_version_counter=False)
    if config.keep == "last":
        return [last]
    monitor, mode = FIGURES[config.keep]
    best = ModelCheckpoint(
        folder, filename="best", monitor=monitor, mode=mode, enable_version_counter=False
    )
    return [best, last]


def stopping(config: OptimiserConfig) -> list[Callback]:
    """Early stopping, where the recipe asks for it."""
    if not config.patience:
        return []
    monitor, mode = FIGURES[config.monitor]
    return [Patience(monitor, patience=config.patience, mode=mode)]


def progress() -> list[Callback]:
    """A bar on standard error, where that is a terminal."""
    return [RichProgressBar(console_kwargs={"stderr": True})] if sys.stderr.isatty() else []


def loggers(out: Path) -> list[Logger]:
    """Curves as CSV and for TensorBoard, a folder for each part of a run."""
    logs = out / "logs"
    # A logger would empty the folder of an earlier part of the run: each part gets its own.
    n_parts = len(list((logs / "csv").glob("part-*")))
    part = f"part-{n_parts + 1}"
    return [
        CSVLogger(logs, name="csv", version=part),
        TensorBoardLogger(logs, name="tensorboard", version=part),
    ]
