"""Training in two processes: each sees its own clips, and both end with the same weights."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from serotone.effects import AugmentConfig
from serotone.errors import ConfigError
from serotone.training.batches import TrainingBatches
from serotone.training.devices import Machines, is_main_process
from tests.training.test_fit import clips

RUN = """
import os, sys
from pathlib import Path

import torch
from lightning.pytorch.trainer import Trainer

from serotone.training import batches, train
from serotone.training.devices import Machines
from serotone.training.recipe import Recipe
from tests.training.test_fit import TINY, clips

out = Path(sys.argv[1])
rank = int(os.environ["LOCAL_RANK"])
seen = []
make = batches.TrainingBatches._batch

def watched(self, rows, generator):
    seen.append(rows.tolist())
    return make(self, rows, generator)

batches.TrainingBatches._batch = watched
fit = Trainer.fit

def kept(self, module, *args, **options):
    before = {k: v.clone() for k, v in module.state_dict().items()}
    fit(self, module, *args, **options)
    torch.save({"seen": seen, "before": before, "after": module.state_dict()}, out / f"{rank}.pt")

Trainer.fit = kept
optimiser = {**TINY["optimiser"], "epochs": 3, "threads": 1}
recipe = Recipe.parse({**TINY, "optimiser": optimiser})
data = clips(11)
trained = train.fit(
    recipe, train.build(recipe), train_clips=data, dev_clips=data, out=out,
    machines=Machines(devices=2),
)
torch.save((trained.epoch, trained.dev), out / f"trained-{rank}.pt")
"""


def test_two_processes_see_different_clips_and_agree(tmp_path: Path) -> None:
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        free = port.getsockname()[1]
    environment = {
        **os.environ,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free),
        "OMP_NUM_THREADS": "1",
        "PL_TORCH_DISTRIBUTED_BACKEND": "gloo",
        "CUDA_VISIBLE_DEVICES": "",
        "WORLD_SIZE": "2",
        "NODE_RANK": "0",
    }
    root = Path(__file__).parents[2]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", RUN, str(tmp_path)],
            env={**environment, "LOCAL_RANK": str(rank)},
            cwd=root,
        )
        for rank in range(2)
    ]
    try:
        assert [process.wait(timeout=240) for process in started] == [0, 0]
    finally:
        for process in started:
            process.kill()
    one, two = (torch.load(tmp_path / f"{rank}.pt", weights_only=False) for rank in range(2))
    # Eleven clips in batches of four: the last three are too few for two processes.
    assert [len(rows) for rows in one["seen"]] == [len(rows) for rows in two["seen"]] == [2] * 6
    for epoch in (slice(0, 2), slice(2, 4), slice(4, 6)):
        first, second = ([row for rows in run["seen"][epoch] for row in rows] for run in (one, two))
        assert len(set(first) | set(second)) == 8 and not set(first) & set(second)
    learned = [name for name in one["after"] if name.startswith("model.")]
    parameters = [name for name in learned if not name.endswith(BUFFERS)]
    assert any(not torch.equal(one["before"][n], one["after"][n]) for n in parameters)
    for name in parameters:
        torch.testing.assert_close(one["after"][name], two["after"][name], rtol=0, atol=0)
    assert torch.load(tmp_path / "trained-0.pt", weights_only=False) == torch.load(
        tmp_path / "trained-1.pt", weights_only=False
    )


BUFFERS = ("running_mean", "running_var", "num_batches_tracked")


def shares(n_ranks: int, *, speed: float = 0.0) -> list[TrainingBatches]:
    made = [
        TrainingBatches(
            clips(),
            augment=AugmentConfig(speed=speed),
            batch_size=4,
            max_frames=99,
            label_smoothing=0.0,
            seed=3,
            n_ranks=n_ranks,
        )
        for _ in range(n_ranks)
    ]
    for rank, batches in enumerate(made):
        batches.rank = rank
    return made


def test_shares_of_a_batch_make_the_batch() -> None:
    (whole,), (even, odd) = shares(1), shares(2)
    for batch, one, two in zip(whole, even, odd, strict=True):
        # Clips have different lengths, which tell them apart.
        assert batch.counts[0::2].tolist() == one.counts.tolist()
        assert batch.counts[1::2].tolist() == two.counts.tolist()


def test_batches_too_small_to_share_are_refused() -> None:
    Machines(devices=2).check(4)
    with pytest.raises(ConfigError, match="two clips for each of 4 processes"):
        Machines(devices=2, nodes=2).check(6)


def test_impossible_machines_are_refused() -> None:
    with pytest.raises(ConfigError, match="expected 1 or more"):
        Machines(devices=0)
    with pytest.raises(ConfigError, match="expected 'auto' or 'ddp'"):
        Machines(strategy="fsdp")


def test_one_process_needs_no_strategy() -> None:
    assert Machines().lightning_strategy == "auto"
    assert Machines(nodes=2).lightning_strategy.startswith("ddp")


def test_the_first_process_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "LOCAL_RANK", "NODE_RANK"):
        monkeypatch.delenv(name, raising=False)
    assert is_main_process()
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert not is_main_process()
