"""How well altered copies of recordings are found, and how often other takes are taken for copies.

    python benchmarks/near_duplicates.py CORPORA [--copies 40] [--out benchmarks/results/...json]

CORPORA holds a folder for each corpus. Copies are made of RAVDESS clips, actors 1 to 12 (``dev``)
and actors 13 to 24 (``test``). Each is searched for among all 1,440 clips. The weights and the
threshold of the score were set in sight of clips of all RAVDESS actors and of every other clip of
TESS, so only the altered copies are new to it there; nEMO and ASED were first searched afterwards.
False alarms are counted between clean clips, which are no copies of each other unless their
waveforms say so: by pair, and by clip (a clip that is taken for a copy of any other). Needs the
extra 'test' (librosa shifts the pitch).
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import librosa
import numpy as np
import soundfile
import soxr

from serotone.audio.io import read
from serotone.corpora import read as read_corpus
from serotone.corpora.fingerprint import Array, Fingerprint, fingerprint
from serotone.corpora.near_duplicates import (
    MIN_SIMILARITY,
    N_CANDIDATES,
    THRESHOLD,
    Match,
    candidates,
    compare,
    near_duplicates,
)

Random = np.random.Generator
OTHERS = ("emodb", "tess", "nemo", "ased")
N_THREADS = 2
RATE = 16000


def noisy(signal: Array, random: Random, deviation: float) -> Array:
    noise = random.standard_normal(len(signal))
    return np.asarray(signal + deviation * noise, dtype=np.float32)


def at_snr(signal: Array, random: Random, snr_db: float) -> Array:
    return noisy(signal, random, float(np.sqrt(np.mean(signal**2) / 10 ** (snr_db / 10))))


def r1_noise(signal: Array, random: Random) -> Array:
    return noisy(signal, random, 0.035 * random.uniform() * float(np.abs(signal).max()))


def pitched(signal: Array, semitones: float) -> Array:
    shifted = librosa.effects.pitch_shift(signal, sr=RATE, n_steps=semitones)
    return np.asarray(shifted, dtype=np.float32)


def coded(signal: Array, container: str, coding: str, compression: float) -> Array:
    file = io.BytesIO()
    soundfile.write(
        file, signal, RATE, format=container, subtype=coding, compression_level=compression
    )
    file.seek(0)
    decoded: Array = soundfile.read(file, dtype="float32")[0]
    return decoded


def trimmed(signal: Array, random: Random) -> Array:
    """Up to a quarter off either end."""
    n = len(signal)
    return signal[int(random.uniform(0, 0.25) * n) : n - int(random.uniform(0, 0.25) * n)]


def padded(signal: Array, random: Random) -> Array:
    """Up to two seconds of silence at either end."""
    before, after = (np.zeros(int(random.uniform(0, 2) * RATE), np.float32) for _ in range(2))
    return np.concatenate([before, signal, after])


def r1_window(signal: Array) -> Array:
    """2.5 s from 0.6 s on, as R1 cuts every clip."""
    return signal[int(0.6 * RATE) : int(3.1 * RATE)]


def resampled(signal: Array, rate: int) -> tuple[Array, int]:
    return soxr.resample(signal, RATE, rate), rate


Alteration = Callable[[Array, Random], Array | tuple[Array, int]]

ALTERATIONS: dict[str, Alteration] = {
    "resampled to 8 kHz": lambda x, _: resampled(x, 8000),
    "resampled to 44.1 kHz": lambda x, _: resampled(x, 44100),
    "gain -30 to 0 dB": lambda x, r: x * np.float32(10 ** (r.uniform(-30, 0) / 20)),
    "padded": padded,
    "trimmed": trimmed,
    "MP3, 16 kbit/s": lambda x, _: coded(x, "MP3", "MPEG_LAYER_III", 0.95),
    "Opus, 14 kbit/s": lambda x, _: coded(x, "OGG", "OPUS", 0.95),
    "white noise, 20 dB SNR": lambda x, r: at_snr(x, r, 20),
    "white noise, 10 dB SNR": lambda x, r: at_snr(x, r, 10),
    "R1: noise": r1_noise,
    "R1: pitch +0.7": lambda x, _: pitched(x, 0.7),
    "R1: pitch +0.7 and noise": lambda x, r: r1_noise(pitched(x, 0.7), r),
    "R1: window, pitch and noise": lambda x, r: r1_noise(pitched(r1_window(x), 0.7), r),
    "pitch -2 semitones": lambda x, _: pitched(x, -2.0),
    "pitch -1 semitone": lambda x, _: pitched(x, -1.0),
    "pitch +1 semitone": lambda x, _: pitched(x, 1.0),
    "pitch +2 semitones": lambda x, _: pitched(x, 2.0),
    "trimmed, gain -10 dB, 15 dB SNR": lambda x, r: at_snr(0.316 * trimmed(x, r), r, 15),
}
"""What must be found."""

BEYOND: dict[str, Alteration] = {
    "white noise, 5 dB SNR": lambda x, r: at_snr(x, r, 5),
    "excerpt of 1.5 s": lambda x, _: x[RATE : RATE * 5 // 2],
    "2 % faster": lambda x, _: soxr.resample(x, 1.02, 1.0),
    "10 % faster, same pitch": lambda x, _: librosa.effects.time_stretch(x, rate=1.1),
}
"""What is measured to know where finding ends."""


def prints_of(paths: Iterable[Path]) -> list[Fingerprint]:
    def one(path: Path) -> Fingerprint:
        audio = read(path, allow_silence=True)
        return fingerprint(audio.signal, audio.sample_rate)

    with ThreadPoolExecutor(N_THREADS) as pool:
        return list(pool.map(one, paths))


def find_copies(
    paths: list[Path], prints: list[Fingerprint], alteration: Alteration, chosen: Iterable[int]
) -> list[tuple[bool, float, bool]]:
    """For each chosen clip: its copy found, the score, and whether another was taken for it."""
    summaries = np.stack([p.summary for p in prints])
    rows: list[tuple[bool, float, bool]] = []
    for index in chosen:
        signal = read(paths[index], sample_rate=RATE).signal
        altered = alteration(signal, np.random.default_rng(index))
        sound, rate = altered if isinstance(altered, tuple) else (altered, RATE)
        copy = fingerprint(sound, rate)
        similarity = summaries @ copy.summary
        near = np.argsort(-similarity)[:N_CANDIDATES].tolist()
        matches = {i: compare(prints[i], copy) for i in near if similarity[i] >= MIN_SIMILARITY}
        twins = {i for i in matches if prints[i].digest == prints[index].digest}
        own = [m.score for i, m in matches.items() if m and i in twins]
        other = [m for i, m in matches.items() if m and i not in twins and m.is_copy]
        score = max(own, default=-1.0)
        rows.append((score >= THRESHOLD, score, bool(other)))
    return rows


def recall(
    paths: list[Path],
    prints: list[Fingerprint],
    alterations: dict[str, Alteration],
    *,
    pool: list[int],
    n: int,
) -> dict[str, object]:
    random = np.random.default_rng(1)
    kinds: dict[str, object] = {}
    rows: list[tuple[bool, float, bool]] = []
    for name, alteration in alterations.items():
        chosen = random.choice(pool, min(n, len(pool)), replace=False).tolist()
        found = find_copies(paths, prints, alteration, chosen)
        rows += found
        kinds[name] = {"n": len(found), "found": sum(row[0] for row in found)}
        print(f"  {name:34s} {kinds[name]}", flush=True)
    return {
        "n": len(rows),
        "found": sum(row[0] for row in rows),
        "recall": round(sum(row[0] for row in rows) / len(rows), 4),
        "matched_to_another_clip": sum(row[2] for row in rows),
        "lowest_percent_of_scores": round(float(np.quantile([r[1] for r in rows], 0.01)), 3),
        "by_alteration": kinds,
    }


def false_alarms(
    paths: list[Path], prints: list[Fingerprint], members: list[int]
) -> dict[str, object]:
    """Between clean clips. Two whose waveforms lie on each other are copies: no false alarm."""
    inside = [prints[i] for i in members]
    scores: list[tuple[float, int, int]] = []
    n_copies = 0
    for i, j in candidates(np.stack([p.summary for p in inside])):
        match: Match | None = compare(inside[i], inside[j])
        if match is None:
            continue
        if match.is_copy and same_waveform(paths[members[i]], paths[members[j]]):
            n_copies += 1
        else:
            scores.append((match.score, i, j))
    flagged = [(i, j) for score, i, j in scores if score >= THRESHOLD]
    clips = {k for pair in flagged for k in pair}
    n_pairs = len(inside) * (len(inside) - 1) // 2
    return {
        "clips": len(inside),
        "pairs": n_pairs,
        "true_copies": n_copies,
        "flagged_pairs": len(flagged),
        "flagged_clips": len(clips),
        "share_of_pairs": float(f"{len(flagged) / n_pairs:.2e}"),
        "share_of_clips": round(len(clips) / len(inside), 5),
        "highest_scores": [round(s[0], 3) for s in sorted(scores, reverse=True)[:5]],
    }


def same_waveform(first: Path, second: Path) -> bool:
    """Whether two clips correlate by more than 0.8 at some lag; two takes hardly reach 0.5."""
    a, b = (read(path, sample_rate=RATE).signal for path in (first, second))
    n = len(a) + len(b)
    correlation = np.fft.irfft(np.fft.rfft(a, n) * np.fft.rfft(b, n).conj(), n)
    norm = float(np.linalg.norm(a) * np.linalg.norm(b))
    return bool(np.abs(correlation).max() > 0.8 * norm)


def twins(paths: list[Path], prints: list[Fingerprint]) -> list[list[str]]:
    by_digest: defaultdict[str, list[str]] = defaultdict(list)
    for path, one in zip(paths, prints, strict=True):
        by_digest[one.digest].append(path.stem)
    return [sorted(names) for names in by_digest.values() if len(names) > 1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("corpora", type=Path)
    parser.add_argument("--copies", type=int, default=40, help="per alteration and side")
    parser.add_argument("--others", nargs="*", default=OTHERS)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/near_duplicates.json"))
    options = parser.parse_args()

    utterances = list(read_corpus("ravdess", options.corpora / "ravdess"))
    paths = [u.path for u in utterances]
    started, started_cpu = time.perf_counter(), time.process_time()
    prints = prints_of(paths)
    printed = time.perf_counter()
    n_found = len(near_duplicates(prints, n_threads=N_THREADS))
    ended, ended_cpu = time.perf_counter(), time.process_time()
    speed = {
        "clips": len(paths),
        "fingerprints_s": round(printed - started, 1),
        "search_s": round(ended - printed, 1),
        "total_s": round(ended - started, 1),
        "processor_s": round(ended_cpu - started_cpu, 1),
        "threads": N_THREADS,
        "cores": os.cpu_count(),
        "machine": platform.machine(),
    }
    print(speed, n_found, flush=True)

    actors = np.array([int(u.speaker.rsplit("-", 1)[1]) for u in utterances])
    sides = {"dev": np.flatnonzero(actors <= 12), "test": np.flatnonzero(actors > 12)}
    result: dict[str, object] = {"threshold": THRESHOLD, "speed": speed}
    result["equal_samples"] = twins(paths, prints)
    for side, members in sides.items():
        pool = members.tolist()
        print(side)
        result[side] = {
            "copies": recall(paths, prints, ALTERATIONS, pool=pool, n=options.copies),
            "false_alarms": false_alarms(paths, prints, pool),
        }
    result["beyond"] = recall(paths, prints, BEYOND, pool=sides["test"].tolist(), n=options.copies)[
        "by_alteration"
    ]
    result["all_clips"] = false_alarms(paths, prints, list(range(len(prints))))
    others: dict[str, object] = {}
    for name in options.others:
        files = [u.path for u in read_corpus(name, options.corpora / name)]
        others[name] = false_alarms(files, prints_of(files), list(range(len(files))))
        print(name, others[name], flush=True)
    result["other_corpora"] = others
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    for side in sides:
        print(side, json.dumps(result[side], indent=1))


if __name__ == "__main__":
    main()
