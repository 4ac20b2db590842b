"""The service under load, beside the Recognizer alone in the same run.

    python benchmarks/serve_load.py [--clients 64] [--seconds 60] [--requests 10000]

A service is started as ``serotone serve``; so many clients, in a process of their own, send
three-second clips over connections that stay open, each as soon as it has its answer. Before and
after, the Recognizer alone hears the same files in batches, with all cores; the share is taken of
their mean. With ``--requests`` so many requests follow, and the memory of the service and its
decoders is read every tenth of the way. Run it on a quiet machine: all share its cores.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from serotone.audio.io import read, write
from serotone.inference.recognizer import Recognizer
from serotone.types import Audio

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "serve_load.json"
CLIP_S, N_CLIPS = 3.0, 32


def make_clips(folder: Path) -> list[Path]:
    """Three-second clips cut out of the samples, 16 kHz WAV."""
    sound = np.concatenate(
        [read(path, sample_rate=16_000).signal for path in sorted((ROOT / "samples").glob("*.wav"))]
    )
    n, paths = round(CLIP_S * 16_000), []
    for i in range(N_CLIPS):
        start = (i * 7919) % (len(sound) - n)
        path = folder / f"{i:02d}.wav"
        write(path, Audio(sound[start : start + n].copy(), 16_000))
        paths.append(path)
    return paths


def alone(paths: list[Path], seconds: float) -> float:
    """Clips a second that the Recognizer hears from files, in batches."""
    recognizer = Recognizer.open()
    list(recognizer.predict_files(paths))
    n, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        n += len(list(recognizer.predict_files(paths)))
    return n / (time.perf_counter() - began)


async def client(
    port: int, bodies: list[bytes], stop: list[float], tally: Counter[int], took: list[float]
) -> None:
    """One client: a request after another over one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    i = id(writer) % len(bodies)
    while time.perf_counter() < stop[0] and stop[1] > 0:
        stop[1] -= 1
        body = bodies[i % len(bodies)]
        i += 1
        began = time.perf_counter()
        head = (
            f"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        status = int(answer[9:12])
        length = next(
            int(line.split(b":")[1])
            for line in answer.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        )
        await reader.readexactly(length)
        tally[status] += 1
        if status == 200:
            took.append(time.perf_counter() - began)
        else:
            await asyncio.sleep(0.1)
    writer.close()


async def load(port: int, folder: Path, n_clients: int, seconds: float, n_most: float) -> None:
    """All clients; writes what they saw as JSON to standard output."""
    bodies = [path.read_bytes() for path in sorted(folder.glob("*.wav"))]
    stop, tally, took = [time.perf_counter() + seconds, n_most], Counter[int](), list[float]()
    began = time.perf_counter()
    await asyncio.gather(*(client(port, bodies, stop, tally, took) for _ in range(n_clients)))
    elapsed = time.perf_counter() - began
    print(json.dumps({"elapsed_s": elapsed, "statuses": tally, "took_s": took}))


def run_load(port: int, folder: Path, n_clients: int, seconds: float, n_most: float = 1e12) -> dict:
    """The clients in a process of their own."""
    words = ["--load", str(port), str(folder), str(n_clients), str(seconds), str(n_most)]
    done = subprocess.run(
        [sys.executable, __file__, *words], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout)


def memory_mb(pid: int) -> float:
    """Resident memory of a process and its children."""
    total = 0
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for one in (str(pid), *children):
        lines = Path(f"/proc/{one}/status").read_text().splitlines()
        total += next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
    return round(total / 1024, 1)


def start_service() -> tuple[subprocess.Popen[str], int]:
    """A service on a free port."""
    words = ["-m", "serotone", "serve", "--port", "0", "--no-page", "--rate", "100000"]
    service = subprocess.Popen(
        [sys.executable, *words], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    for line in service.stderr or ():
        row = json.loads(line)
        if row["event"] == "serving":
            # Its log goes on, and must not fill the pipe.
            subprocess.Popen(["cat"], stdin=service.stderr, stdout=subprocess.DEVNULL)
            return service, row["port"]
    raise SystemExit("the service did not start")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--requests", type=int, default=0, help="as many more, watching memory")
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--load", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.load:
        port, folder, n_clients, seconds, n_most = options.load
        asyncio.run(load(int(port), Path(folder), int(n_clients), float(seconds), float(n_most)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = make_clips(folder)
        alone_s = max(5.0, options.seconds / 4)
        before = alone(paths, alone_s)
        service, port = start_service()
        try:
            run_load(port, folder, options.clients, 3)
            memory = [memory_mb(service.pid)]
            seen = run_load(port, folder, options.clients, options.seconds)
            memory.append(memory_mb(service.pid))
            long_memory, long_statuses = [memory[-1]], Counter[str]()
            for _ in range(10 if options.requests else 0):
                part = run_load(port, folder, options.clients, 1e9, options.requests / 10)
                long_statuses.update(part["statuses"])
                long_memory.append(memory_mb(service.pid))
        finally:
            service.send_signal(signal.SIGTERM)
            service.wait(60)
        after = alone(paths, alone_s)
    batch = (before + after) / 2
    n_ok, n_all = len(seen["took_s"]), sum(seen["statuses"].values())
    per_s = n_ok / seen["elapsed_s"]
    p50, p95, p99 = np.percentile(seen["took_s"], [50, 95, 99]) * 1000
    result = {
        "clients": options.clients,
        "seconds": round(seen["elapsed_s"], 1),
        "clip_s": CLIP_S,
        "requests": n_all,
        "statuses": seen["statuses"],
        "share_429": round(seen["statuses"].get("429", 0) / n_all, 4),
        "per_s": round(per_s, 2),
        "p50_ms": round(p50, 1),
        "p95_ms": round(p95, 1),
        "p99_ms": round(p99, 1),
        "recognizer_per_s": {"before": round(before, 2), "after": round(after, 2)},
        "share_of_recognizer": round(per_s / batch, 3),
        "memory_mb": {"start": memory[0], "end": memory[1]},
        "many": {"statuses": long_statuses, "memory_mb": long_memory} if options.requests else None,
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "load_average": [round(x, 2) for x in os.getloadavg()],
        "date": time.strftime("%Y-%m-%d"),
    }
    options.out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
