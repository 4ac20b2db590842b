"""Clips as tensors: read once, features kept, batches drawn the same way for the same seed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from serotone.audio.io import read
from serotone.augment import AugmentConfig, augment_clip, mixup_pairs
from serotone.errors import CorpusError
from serotone.models.contract import EmotionModel
from serotone.types import Audio, Utterance


class FeatureBatch(NamedTuple):
    """Features of a batch and what to learn from them.

    Attributes:
        features: float32 (B, T, F), zero after each clip.
        counts: int64 (B,), frames.
        targets: float32 (B, C), summing to 1 a clip.
        allowed: bool (B, C), the classes that the clip's corpus has.
        intensity: float32 (B,), NaN where unknown.
    """

    features: Tensor
    counts: Tensor
    targets: Tensor
    allowed: Tensor
    intensity: Tensor


@dataclass(frozen=True)
class Clips:
    """Features and truth of one side of a split.

    Attributes:
        features: one (T, F) tensor a clip.
        labels: int64 (M,).
        allowed: bool (M, C).
        intensity: float32 (M,), NaN where unknown.
        weights: float64 (M,), chance of being drawn, None for each once an epoch.
    """

    features: list[Tensor]
    labels: Tensor
    allowed: Tensor
    intensity: Tensor
    weights: Tensor | None

    def __len__(self) -> int:
        return len(self.features)


def load_clips(
    utterances: Sequence[Utterance],
    model: EmotionModel,
    *,
    labels: Sequence[str],
    balance: str = "none",
    on_clip: Callable[[], None] = lambda: None,
) -> Clips:
    """Read the sound and compute the model's features, which have no learned state.

    Raises:
        CorpusError: when there is no clip with one of the labels.
        AudioError: when a clip cannot be read.
    """
    known = [u for u in utterances if u.label in labels]
    if not known:
        raise CorpusError(
            f"got {len(utterances)} clips and none with a label of {', '.join(labels)}. "
            "Check the corpus folder and the recipe's labels."
        )
    index = {label: i for i, label in enumerate(labels)}
    features = []
    for utterance in known:
        features.append(_features_of(utterance, model))
        on_clip()
    truth = torch.tensor([index[u.label] for u in known if u.label is not None])
    return Clips(
        features=features,
        labels=truth,
        allowed=_allowed(known, truth, len(labels)),
        intensity=torch.tensor([u.intensity for u in known], dtype=torch.float32),
        weights=_speaker_weights(known) if balance == "speakers" else None,
    )


def read_utterance(utterance: Utterance, sample_rate: int) -> Audio:
    """The sound of an utterance, cut to its place in the file."""
    whole = read(utterance.path, sample_rate=sample_rate)
    if utterance.start_s == 0 and math.isnan(utterance.end_s):
        return whole
    start = round(utterance.start_s * sample_rate)
    end = None if math.isnan(utterance.end_s) else round(utterance.end_s * sample_rate)
    return Audio(whole.signal[start:end], sample_rate, str(utterance.path), utterance.start_s)


def _features_of(utterance: Utterance, model: EmotionModel) -> Tensor:
    sound = read_utterance(utterance, model.sample_rate)
    with torch.no_grad():
        signal = torch.from_numpy(sound.signal)[None]
        features, _ = model.features(signal, torch.tensor([signal.shape[1]]))
    return features[0]


def _allowed(utterances: Sequence[Utterance], labels: Tensor, n_classes: int) -> Tensor:
    corpora = sorted({u.corpus for u in utterances})
    row = torch.tensor([corpora.index(u.corpus) for u in utterances])
    seen = torch.zeros(len(corpora), n_classes, dtype=torch.bool)
    seen[row, labels] = True
    return seen[row]


def _speaker_weights(utterances: Sequence[Utterance]) -> Tensor:
    counts = Counter(u.speaker for u in utterances)
    return torch.tensor([counts[u.speaker] ** -0.5 for u in utterances], dtype=torch.float64)


def pad(features: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """(T, F) tensors to (B, T max, F) and (B,) counts."""
    counts = torch.tensor([len(f) for f in features])
    return torch.nn.utils.rnn.pad_sequence(list(features), batch_first=True), counts


class TrainingBatches:
    """An epoch of augmented batches; the same seed and epoch give the same batches.

    Args:
        clips: the training side.
        augment: how to alter them.
        batch_size: in clips; a last batch of one clip is left out.
        max_frames: longest crop.
        label_smoothing: share of the target spread over the allowed classes.
        seed: with the epoch, decides all that is drawn.
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
    ) -> None:
        self.clips = clips
        self.augment = augment
        self.batch_size = batch_size
        self.max_frames = max_frames
        self.seed = seed
        self.epoch = 0
        allowed = clips.allowed.float()
        truth = torch.nn.functional.one_hot(clips.labels, allowed.shape[1]).float()
        spread = allowed / allowed.sum(1, keepdim=True)
        self.targets = (1 - label_smoothing) * truth + label_smoothing * spread

    def __len__(self) -> int:
        full, rest = divmod(len(self.clips), self.batch_size)
        return full + (rest > 1)

    def __iter__(self) -> Iterator[FeatureBatch]:
        generator = torch.Generator().manual_seed(self.seed * 100_003 + self.epoch)
        order = self._order(generator)
        for i in range(len(self)):
            yield self._batch(order[i * self.batch_size : (i + 1) * self.batch_size], generator)

    def _order(self, generator: torch.Generator) -> Tensor:
        if self.clips.weights is None:
            return torch.randperm(len(self.clips), generator=generator)
        return torch.multinomial(
            self.clips.weights, len(self.clips), replacement=True, generator=generator
        )

    def _batch(self, rows: Tensor, generator: torch.Generator) -> FeatureBatch:
        altered = []
        for row in rows.tolist():
            clip = augment_clip(self.clips.features[row], self.augment, generator)
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
        )
        if self.augment.mixup:
            batch = mix(batch, *mixup_pairs(len(rows), self.augment.mixup, generator))
        return batch


def mix(batch: FeatureBatch, partner: Tensor, share: Tensor) -> FeatureBatch:
    """Mixup: each clip keeps ``share`` (B,) of itself and takes the rest from its partner."""
    keep = share[:, None]
    return FeatureBatch(
        features=keep[..., None] * batch.features + (1 - keep[..., None]) * batch.features[partner],
        counts=torch.maximum(batch.counts, batch.counts[partner]),
        targets=keep * batch.targets + (1 - keep) * batch.targets[partner],
        allowed=batch.allowed | batch.allowed[partner],
        intensity=share * batch.intensity + (1 - share) * batch.intensity[partner],
    )


class WholeClips:
    """Batches of unaltered clips, for choosing and calibrating."""

    def __init__(self, clips: Clips, *, batch_size: int) -> None:
        self.clips = clips
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
            )
