"""A text model small enough to ship: a weighted bag of hashed n-grams and a little network.

After Joulin et al. 2017, Bag of Tricks for Efficient Text Classification,
doi:10.18653/v1/E17-2068, with a learned weight for each feature, so that words which mean nothing
do not thin out those which do.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from serotone.config import Config
from serotone.training.text_data import LABELS, Sentences
from serotone.words.ngrams import feature_ids, tokens

LOG = logging.getLogger(__name__)

Ids = NDArray[np.int64]


class TextConfig(Config):
    """The model and how it learns.

    Attributes:
        n_buckets: rows of the table that features are hashed into, a power of two.
        n_dims: columns of the table.
        n_hidden: units of the hidden layer beside the straight path.
        feature_dropout: share of features that an example goes without.
        spoken: share of examples that go without signs, as a transcript does.
        epochs: passes over the sentences.
        batch_size: sentences in a step.
        learning_rate: of the table at the beginning; it falls to zero in a straight line.
        seed: of everything random.
    """

    n_buckets: int = Field(default=1 << 17, gt=0)
    n_dims: int = Field(default=32, gt=0)
    n_hidden: int = Field(default=64, gt=0)
    feature_dropout: float = Field(default=0.3, ge=0, lt=1)
    spoken: float = Field(default=0.3, ge=0, le=1)
    epochs: int = Field(default=4, gt=0)
    batch_size: int = Field(default=128, gt=0)
    learning_rate: float = Field(default=2e-3, gt=0)
    seed: int = 0


class TextModel(nn.Module):
    """Features of texts to logits.

    Args:
        config: its sizes.
    """

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.table = nn.EmbeddingBag(config.n_buckets, config.n_dims, mode="sum", sparse=True)
        nn.init.uniform_(self.table.weight, -1 / config.n_dims, 1 / config.n_dims)
        self.log_weight = nn.Embedding(config.n_buckets, 1, sparse=True)
        nn.init.zeros_(self.log_weight.weight)
        self.head = TextHead(config)

    def forward(self, ids: Tensor, starts: Tensor, kept: Tensor) -> Tensor:
        """Logits (B, C) of texts that stand one after the other.

        Args:
            ids: int64 (F,), the features of all texts.
            starts: int64 (B,), where each text begins; none is empty.
            kept: float32 (F,), 0 for features that are dropped.
        """
        weights = self.log_weight(ids)[:, 0].exp() * kept  # (F,)
        text_of = torch.zeros_like(ids)
        text_of[starts[1:]] = 1
        text_of = text_of.cumsum(0)  # (F,)
        total = weights.new_zeros(len(starts)).index_add_(0, text_of, weights)  # (B,)
        weights = weights / normaliser(total)[text_of]
        logits: Tensor = self.head(self.table(ids, starts, per_sample_weights=weights))
        return logits

    def sparse_parameters(self) -> list[Tensor]:
        """Those of which a batch touches a few rows."""
        return [self.table.weight, self.log_weight.weight]


class TextHead(nn.Module):
    """The bag of a text (B, D) to logits (B, C): a straight path and one bent once."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.straight = nn.Linear(config.n_dims, len(LABELS))
        self.bent = nn.Sequential(
            nn.Linear(config.n_dims, config.n_hidden),
            nn.ReLU(),
            nn.Dropout(0.3),
            nn.Linear(config.n_hidden, len(LABELS)),
        )

    def forward(self, bag: Tensor) -> Tensor:
        """(B, D) to (B, C)."""
        logits: Tensor = self.straight(bag) + self.bent(bag)
        return logits


def normaliser(total: Tensor) -> Tensor:
    """What a bag is divided by: the root of its weights' sum, between a sum and a mean."""
    return total.clamp_min(1e-3).sqrt()


def featurise(texts: Sequence[str], n_buckets: int, *, spoken: bool = False) -> list[Ids]:
    """The features of each text, at least one; without signs where ``spoken``."""
    found = []
    for text in texts:
        words = [token.text for token in tokens(text)]
        if spoken:
            words = [word for word in words if word[0].isalnum()] or words
        ids = feature_ids(words, n_buckets)
        found.append(ids if len(ids) else np.zeros(1, np.int64))
    return found


def train(config: TextConfig, sentences: Sentences) -> TextModel:
    """A model of these sentences, the same for the same seed.

    A sentence with several labels is shared out among them evenly.
    """
    torch.manual_seed(config.seed)
    rng = np.random.default_rng(config.seed)
    model = TextModel(config)
    written = featurise(sentences.texts, config.n_buckets)
    spoken = featurise(sentences.texts, config.n_buckets, spoken=True)
    shares = sentences.targets / sentences.targets.sum(axis=1, keepdims=True)
    targets = torch.from_numpy(shares)
    optimisers: tuple[torch.optim.Optimizer, ...] = (
        torch.optim.SparseAdam(model.sparse_parameters(), lr=config.learning_rate),
        torch.optim.Adam(model.head.parameters(), lr=1e-3),
    )
    n_steps = config.epochs * -(-len(written) // config.batch_size)
    schedules = [
        torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1 - step / n_steps)
        for optimiser in optimisers
    ]
    for epoch in range(config.epochs):
        model.train()
        losses = []
        for rows in _batches(rng, len(written), config.batch_size):
            as_spoken = rng.random(len(rows)) < config.spoken
            chosen = [
                (spoken if drop else written)[row]
                for row, drop in zip(rows, as_spoken, strict=True)
            ]
            ids, starts = flatten(chosen)
            kept = (torch.rand(len(ids)) >= config.feature_dropout).float()
            log_shares = model(ids, starts, kept).log_softmax(dim=1)
            loss = functional.kl_div(log_shares, targets[rows], reduction="batchmean")
            for optimiser in optimisers:
                optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            for optimiser, schedule in zip(optimisers, schedules, strict=True):
                optimiser.step()
                schedule.step()
            losses.append(loss.item())
        LOG.info("epoch %d: loss %.4f", epoch + 1, np.mean(losses))
    return model.eval()


def flatten(features: Sequence[Ids]) -> tuple[Tensor, Tensor]:
    """Features of texts one after the other, and where each text begins."""
    starts = np.cumsum([0, *(len(ids) for ids in features[:-1])])
    return torch.from_numpy(np.concatenate(features)), torch.from_numpy(starts)


def _batches(rng: np.random.Generator, n: int, size: int) -> list[NDArray[np.int64]]:
    order = rng.permutation(n)
    return [order[start : start + size] for start in range(0, n, size)]
