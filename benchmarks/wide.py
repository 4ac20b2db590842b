"""Wide runs: 10,000 files with deaths, 100,000 entries, a cluster that loses a machine.

    python benchmarks/wide.py [--scratch DIR] [--only STEP ...] [--again]

Steps, each kept in ``benchmarks/results/wide.json`` as soon as it is done and left out when it is
there already (``--again`` makes it anew):

- ``core``: one core, one Recognizer, no cluster: seconds for a second of sound, for clips of 0.6
  to 1 s and for ones of 4 s.
- ``deaths``: 10,000 files of which 3 % are broken. A worker is killed twice and the driver once
  (SIGKILL); the same command is then given again. The result is compared with the list of files,
  and the numbers of 500 files with those of the local engine.
- ``entries``: a manifest of 100,000 entries: hard links to the files above, so each entry is
  opened, decoded and heard, but ten of them share their content (and its place in the page cache).
- ``node``: a head and two nodes of one core each, as processes of this machine
  (``ray.cluster_utils.Cluster``); one node is killed on the way.

Sound is cut from ``samples/``. The load average is given beside each step: on a busy machine
times are longer, what the results hold is the same.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile

from serotone.inference.options import Opening
from serotone.inference.recognizer import Recognizer
from serotone.jobs.prediction_table import row_of
from serotone.types import Prediction

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "wide.json"
N_FILES = 10_000
N_ENTRIES = 100_000
BROKEN_EVERY = 33
COMPARED = 500
PATIENCE_S = 3600.0


def make_files(folder: Path) -> tuple[list[str], set[str]]:
    """The files and the broken among them; made once for a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(0)
    sounds = [soundfile.read(p, dtype="float32") for p in sorted((ROOT / "samples").glob("*.wav"))]
    names, broken = [], set()
    for i in range(N_FILES):
        signal_, rate = sounds[int(draw.integers(len(sounds)))]
        length = int(draw.uniform(0.6, 1.0) * rate)
        start = int(draw.integers(len(signal_) - length))
        while np.abs(signal_[start : start + length]).max() < 0.05:  # a pause is no recording
            start = int(draw.integers(len(signal_) - length))
        path = folder / f"{i % 100:02d}" / f"{i:05d}.{'flac' if i % 2 else 'wav'}"
        names.append(str(path))
        if i % BROKEN_EVERY == 0:
            broken.add(str(path))
        if path.exists():
            continue
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, signal_[start : start + length], rate)
        if i % BROKEN_EVERY == 0:
            _break(path, kind=i // BROKEN_EVERY % 3)
    return names, broken


def _break(path: Path, *, kind: int) -> None:
    data = path.read_bytes()
    path.write_bytes([b"", b"not sound " * 50, data[: len(data) // 3]][kind])


def core_cost(names: list[str], broken: set[str], scratch: Path) -> dict[str, Any]:
    """Seconds of one core for a second of sound."""
    long = scratch / "four-seconds"
    long.mkdir(exist_ok=True)
    sounds = [soundfile.read(p, dtype="float32") for p in sorted((ROOT / "samples").glob("*.wav"))]
    for i, (sound, rate) in enumerate(sounds * 20):
        soundfile.write(long / f"{i:03d}.flac", np.tile(sound, 3)[: 4 * rate], rate)
    recognizer = Opening().open(n_threads=1)
    found = {}
    groups = {
        "clips_of_0.8_s": [n for n in names[:800] if n not in broken],
        "clips_of_4_s": [str(path) for path in sorted(long.iterdir())],
    }
    for name, paths in groups.items():
        list(recognizer.predict_files(paths[:32]))
        wall, cpu = time.perf_counter(), time.process_time()
        answers = list(recognizer.predict_files(paths))
        wall_s, cpu_s = time.perf_counter() - wall, time.process_time() - cpu
        sound_s = sum(a.end_s for a in answers if isinstance(a, Prediction))
        found[name] = {
            "n": len(paths),
            "cpu_ms_per_clip": round(1000 * cpu_s / len(paths), 2),
            "wall_ms_per_clip": round(1000 * wall_s / len(paths), 2),
            "cpu_seconds_per_second": round(cpu_s / sound_s, 5),
            "core_hours_per_million_hours": round(1e6 * cpu_s / sound_s),
        }
    return found


def start(words: list[str], out: Path) -> subprocess.Popen[bytes]:
    """The command line over Ray."""
    command = [sys.executable, "-m", "serotone", "predict", *words]
    options = ["--engine", "ray", "--out", str(out), "--jobs", str(os.cpu_count())]
    return subprocess.Popen(command + options, cwd=ROOT)


def wait_for(n_parts: int, out: Path, driver: subprocess.Popen[bytes]) -> bool:
    """Until so many parts are there; False when the driver ended before."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if len(list((out / "predictions").glob("part-*.parquet"))) >= n_parts:
            return driver.poll() is None
        if driver.poll() is not None:
            return False
        time.sleep(0.05)
    raise TimeoutError(f"{out}: no {n_parts} parts in {PATIENCE_S:.0f} s")


def workers_of(driver: int) -> list[int]:
    """Process ids of the workers that descend from a driver."""
    parents, commands = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text()
            commands[int(folder.name)] = (folder / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        parents[int(folder.name)] = int(stat.rpartition(")")[2].split()[1])

    def descends(pid: int) -> bool:
        while pid > 1:
            pid = parents.get(pid, 0)
            if pid == driver:
                return True
        return False

    return [p for p, c in commands.items() if c.startswith("ray::MapWorker") and descends(p)]


def kill_worker(driver: int) -> int:
    """Kill one worker of a driver; its process id."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        for pid in workers_of(driver):
            os.kill(pid, signal.SIGKILL)
            return pid
        time.sleep(0.05)
    raise TimeoutError("no worker to kill")


def check(out: Path, names: list[str], broken: set[str]) -> dict[str, Any]:
    """What the result holds, against the list of files."""
    answered = pq.read_table(out / "predictions")["path"].to_pylist()
    failed = pq.read_table(out / "errors")["path"].to_pylist()
    counts = Counter(answered + failed)
    return {
        "n_expected": len(names),
        "n_answered": len(answered),
        "n_failed": len(failed),
        "n_lost": len(set(names) - set(counts)),
        "n_twice": sum(n > 1 for n in counts.values()),
        "n_strange": len(set(counts) - set(names)),
        "failed_are_the_broken": set(failed) == broken,
    }


def largest_difference(out: Path, names: list[str]) -> float:
    """Between probabilities of the wide run and of the local engine."""
    table = pq.read_table(out / "predictions")
    wide = {row["path"]: row for row in table.to_pylist()}
    chosen = names[:: len(names) // COMPARED]
    local = Recognizer.open().predict_files(chosen)
    rows = [row_of(a) for a in local if isinstance(a, Prediction)]
    keys = [name for name in table.column_names if name.startswith("p_")]
    return max(abs(row[key] - wide[row["path"]][key]) for row in rows for key in keys)


def deaths(names: list[str], broken: set[str], scratch: Path) -> dict[str, Any]:
    """10,000 files, two dead workers and a dead driver."""
    out = scratch / "deaths"
    began = time.perf_counter()
    first = start([str(scratch / "files")], out)
    n_parts = -(-len(names) // 128)
    killed = []
    for share in (0.15, 0.35):
        if wait_for(round(share * n_parts), out, first):
            killed.append(kill_worker(first.pid))
    driver_died = wait_for(round(0.6 * n_parts), out, first)
    first.send_signal(signal.SIGKILL)
    first.wait()
    time.sleep(5)  # its workers end by themselves
    n_before = len(list((out / "predictions").glob("part-*.parquet")))
    status = start([str(scratch / "files")], out).wait()
    return {
        "n_workers_killed": len(killed),
        "driver_killed": driver_died,
        "parts_before_second_run": n_before,
        "parts": n_parts,
        "exit_status": status,
        "wall_s": round(time.perf_counter() - began, 1),
        **check(out, names, broken),
        "largest_difference_to_local": largest_difference(out, names),
    }


def entries(names: list[str], broken: set[str], scratch: Path) -> dict[str, Any]:
    """A manifest of 100,000 rows."""
    folder = scratch / "links"
    linked, linked_broken = [], set()
    for copy in range(N_ENTRIES // N_FILES):
        for name in names:
            link = folder / str(copy) / Path(name).parent.name / Path(name).name
            linked.append(str(link))
            if name in broken:
                linked_broken.add(str(link))
            if not link.exists():
                link.parent.mkdir(parents=True, exist_ok=True)
                link.hardlink_to(name)
    manifest = scratch / "entries.parquet"
    pq.write_table(pa.table({"path": linked}), manifest)
    out = scratch / "entries"
    began = time.perf_counter()
    status = start([str(manifest)], out).wait()
    wall_s = time.perf_counter() - began
    return {
        "what": "real decoding and hearing of clips of 0.6-1 s; ten entries share a file's content",
        "exit_status": status,
        "wall_s": round(wall_s, 1),
        "entries_per_s": round(N_ENTRIES / wall_s, 1),
        "result_mb": round(sum(f.stat().st_size for f in out.rglob("*.parquet")) / 1e6, 1),
        **check(out, linked, linked_broken),
    }


def node(names: list[str], broken: set[str], scratch: Path) -> dict[str, Any]:
    """Ray's cluster of several nodes on one machine, of which one is killed."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray
    from ray.cluster_utils import Cluster

    from serotone.cluster.engine import run_wide
    from serotone.cluster.manifest import Manifest
    from serotone.cluster.output_dir import OutFolder
    from serotone.cluster.worker import Predicting

    some = [name for name in names if name in broken or int(Path(name).stem) % 5 == 0]
    pq.write_table(pa.table({"path": some}), scratch / "node.parquet")
    manifest = Manifest.of([str(scratch / "node.parquet")], shard_size=32)
    out = OutFolder.at(str(scratch / "node"), parts="predictions")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    done = 0
    killed_at: list[int] = []

    def on_progress(n_entries: int, _: int) -> None:
        nonlocal done
        done += n_entries
        if done > len(some) // 3 and not killed_at:
            killed_at.append(done)
            cluster.remove_node(nodes[1], allow_graceful=False)

    began = time.perf_counter()
    try:
        ray.init(address=cluster.address, log_to_driver=False)
        summary = run_wide(manifest, Predicting.of(Opening()), out, on_progress=on_progress)
    finally:
        ray.shutdown()
        cluster.shutdown()
    return {
        "nodes": 2,
        "killed_after_entries": killed_at[0] if killed_at else None,
        "wall_s": round(time.perf_counter() - began, 1),
        **check(scratch / "node", some, broken & set(some)),
        "parts": summary["n_parts"],
    }


STEPS: dict[str, Callable[[list[str], set[str], Path], dict[str, Any]]] = {
    "core": core_cost,
    "deaths": deaths,
    "entries": entries,
    "node": node,
}


def main() -> int:
    """Run the steps that are missing; 1 where a result lost an entry or holds one twice."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--scratch", type=Path, help="kept and gone on with; else temporary")
    parser.add_argument("--only", nargs="*", choices=STEPS, default=list(STEPS))
    parser.add_argument("--again", action="store_true", help="make steps anew that are there")
    options = parser.parse_args()
    found = json.loads(RESULT.read_text()) if RESULT.exists() else {"benchmark": "wide"}
    with tempfile.TemporaryDirectory() as temporary:
        scratch = options.scratch or Path(temporary)
        names, broken = make_files(scratch / "files")
        for step in options.only:
            if step in found and not options.again:
                continue
            load_before = os.getloadavg()[0]
            result = STEPS[step](names, broken, scratch)
            loads = [round(load_before, 2), round(os.getloadavg()[0], 2)]
            found[step] = {**result, "load_average": loads}
            found |= {"cores": os.cpu_count(), "machine": platform.machine()}
            found["python"] = platform.python_version()
            RESULT.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
            print(json.dumps({step: found[step]}, indent=2))
    steps = [value for value in found.values() if isinstance(value, dict)]
    return int(any(s.get("n_lost") or s.get("n_twice") for s in steps))


if __name__ == "__main__":
    sys.exit(main())
