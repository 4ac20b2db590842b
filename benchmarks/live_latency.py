"""Live: how long after a spoken second its prediction comes, and half an hour without growth.

    python benchmarks/live_latency.py [--seconds 120] [--minutes 30]

Latency: speech is played into a PulseAudio null sink whose monitor is the microphone, and
``serotone listen``'s own parts (PortAudio, queue, stream) hear it. The end of a hop is known from
the microphone's clock: the earliest that any chunk came, by the samples before its end, less the
latency that PortAudio states. The delay counted is from there to the prediction in hand,
for hops with speech. Chunks are 50 ms,
so up to that much is waiting for a chunk to fill. Without PulseAudio or PortAudio the file is
played as if live (``audio.live.play``), and the result says so.

Growth: as many minutes of sound as fast as they go, in simulated time; resident memory is read
every simulated minute, and each prediction must stand at its hop to the sample.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from long_file import talk

from serotone.audio.dsp import to_rate
from serotone.audio.io import write
from serotone.audio.live import BLOCK_S, Chunk, Microphone, choose, play
from serotone.errors import SerotoneError
from serotone.inference.recognizer import Recognizer
from serotone.inference.stream import NO_SPEECH, EmotionStream, StreamConfig
from serotone.types import Audio

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "live_latency.json"
NULL_SINK = "module-null-sink sink_name=nowhere rate=48000"
LIMIT_MS = 300
GROWTH_LIMIT_MB = 5
WARM_MINUTES = 5


def speech(path: Path, length_s: float) -> None:
    """Write speech with pauses at 16 kHz."""
    signal = np.concatenate(list(talk(length_s)))
    write(path, to_rate(Audio(signal, 48_000), 16_000))


@contextlib.contextmanager
def null_sink(path: Path) -> Iterator[None]:
    """A PulseAudio of our own whose only microphone is what is played to nowhere."""
    with tempfile.TemporaryDirectory() as runtime:
        environment = os.environ | {"XDG_RUNTIME_DIR": runtime, "HOME": runtime}
        os.environ.update({"XDG_RUNTIME_DIR": runtime, "PULSE_LATENCY_MSEC": "20"})
        server = subprocess.Popen(
            [
                "pulseaudio",
                "--daemonize=no",
                "--exit-idle-time=-1",
                "-n",
                "--log-target=null",
                "-L",
                "module-native-protocol-unix",
                "-L",
                NULL_SINK,
            ],
            env=environment,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for(environment)
            player = subprocess.Popen(["paplay", "--device=nowhere", str(path)], env=environment)
            try:
                yield
            finally:
                player.terminate()
                player.wait()
        finally:
            server.terminate()
            server.wait()


def wait_for(environment: dict[str, str]) -> None:
    for _ in range(100):
        asked = subprocess.run(["pactl", "info"], env=environment, capture_output=True, check=False)
        if asked.returncode == 0:
            return
        time.sleep(0.1)
    raise OSError("PulseAudio does not answer")


def delays_ms(
    chunks: Iterator[Chunk],
    stream: EmotionStream,
    *,
    sample_rate: int,
    seconds: float,
    latency_s: float = 0.0,
) -> list[float]:
    """Milliseconds from the end of each hop with speech to its prediction."""
    answered, began_s, taken_s = [], math.inf, 0.0
    for chunk in chunks:
        taken_s += (chunk.n_lost + len(chunk.signal)) / sample_rate
        # Chunks come late, never early: the earliest of all tells when the first sample was heard.
        began_s = min(began_s, time.monotonic() - taken_s - latency_s)
        for prediction in stream.push(chunk.signal, late_s=chunk.late_s):
            if prediction.label != NO_SPEECH:
                answered.append((time.monotonic(), prediction.end_s))
        if stream.heard_s >= seconds:
            break
    return [1000 * (at_s - began_s - end_s) for at_s, end_s in answered]


def latency(recognizer: Recognizer, path: Path, seconds: float) -> dict[str, object]:
    """The delays through a null sink where there is one, else from a file in real time."""
    config = StreamConfig()
    if shutil.which("pulseaudio") and shutil.which("paplay"):
        try:
            with null_sink(path), Microphone(choose("pulse")) as microphone:
                rate = microphone.sample_rate
                stream = EmotionStream(recognizer, config, sample_rate=rate)
                found = delays_ms(
                    iter(microphone),
                    stream,
                    sample_rate=rate,
                    seconds=seconds,
                    latency_s=microphone.latency_s,
                )
                stated_ms = {"stated_by_portaudio_ms": round(1000 * microphone.latency_s, 1)}
                return described(found, stream, "PulseAudio null sink, PortAudio") | stated_ms
        except (SerotoneError, OSError) as error:
            print(f"no virtual microphone ({error}); a file in real time instead", file=sys.stderr)
    rate = recognizer.sample_rate
    stream = EmotionStream(recognizer, config)
    found = delays_ms(play(path, sample_rate=rate), stream, sample_rate=rate, seconds=seconds)
    return described(found, stream, "file played in real time")


def described(found: list[float], stream: EmotionStream, source: str) -> dict[str, object]:
    low, middle, high, most = np.percentile(found, [5, 50, 95, 100]).round(1).tolist()
    return {
        "source": source,
        "n_predictions": len(found),
        "n_skipped": stream.n_skipped,
        "p5_ms": low,
        "p50_ms": middle,
        "p95_ms": high,
        "most_ms": most,
        "of_this_block_ms": 1000 * BLOCK_S,
    }


def growth(recognizer: Recognizer, minutes: int) -> dict[str, object]:
    """Resident memory over simulated minutes, and how far predictions drift from their hops."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "speech.wav"
        speech(path, 60)
        stream = EmotionStream(recognizer)
        resident_mb, drift_s, n_predictions = [], 0.0, 0
        began = time.process_time()
        for _ in range(minutes):
            for chunk in play(path, sample_rate=recognizer.sample_rate, paced=False):
                for prediction in stream.push(chunk.signal):
                    n_predictions += 1
                    drift_s = max(drift_s, abs(prediction.end_s - n_predictions))
            resident_mb.append(resident())
    settled = resident_mb[min(WARM_MINUTES, minutes - 1) :]
    return {
        "minutes": minutes,
        "n_predictions": n_predictions,
        "drift_s": drift_s,
        "resident_mb_after_warm_up": round(settled[0], 1),
        "resident_mb_at_the_end": round(settled[-1], 1),
        "growth_mb": round(settled[-1] - settled[0], 1),
        "cpu_seconds_per_second": round((time.process_time() - began) / (60 * minutes), 4),
    }


def resident() -> float:
    """Resident memory of this process in MB (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> int:
    """Print the figures and write them; 1 where a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--minutes", type=int, default=30)
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    recognizer = Recognizer.open(n_threads=1)
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "speech.wav"
        speech(path, options.seconds + 20)
        live = latency(recognizer, path, options.seconds)
    result = {
        "benchmark": "live_latency",
        "latency": live,
        "growth": growth(recognizer, options.minutes),
        "limits": {"p95_ms": LIMIT_MS, "growth_mb": GROWTH_LIMIT_MB},
        "load_average_before": round(load_before, 2),
        "load_average_after": round(os.getloadavg()[0], 2),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
    }
    print(json.dumps(result, indent=2))
    options.out.parent.mkdir(exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    late = float(str(live["p95_ms"])) > LIMIT_MS
    grown = float(str(result["growth"]["growth_mb"])) > GROWTH_LIMIT_MB
    return int(late or grown)


if __name__ == "__main__":
    sys.exit(main())
