"""One training run as Lightning sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import torch
from lightning.pytorch import LightningModule
from numpy.typing import NDArray
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR, OneCycleLR, ReduceLROnPlateau
from torch.optim.swa_utils import AveragedModel

from serotone.metrics.calibration import nll
from serotone.metrics.classes import accuracy, uar
from serotone.models.base import EmotionModel, ModelOutput
from serotone.training.batches import FeatureBatch
from serotone.training.callbacks import FIGURES
from serotone.training.losses import (
    masked_cross_entropy,
    masked_intensity_loss,
    supervised_contrastive_loss,
)
from serotone.training.recipe import OptimiserConfig
from serotone.training.speaker_adversarial import SpeakerAdversary, ramp


def moving_average(decay: float) -> Callable[[Any, Any, Tensor | int], None]:
    """An exponential moving average that forgets fast at first.

    After n steps the decay is min(decay, (1 + n) / (10 + n)), so that a short run is not judged
    by its first weights.
    """

    @torch.no_grad()
    def update(averaged: Any, current: Any, n_averaged: Tensor | int) -> None:
        n = int(n_averaged)
        weight = 1 - min(decay, (1 + n) / (10 + n))
        for kept, new in zip(averaged, current, strict=True):
            if kept.is_floating_point():
                kept.lerp_(new, weight)
            else:
                kept.copy_(new)

    return update


class EmotionModule(LightningModule):
    """Loss, optimiser and dev figures of a model; keeps a moving average of its weights.

    Args:
        model: learns.
        config: of the optimiser.
        n_steps: of the whole run, for the learning-rate cycle.
        seed: with the epoch, decides dropout.
        class_weights: (C,) for the loss, None where all rows count the same.
        adversary: guesses the speaker, where the optimiser gives it a weight.
    """

    class_weights: Tensor | None

    def __init__(
        self,
        model: EmotionModel,
        *,
        config: OptimiserConfig,
        n_steps: int,
        seed: int,
        class_weights: Tensor | None = None,
        adversary: SpeakerAdversary | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.adversary = adversary
        self.config = config
        self.n_steps = n_steps
        self.seed = seed
        self.register_buffer("class_weights", class_weights, persistent=False)
        self.averaged: AveragedModel | None = None
        if config.average:
            average = moving_average(config.average)
            self.averaged = AveragedModel(model, multi_avg_fn=average, use_buffers=True)
        self._logits: list[NDArray[np.float64]] = []
        self._truth: list[NDArray[np.int64]] = []

    @property
    def best(self) -> EmotionModel:
        """The model to keep: the averaged weights where there are some."""
        if self.averaged is None:
            return self.model
        return cast(EmotionModel, self.averaged.module)

    def configure_optimizers(self) -> Any:
        config = self.config
        kind = torch.optim.Adam if config.name == "adam" else torch.optim.AdamW
        # The moving average has weights of its own, which nobody teaches.
        learned = [*self.model.parameters()]
        if self.adversary is not None:
            learned += self.adversary.parameters()
        optimiser = kind(learned, lr=config.learning_rate, weight_decay=config.weight_decay)
        if config.schedule == "constant":
            return optimiser
        if config.schedule in ("plateau", "steps"):
            by_epoch = _plateau if config.schedule == "plateau" else _steps
            monitor, _ = FIGURES[config.monitor]
            return {
                "optimizer": optimiser,
                "lr_scheduler": {"scheduler": by_epoch(optimiser, config), "monitor": monitor},
            }
        # With four steps the rise would have none, and torch divides by that.
        n_steps = max(self.n_steps, 8)
        cycle = OneCycleLR(
            optimiser, max_lr=config.learning_rate, total_steps=n_steps, pct_start=0.25
        )
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": cycle, "interval": "step"}}

    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:
        # Those that go by epochs took their step before the epoch was saved: after, a resume
        # would lose it.
        if isinstance(scheduler, OneCycleLR):
            scheduler.step()

    def on_train_epoch_start(self) -> None:
        # Dropout draws from the global state: set by epoch, a resumed run draws the same.
        # Each process of several drops out otherwise; the first, as one alone does.
        torch.manual_seed(
            self.seed * 100_003 + self.current_epoch + 1_000_000_007 * self.global_rank
        )

    def training_step(self, batch: FeatureBatch, _: int) -> Tensor:
        output = self.model.classify(batch.features, batch.counts)
        loss = masked_cross_entropy(
            output.logits.float(),
            batch.targets,
            batch.allowed,
            class_weights=self.class_weights,
            focus=self.config.focus,
        )
        loss = loss + self.model.penalty()
        if self.config.intensity_weight:
            strength = masked_intensity_loss(output.intensity, batch.intensity)
            loss = loss + self.config.intensity_weight * strength
        loss = loss + self._of_embedding(output.embedding, batch)
        self.log("train/loss", loss, on_step=False, on_epoch=True, batch_size=len(batch.counts))
        return loss

    def _of_embedding(self, embedding: Tensor, batch: FeatureBatch) -> Tensor:
        """What training asks of the embedding besides."""
        loss = embedding.new_zeros(())
        if self.config.contrast_weight:
            # Of a mixture, the label that has most of it.
            labels = batch.targets.argmax(dim=1)
            contrast = supervised_contrastive_loss(embedding, labels)
            loss = loss + self.config.contrast_weight * contrast
        if self.adversary is not None:
            strength = ramp(self.global_step / self.n_steps)
            guesses = self.adversary(embedding.float(), strength=strength)
            wrong = torch.nn.functional.cross_entropy(guesses, batch.speakers)
            loss = loss + self.config.adversary_weight * wrong
        return loss

    def on_train_batch_end(self, *_: Any) -> None:
        if self.averaged is not None:
            self.averaged.update_parameters(self.model)

    def validation_step(self, batch: FeatureBatch, _: int) -> None:
        output: ModelOutput = self.best.classify(batch.features, batch.counts)
        logits = output.logits.float().masked_fill(~batch.allowed, -1e4)
        self._logits.append(logits.double().cpu().numpy())
        self._truth.append(batch.targets.argmax(dim=1).cpu().numpy())

    def on_validation_epoch_end(self) -> None:
        logits, truth = np.concatenate(self._logits), np.concatenate(self._truth)
        self._logits.clear()
        self._truth.clear()
        predicted = logits.argmax(axis=1)
        probabilities = torch.from_numpy(logits).softmax(dim=1).numpy()
        figures = {"dev/uar": uar(truth, predicted), "dev/nll": nll(probabilities, truth)}
        self.log("dev/uar", figures["dev/uar"], prog_bar=True)
        self.log("dev/accuracy", accuracy(truth, predicted))
        self.log("dev/nll", figures["dev/nll"])
        self.log("learning_rate", self.trainer.optimizers[0].param_groups[0]["lr"])
        scheduler = self.lr_schedulers()
        if isinstance(scheduler, ReduceLROnPlateau):
            scheduler.step(figures[FIGURES[self.config.monitor][0]])
        elif isinstance(scheduler, LambdaLR):
            scheduler.step()


def _steps(optimiser: torch.optim.Optimizer, config: OptimiserConfig) -> LambdaLR:
    def factor(epoch: int) -> float:
        n_steps = max(0, 1 + (epoch - config.step_start) // config.step_every)
        return config.step_factor**n_steps

    return LambdaLR(optimiser, factor)


def _plateau(optimiser: torch.optim.Optimizer, config: OptimiserConfig) -> ReduceLROnPlateau:
    return ReduceLROnPlateau(
        optimiser,
        mode="max" if config.monitor == "uar" else "min",
        factor=config.plateau_factor,
        patience=config.plateau_patience - 1,  # torch counts those it forgives
        min_lr=config.min_learning_rate,
        threshold_mode="abs",
    )
