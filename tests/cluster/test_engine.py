"""A small cluster on this machine: workers die, results do not."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ray = pytest.importorskip("ray", reason="needs Ray (serotone[ray])")

from serotone.cluster import engine as ray_engine  # noqa: E402
from serotone.cluster.entry import Entry  # noqa: E402
from serotone.cluster.manifest import Manifest  # noqa: E402
from serotone.cluster.output_dir import OutFolder  # noqa: E402
from serotone.cluster.worker import Answer  # noqa: E402
from serotone.errors import ConfigError  # noqa: E402

pytestmark = pytest.mark.timeout(280)


@dataclass(frozen=True)
class Dying:
    """Answers with the path. A name with ``kill`` ends its process the first time."""

    marks: str

    @property
    def about(self) -> Mapping[str, Any]:
        return {"command": "test"}

    def files(self) -> Mapping[str, bytes]:
        return {}

    def schema(self) -> pa.Schema:
        return pa.schema([("path", pa.string())])

    def open(self, fetch: Callable[[str], bytes]) -> Callable[[Sequence[Entry]], list[Answer]]:
        return lambda entries: [self._answer(entry.path) for entry in entries]

    def _answer(self, path: str) -> Answer:
        mark = Path(self.marks, path)
        if "kill" in path and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return f"{path}: bad" if "bad" in path else [{"path": path}]


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    # Workers do not find the modules of tests by name.
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    try:
        with ray_engine._cluster(None, 2):
            yield
    except ConfigError as error:
        pytest.skip(f"needs a machine where Ray starts: {error}")


@pytest.mark.usefixtures("cluster")
def test_each_entry_is_there_once_though_workers_die(tmp_path: Path) -> None:
    names = [f"{i:03d}{'-bad' * (i % 10 == 3)}{'-kill' * (i in (7, 31))}" for i in range(50)]
    pq.write_table(pa.table({"path": names}), tmp_path / "m.parquet")
    manifest = Manifest.of([str(tmp_path / "m.parquet")], shard_size=6)
    out = OutFolder.at(str(tmp_path / "out"), parts="predictions")
    told: list[tuple[int, int]] = []
    summary = ray_engine.run_wide(
        manifest,
        Dying(str(tmp_path)),
        out,
        n_workers=2,
        on_progress=lambda n, failed: told.append((n, failed)),
    )
    assert summary == {"n_entries": 50, "n_answered": 45, "n_failed": 5, "n_parts": 9}
    assert sum(n for n, _ in told) == 50 and sum(failed for _, failed in told) == 5
    answered = pq.read_table(tmp_path / "out" / "predictions")["path"].to_pylist()
    assert sorted(answered + [path for path, _ in out.failures()]) == names
    assert {p.name for p in tmp_path.iterdir() if "kill" in p.name} == {"007-kill", "031-kill"}

    # A part that is lost is made again, and nothing else is.
    before = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out" / "predictions").iterdir()}
    (tmp_path / "out" / "predictions" / "part-000004.parquet").unlink()
    again = ray_engine.run_wide(manifest, Dying(str(tmp_path)), out, n_workers=2)
    after = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out" / "predictions").iterdir()}
    assert again == summary
    assert {n for n in after if after[n] != before[n]} == {"part-000004.parquet"}


def test_a_cluster_that_is_not_there_is_told() -> None:
    with (
        pytest.raises(ConfigError, match=r"--address 127\.0\.0\.1:1: cannot be reached"),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(ray, "is_initialized", lambda: False)
        patch.setattr(ray, "init", _refuse)
        patch.setattr(ray, "shutdown", lambda: None)
        with ray_engine._cluster("127.0.0.1:1", None):
            pass


def _refuse(**_: Any) -> None:
    raise ConnectionError("no answer")
