"""Shards of a manifest over the machines of a Ray cluster, or the cores of this one.

Each worker is a process with one thread and a Recognizer of its own. Workers read the manifest and
write parts themselves; through the driver go shard numbers alone. A worker or a machine that dies
is replaced by Ray, and its shards are done again. When the driver dies, the same call goes on with
what is missing.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import ray
import ray.data
from numpy.typing import NDArray

from serotone.cluster.manifest import Manifest
from serotone.cluster.output_dir import OutFolder
from serotone.cluster.worker import WideWork, Worker
from serotone.errors import ConfigError
from serotone.inference.threads import n_cores

BLOCKS = 2000
"""Tasks that shards are dealt out to, at most: Ray's driver keeps each in mind."""

STORE_BYTES = 128 * 2**20
"""Shared memory of a local cluster: nothing large goes through it."""

INIT_DEATHS = 5
"""Workers in a row that may die before they are ready, as on a machine that goes."""

START_TRIES = 3
"""Ray waits half a minute for a cluster of this machine, which a busy one may exceed."""

FRUITLESS_TRIES = 3
"""Runs that break without a shard done, after which there is no use in another."""

Progress = Callable[[int, int], None]
"""Told how many entries were done, and how many of them failed."""


def run_wide(
    manifest: Manifest,
    work: WideWork,
    out: OutFolder,
    *,
    address: str | None = None,
    n_workers: int | None = None,
    on_progress: Progress = lambda n_entries, n_failed: None,
) -> Mapping[str, int]:
    """Do the shards of a manifest that are not done yet.

    Args:
        manifest: what to do it with.
        work: what to do.
        out: where it goes; a run that was stopped goes on.
        address: of a Ray cluster; None starts one of this machine alone, for this run.
        n_workers: processes; one per core of the cluster where None.
        on_progress: called as shards are done, for those of an earlier run at once.

    Returns:
        ``n_entries``, ``n_answered``, ``n_failed`` and ``n_parts`` of the whole result.

    Raises:
        ConfigError: when ``out`` holds another run, the cluster cannot be reached, or the run
            breaks again and again.
    """
    out.begin(manifest, work.about, work.files())
    missing = _missing(manifest, out, on_progress)
    if missing:
        with _cluster(address, n_workers):
            _do(missing, work, out, n_workers, on_progress)
    return out.finish(manifest.n_shards)


def _missing(manifest: Manifest, out: OutFolder, on_progress: Progress) -> list[int]:
    finished = out.finished()
    for shard in sorted(finished):
        done = out.done(shard)
        if done is not None:
            on_progress(done.n_entries, done.n_failed)
    return [shard for shard in range(manifest.n_shards) if shard not in finished]


def _do(
    missing: list[int],
    work: WideWork,
    out: OutFolder,
    n_workers: int | None,
    on_progress: Progress,
) -> None:
    left, n_fruitless = set(missing), 0
    while left:
        before = len(left)
        try:
            for shard, n_entries, n_failed in _stream(sorted(left), work, out, n_workers):
                left.discard(shard)
                on_progress(n_entries, n_failed)
        except ray.exceptions.RayError as error:
            # Shards done since are found again by the workers, which skip them.
            n_fruitless = 0 if len(left) < before else n_fruitless + 1
            if n_fruitless >= FRUITLESS_TRIES:
                raise ConfigError(
                    f"--out {out.root}: the run stopped: {_reason(error)} "
                    "Mend it and give the same command again to go on."
                ) from None


def _stream(
    shards: list[int], work: WideWork, out: OutFolder, n_workers: int | None
) -> Iterator[tuple[int, int, int]]:
    """Shard, entries and failures of each shard, as they are done."""
    size = n_workers or max(1, int(_resources().get("CPU", 1)))
    blocks = min(len(shards), BLOCKS)
    rows = ray.data.from_items([{"shard": i} for i in shards], override_num_blocks=blocks)
    done = rows.map_batches(
        _Actor,
        fn_constructor_args=(work, out, str(Path.cwd())),
        compute=ray.data.ActorPoolStrategy(
            min_size=1,
            max_size=min(size, blocks),
            initial_size=min(size, blocks),
            max_tasks_in_flight_per_actor=2,
        ),
        num_cpus=1,
        batch_size=None,
        batch_format="numpy",
    )
    for row in done.iter_rows():
        yield int(row["shard"]), int(row["n_entries"]), int(row["n_failed"])


class _Actor:
    """A worker as Ray Data has it."""

    def __init__(self, work: WideWork, out: OutFolder, home: str) -> None:
        self._worker = Worker(work, out, home)

    def __call__(self, batch: dict[str, NDArray[np.int64]]) -> dict[str, NDArray[np.int64]]:
        done = [self._worker.do(int(shard)) for shard in batch["shard"]]
        keys = ("shard", "n_entries", "n_failed")
        return {key: np.array([getattr(d, key) for d in done], np.int64) for key in keys}


def _resources() -> Mapping[str, float]:
    resources: Mapping[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return resources


@contextlib.contextmanager
def _cluster(address: str | None, n_workers: int | None) -> Iterator[None]:
    """A connection to a cluster, or one of our own; that of the caller where there is one.

    Raises:
        ConfigError: when it cannot be reached.
    """
    _quieten()
    if ray.is_initialized():
        yield
        return
    for n_tries in range(START_TRIES, 0, -1):
        try:
            _connect(address, n_workers)
            break
        except Exception as error:  # noqa: BLE001 - what a slow start raises is a bare Exception
            ray.shutdown()
            if address or n_tries == 1:
                where = f"--address {address}" if address else "a Ray cluster of this machine"
                raise ConfigError(
                    f"{where}: cannot be reached: {_reason(error)} Check that it runs."
                ) from None
    try:
        yield
    finally:
        ray.shutdown()


def _connect(address: str | None, n_workers: int | None) -> None:
    if address:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        return
    ray.init(
        address="local",
        num_cpus=n_workers or n_cores(),
        include_dashboard=False,
        object_store_memory=STORE_BYTES,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )


def _quieten() -> None:
    """No reports to the makers of Ray, and as little of its own on standard error as can be."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.max_consecutive_actor_init_deaths = INIT_DEATHS
    for name in ("ray.data", "ray"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _reason(error: BaseException) -> str:
    """The line of an error that says what happened; of a long one, the last."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{lines[-1] if lines else type(error).__name__}"[:300]
