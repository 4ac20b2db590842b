"""The optimisation itself: clips in, the weights of the epoch that is kept out."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from serotone.models.base import EmotionModel
from serotone.training.batches import TrainingBatches, WholeClips, pad
from serotone.training.callbacks import (
    LAST,
    TellEpoch,
    checkpoints,
    loggers,
    progress,
    stopping,
)
from serotone.training.data import Clips
from serotone.training.devices import Machines
from serotone.training.module import EmotionModule
from serotone.training.recipe import Recipe
from serotone.training.sampling import class_weights
from serotone.training.speaker_adversarial import SpeakerAdversary

ONE_PROCESS = Machines()


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

    Raises:
        KeyboardInterrupt: when the user stops it; ``resume`` goes on after the last whole epoch.
    """
    config = recipe.optimiser
    if config.threads:
        torch.set_num_threads(config.threads)
    # A convolution is up to three times as fast with the channels last, in bfloat16 above all.
    lay_out(model, torch.channels_last)
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
    with _interruptible(trainer):
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
    best = module.best.cpu().eval()
    lay_out(best, torch.contiguous_format)
    return best, int(state["epoch"])


def lay_out(model: EmotionModel, layout: torch.memory_format) -> None:
    """Order the weights of two-dimensional convolutions in memory; what they convolve follows."""
    model.to(memory_format=layout)  # type: ignore[call-overload]


@contextlib.contextmanager
def _interruptible(trainer: Trainer) -> Iterator[None]:
    """Lightning answers Ctrl-C by leaving Python, deaf to any more of them; who called decides."""
    here = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit:
        if not trainer.interrupted:
            raise
        if here:
            signal.signal(signal.SIGINT, before)
        raise KeyboardInterrupt from None


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
        shares=recipe.data.by_corpus(recipe.data.shares),
        vote_weight=recipe.optimiser.vote_weight,
        soft_targets=clips.opinions,
        teacher_weight=recipe.optimiser.teacher_weight,
        n_ranks=n_ranks,
    )


def _quieten() -> None:
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    warnings.filterwarnings("ignore", module="lightning")
