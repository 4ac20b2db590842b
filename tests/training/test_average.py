"""The moving average of the weights."""

from __future__ import annotations

import torch

from serotone.training.module import moving_average


def after(n_steps: int, decay: float) -> float:
    update = moving_average(decay)
    averaged = [torch.zeros(1)]
    for n in range(n_steps):
        update(averaged, [torch.ones(1)], n)
    return float(averaged[0])


def test_a_short_run_is_not_judged_by_its_first_weights() -> None:
    assert after(20, 0.999) > 0.9  # a plain average would stand at 0.02


def test_a_long_run_forgets_as_slowly_as_asked() -> None:
    update, averaged = moving_average(0.9), [torch.zeros(1)]
    update(averaged, [torch.ones(1)], 10_000)
    torch.testing.assert_close(averaged[0], torch.tensor([0.1]))


def test_counts_are_copied() -> None:
    averaged = [torch.tensor(3)]
    moving_average(0.9)(averaged, [torch.tensor(7)], 5)
    assert int(averaged[0]) == 7
