"""Balancing: which rows an epoch shows, and what they weigh."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from serotone.training.losses import masked_cross_entropy
from serotone.training.sampling import Balance, class_weights, epoch_length, epoch_order

LABELS = torch.tensor([0] * 11 + [1] * 4 + [3] * 2)


def order(labels: Tensor, balance: Balance, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    speakers = ["ann"] * (len(labels) - 1) + ["bob"]
    return epoch_order(labels, speakers, balance=balance, generator=generator)


@settings(max_examples=50, deadline=None)
@given(
    labels=st.lists(st.integers(0, 4), min_size=1, max_size=40),
    balance=st.sampled_from(["none", "speakers", "oversample", "batches"]),
    seed=st.integers(0, 99),
)
def test_an_epoch_is_as_long_as_it_says_and_repeats(
    labels: list[int], balance: Balance, seed: int
) -> None:
    rows = torch.tensor(labels)
    shown = order(rows, balance, seed)
    assert len(shown) == epoch_length(rows, balance)
    assert 0 <= int(shown.min()) <= int(shown.max()) < len(labels)
    assert torch.equal(shown, order(rows, balance, seed))
    if balance == "none":
        assert sorted(shown.tolist()) == list(range(len(labels)))


def test_oversampling_shows_all_rows_and_every_class_as_often() -> None:
    shown = order(LABELS, "oversample")
    assert set(shown.tolist()) == set(range(17))
    assert LABELS[shown].bincount().tolist() == [11, 11, 0, 11]


@pytest.mark.parametrize("batch_size", [3, 4, 6, 7])
def test_balanced_batches_have_as_many_of_each_class(batch_size: int) -> None:
    shown = LABELS[order(LABELS, "batches")]
    for start in range(0, len(shown) - batch_size + 1, batch_size):
        counts = shown[start : start + batch_size].bincount(minlength=4)[[0, 1, 3]]
        assert int(counts.max() - counts.min()) <= 1


def test_a_speaker_with_four_times_the_rows_is_heard_twice_as_often() -> None:
    speakers = ["ann"] * 4 + ["bob"]
    rows = torch.arange(5) * 0
    generator = torch.Generator().manual_seed(0)
    shown = torch.cat(
        [epoch_order(rows, speakers, balance="speakers", generator=generator) for _ in range(4000)]
    )
    ratio = float((shown < 4).sum() / (shown == 4).sum())
    assert ratio == pytest.approx(2, rel=0.05)


def test_each_corpus_has_its_share_of_an_epoch() -> None:
    corpora = ["small"] * 3 + ["large"] * 17
    speakers = ["ann", "bob", "bob"] + ["cid"] * 17
    shown = torch.cat(
        [
            epoch_order(
                torch.zeros(20, dtype=torch.int64),
                speakers,
                balance="speakers",
                generator=torch.Generator().manual_seed(seed),
                corpora=corpora,
                shares={"small": 3, "large": 1},
            )
            for seed in range(2000)
        ]
    )
    assert float((shown < 3).float().mean()) == pytest.approx(0.75, rel=0.02)
    # Within a corpus, speakers count as they do without shares: two rows, heard sqrt(2) as often.
    ratio = float(((shown == 1) | (shown == 2)).sum() / (shown == 0).sum())
    assert ratio == pytest.approx(2**0.5, rel=0.05)


def test_class_weights_give_every_class_the_same_say() -> None:
    weights = class_weights(LABELS, 5)
    totals = [float(weights[label] * (label == LABELS).sum()) for label in (0, 1, 3)]
    assert totals == pytest.approx([17 / 3] * 3)
    assert weights[[2, 4]].tolist() == [1, 1]


def test_weighted_loss_is_torchs() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(6, 3, generator=generator)
    truth = torch.tensor([0, 1, 2, 0, 0, 1])
    weights = torch.tensor([0.5, 2.0, 3.0])
    ours = masked_cross_entropy(
        logits,
        torch.nn.functional.one_hot(truth, 3).float(),
        torch.ones(6, 3, dtype=torch.bool),
        class_weights=weights,
    )
    torch.testing.assert_close(ours, torch.nn.functional.cross_entropy(logits, truth, weights))


def test_focal_loss_by_its_formula() -> None:
    logits = torch.tensor([[2.0, 0.0], [-1.0, 1.0]])
    truth = torch.eye(2)
    allowed = torch.ones(2, 2, dtype=torch.bool)
    p = logits.softmax(1).diagonal()
    expected = (-((1 - p) ** 2) * p.log()).mean()
    torch.testing.assert_close(masked_cross_entropy(logits, truth, allowed, focus=2.0), expected)
    plain = masked_cross_entropy(logits, truth, allowed)
    assert masked_cross_entropy(logits, truth, allowed, focus=2.0) < plain
