"""What a training runs on: one process, or several that each take a share of every batch."""

from __future__ import annotations

import os
from dataclasses import dataclass

from serotone.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Machines:
    """Where a run computes. No part of the recipe: the batch stays as large as it says.

    Attributes:
        devices: graphics cards of a machine, or processes where it has none.
        nodes: machines. Each runs the same command with ``NODE_RANK``, ``MASTER_ADDR`` and
            ``MASTER_PORT`` set, or all are started by torchrun or Slurm.
        strategy: of Lightning; ``auto`` is one process, or ``ddp`` (Li et al. 2020,
            10.14778/3415478.3415530) for several.

    Raises:
        ConfigError: when one process is asked for and several are needed.
    """

    devices: int = 1
    nodes: int = 1
    strategy: str = "auto"

    def __post_init__(self) -> None:
        if self.devices < 1 or self.nodes < 1:
            raise ConfigError(
                f"got {self.devices} devices and {self.nodes} nodes, expected 1 or more of each."
            )
        if self.strategy not in ("auto", "ddp"):
            raise ConfigError(f"got strategy '{self.strategy}', expected 'auto' or 'ddp'.")

    @property
    def n_ranks(self) -> int:
        """Processes in all."""
        return self.devices * self.nodes

    @property
    def lightning_strategy(self) -> str:
        """The name that Lightning has for the strategy."""
        if self.n_ranks == 1 and self.strategy == "auto":
            return "auto"
        # A model whose recipe asks for no intensity has weights without a gradient.
        return "ddp_find_unused_parameters_true"

    def check(self, batch_size: int) -> None:
        """Refuse batches that are too small to be shared.

        Raises:
            ConfigError: when a process would get less than two clips, which have no statistics.
        """
        if batch_size < 2 * self.n_ranks:
            raise ConfigError(
                f"optimiser.batch_size is {batch_size}, expected at least {2 * self.n_ranks}: "
                f"two clips for each of {self.n_ranks} processes. Enlarge it or use fewer."
            )


def is_main_process() -> bool:
    """Whether this process is the one that speaks and writes, by what its launcher set."""
    return all(os.environ.get(name, "0") == "0" for name in ("RANK", "LOCAL_RANK", "NODE_RANK"))
