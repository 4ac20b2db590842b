"""Batches of features, drawn the same way for the same seed and epoch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from serotone.effects import AugmentConfig, augment_clip, mixup_pairs
from serotone.training.data import Clips
from serotone.training.sampling import Balance, epoch_length, epoch_order


class FeatureBatch(NamedTuple):
    """Features of a batch and what to learn from them.

    Attributes:
        features: float32 (B, T, F), zero after each clip.
        counts: int64 (B,), frames.
        targets: float32 (B, C), summing to 1 a clip.
        allowed: bool (B, C), the classes that the clip's corpus has.
        intensity: float32 (B,), NaN where unknown.
        speakers: int64 (B,), numbers of the speakers of this side in the order of their names.
    """

    features: Tensor
    counts: Tensor
    targets: Tensor
    allowed: Tensor
    intensity: Tensor
    speakers: Tensor


def numbered(names: Sequence[str]) -> Tensor:
    """int64 (M,): each name's place among all different ones, sorted.

    Example:
        >>> numbered(["b", "a", "b"]).tolist()
        [1, 0, 1]
    """
    places = {name: place for place, name in enumerate(sorted(set(names)))}
    return torch.tensor([places[name] for name in names], dtype=torch.int64)


def pad(features: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """(T, F) tensors to float32 (B, T max, F) and (B,) counts."""
    counts = torch.tensor([len(f) for f in features])
    padded = torch.nn.utils.rnn.pad_sequence(list(features), batch_first=True)
    return padded.float(), counts


class TrainingBatches:
    """An epoch of augmented batches; the same seed and epoch give the same batches.

    Args:
        clips: the training side.
        augment: how to alter their features.
        batch_size: in clips; a last batch of one clip is left out.
        max_frames: longest crop.
        label_smoothing: share of the target spread over the allowed classes.
        seed: with the epoch, decides all that is drawn.
        balance, shares: which rows an epoch shows (see ``epoch_order``).
        vote_weight: share of the target of each row with votes that these are.
        soft_targets: (M, C), what a teacher says of each row, and the share ``teacher_weight`` of
            the targets that it is.
        n_ranks: processes that share each batch. ``rank`` says which of them this is.
    """

    def __init__(
        self,
        clips: Clips,
        *,
        augment: AugmentConfig,
        batch_size: int,
        max_frames: int,
        label_smoothing: float,
        seed: int,
        balance: Balance = "none",
        shares: Mapping[str, float] | None = None,
        vote_weight: float = 0.0,
        soft_targets: Tensor | None = None,
        teacher_weight: float = 0.0,
        n_ranks: int = 1,
    ) -> None:
        self.n_ranks = n_ranks
        self.rank = 0
        self.clips = clips
        self.augment = augment
        self.batch_size = batch_size
        self.max_frames = max_frames
        self.seed = seed
        self.balance: Balance = balance
        self.shares = shares or {}
        self.epoch = 0
        self.speakers = numbered(clips.speakers)
        allowed = clips.allowed.float()
        truth = torch.nn.functional.one_hot(clips.labels, allowed.shape[1]).float()
        spread = allowed / allowed.sum(1, keepdim=True)
        self.targets = (1 - label_smoothing) * truth + label_smoothing * spread
        if clips.votes is not None:
            voted = clips.votes.sum(dim=1, keepdim=True)
            self.targets = self.targets.lerp(clips.votes, vote_weight * voted)
        if soft_targets is not None:
            self.targets = self.targets.lerp(soft_targets, teacher_weight)

    def __len__(self) -> int:
        full, rest = divmod(epoch_length(self.clips.labels, self.balance), self.batch_size)
        return full + (rest >= 2 * self.n_ranks)

    def __iter__(self) -> Iterator[FeatureBatch]:
        generator = torch.Generator().manual_seed(self.seed * 100_003 + self.epoch)
        clips = self.clips
        order = epoch_order(
            clips.labels,
            clips.speakers,
            balance=self.balance,
            generator=generator,
            corpora=clips.corpora,
            shares=self.shares,
        )
        if self.n_ranks > 1:
            # All processes drew one order; what each alters in its share is its own.
            generator.manual_seed((self.seed * 100_003 + self.epoch) * 1009 + 1 + self.rank)
        for i in range(len(self)):
            rows = order[i * self.batch_size : (i + 1) * self.batch_size]
            yield self._batch(rows[self.rank :: self.n_ranks], generator)

    def _batch(self, rows: Tensor, generator: torch.Generator) -> FeatureBatch:
        altered = []
        for row in rows.tolist():
            clip = augment_clip(self._variant(row, generator), self.augment, generator)
            surplus = len(clip) - self.max_frames
            start = int(torch.randint(surplus + 1, (), generator=generator)) if surplus > 0 else 0
            altered.append(clip[start : start + self.max_frames])
        features, counts = pad(altered)
        batch = FeatureBatch(
            features,
            counts,
            self.targets[rows],
            self.clips.allowed[rows],
            self.clips.intensity[rows],
            self.speakers[rows],
        )
        if self.augment.mixup:
            batch = mix(batch, *mixup_pairs(len(rows), self.augment.mixup, generator))
        return batch

    def _variant(self, row: int, generator: torch.Generator) -> Tensor:
        """The clip or one of its copies, each with the same chance."""
        copies = self.clips.copies[row]
        # Without copies nothing is drawn: what else is drawn stays the same.
        choice = int(torch.randint(1 + len(copies), (), generator=generator)) if copies else 0
        return (copies[choice - 1] if choice else self.clips.features[row]).float()


def mix(batch: FeatureBatch, partner: Tensor, share: Tensor) -> FeatureBatch:
    """Mixup: each clip keeps ``share`` (B,) of itself and takes the rest from its partner."""
    keep = share[:, None]
    return FeatureBatch(
        features=keep[..., None] * batch.features + (1 - keep[..., None]) * batch.features[partner],
        counts=torch.maximum(batch.counts, batch.counts[partner]),
        targets=keep * batch.targets + (1 - keep) * batch.targets[partner],
        allowed=batch.allowed | batch.allowed[partner],
        intensity=share * batch.intensity + (1 - share) * batch.intensity[partner],
        # Of two voices at once, the louder.
        speakers=torch.where(share >= 0.5, batch.speakers, batch.speakers[partner]),
    )


class WholeClips:
    """Batches of unaltered clips, for choosing and calibrating."""

    def __init__(self, clips: Clips, *, batch_size: int) -> None:
        self.clips = clips
        self.speakers = numbered(clips.speakers)
        self.batch_size = batch_size

    def __len__(self) -> int:
        return math.ceil(len(self.clips) / self.batch_size)

    def __iter__(self) -> Iterator[FeatureBatch]:
        n_classes = self.clips.allowed.shape[1]
        targets = torch.nn.functional.one_hot(self.clips.labels, n_classes).float()
        for start in range(0, len(self.clips), self.batch_size):
            rows = slice(start, start + self.batch_size)
            features, counts = pad(self.clips.features[rows])
            yield FeatureBatch(
                features,
                counts,
                targets[rows],
                self.clips.allowed[rows],
                self.clips.intensity[rows],
                self.speakers[rows],
            )
