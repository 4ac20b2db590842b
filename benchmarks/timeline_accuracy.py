"""How right a timeline is, on stitched recordings of speakers the shipped model never heard.

    python benchmarks/timeline_accuracy.py            # test actors, settings as shipped
    python benchmarks/timeline_accuracy.py --tune     # dev actors, a table of settings

Figures, pooled over recordings in steps of 10 ms:

- speech F1: whether somebody speaks.
- EDER: emotion diarisation error rate (Wang et al. 2023, arXiv:2306.12991): false alarm, missed
  emotion and confusion over the length of the recordings. As there, neutral is no emotion; calm
  and non-speech are none either.
- label error rate: the same three over the time of speech, every label counting, neutral and calm
  too; non-speech is the only nothing. The harder figure of the two.
- segment F1: segments of the right label that overlap a known one by half of their union, one to
  one, after joining pauses up to 0.5 s within one emotion on both sides.
- speakers (experimental): error and purity of the best mapping of voices to speakers, over what is
  speech in both; beside it what one gets by calling everybody the same.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from stitching import Known, Recording, stitch

from serotone.audio.io import write
from serotone.inference.recognizer import Recognizer
from serotone.inference.smoothing import SmoothConfig
from serotone.timeline.analyse import analyse
from serotone.timeline.checkpoint import collect
from serotone.timeline.segments import Heard, Segment, TimelineConfig, to_heard, to_segments
from serotone.timeline.windows import WindowConfig
from serotone.types import Audio

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("SEROTONE_CORPORA", ROOT.parent / "shared" / "corpora"))
NOISES = Path(os.environ.get("SEROTONE_NOISE", SHARED.parent / "noise")) / "esc10"
RESULT = ROOT / "benchmarks" / "results" / "timeline_accuracy.json"

DEV_ACTORS, N_DEV = (3, 6), 6
TEST_ACTORS, N_TEST = (2, 5, 14, 15, 16), 12
TUNED_WINDOWS = (
    *((3, 1, margin_s) for margin_s in (0.9, 0.6, 0.45, 0.3)),
    *((3, 1.5, margin_s) for margin_s in (0.9, 0.6, 0.45, 0.3)),
    (2, 1, 0.6),
    (4, 1.5, 0.6),
)
"""Length, hop and margin in seconds that ``--tune`` tries, each with many ways to smooth."""

STEP_S = 0.01
JOIN_S = 0.5
Pairs = list[tuple[Recording, Sequence[Segment]]]

UNEMOTIONAL = frozenset({"", "neutral", "calm"})


def track(spans: Iterable[Known | Segment], names: Sequence[str], length_s: float) -> NDArray:
    """A name for each step, empty where there is none."""
    steps = np.full(round(length_s / STEP_S) + 1, "", dtype="U16")
    for span, name in zip(spans, names, strict=True):
        steps[round(span.start_s / STEP_S) : round(span.end_s / STEP_S)] = name
    return steps


def score(pairs: Sequence[tuple[Recording, Sequence[Segment]]]) -> dict[str, float]:
    """All figures but those of speakers."""
    known, said = [], []
    n_right = n_known = n_said = 0
    for recording, segments in pairs:
        spoken = [s for s in segments if s.speech]
        known.append(
            track(recording.known, [k.emotion for k in recording.known], recording.duration_s)
        )
        said.append(track(spoken, [str(s.emotion) for s in spoken], recording.duration_s))
        ours = joined([(s.start_s, s.end_s, str(s.emotion)) for s in spoken])
        theirs = joined([(k.start_s, k.end_s, k.emotion) for k in recording.known])
        n_right += matches(theirs, ours)
        n_known, n_said = n_known + len(theirs), n_said + len(ours)
    k, s = np.concatenate(known), np.concatenate(said)
    both = ((k != "") & (s != "")).sum()
    felt_k, felt_s = ~np.isin(k, list(UNEMOTIONAL)), ~np.isin(s, list(UNEMOTIONAL))
    speech = (k != "").sum()
    return {
        "speech_f1": 2 * both / (speech + (s != "").sum()),
        "speech_missed": ((k != "") & (s == "")).sum() / speech,
        "speech_false": ((k == "") & (s != "")).sum() / (k == "").sum(),
        "eder": ((felt_k != felt_s) | (felt_k & felt_s & (k != s))).mean(),
        "eder_false_alarm": (~felt_k & felt_s).mean(),
        "eder_missed": (felt_k & ~felt_s).mean(),
        "eder_confusion": (felt_k & felt_s & (k != s)).mean(),
        "label_error_rate": (k != s).sum() / speech,
        "segment_f1": 2 * n_right / (n_known + n_said),
        "segment_recall": n_right / n_known,
        "segment_precision": n_right / max(n_said, 1),
    }


def joined(spans: Sequence[tuple[float, float, str]]) -> list[tuple[float, float, str]]:
    """Neighbours of one label with at most ``JOIN_S`` between them become one."""
    whole: list[tuple[float, float, str]] = []
    for start_s, end_s, label in sorted(spans):
        if whole and whole[-1][2] == label and start_s - whole[-1][1] <= JOIN_S:
            whole[-1] = (whole[-1][0], end_s, label)
        else:
            whole.append((start_s, end_s, label))
    return whole


def matches(
    known: Sequence[tuple[float, float, str]], said: Sequence[tuple[float, float, str]]
) -> int:
    """How many pairs share a label and half of their union; no segment in two pairs."""
    found = 0
    for start_s, end_s, label in known:
        for other_start_s, other_end_s, other in said:
            inside_s = min(end_s, other_end_s) - max(start_s, other_start_s)
            union_s = max(end_s, other_end_s) - min(start_s, other_start_s)
            # Above one half no segment can have two partners.
            if other == label and inside_s > 0.5 * union_s:
                found += 1
    return found


def score_speakers(pairs: Sequence[tuple[Recording, Sequence[Segment]]]) -> dict[str, float]:
    """Speaker error with the best mapping, purity, and both for one voice in all."""
    right = pure = most = total = 0
    for recording, segments in pairs:
        spoken = [s for s in segments if s.speech]
        k = track(recording.known, [x.speaker for x in recording.known], recording.duration_s)
        s = track(spoken, [x.speaker for x in spoken], recording.duration_s)
        k, s = k[(k != "") & (s != "")], s[(k != "") & (s != "")]
        people, voices = sorted(set(k)), sorted(set(s))
        table = np.array([[((k == p) & (s == v)).sum() for v in voices] for p in people])
        small, large = sorted([list(range(n)) for n in table.shape], key=len)
        by_small = table if len(people) <= len(voices) else table.T
        right += max(
            sum(by_small[i, j] for i, j in zip(small, order, strict=True))
            for order in itertools.permutations(large, len(small))
        )
        pure += table.max(axis=0).sum()
        most += table.sum(axis=1).max()
        total += len(k)
    return {
        "speaker_error": 1 - right / total,
        "speaker_purity": pure / total,
        "speaker_error_of_one_voice": 1 - most / total,
        "speaker_purity_of_one_voice": most / total,
    }


def recordings(actors: Sequence[int], n: int, *, first_seed: int) -> list[Recording]:
    """Stitched recordings of two or three of the actors each."""
    noises = sorted(NOISES.glob("*/*"))
    made = []
    for seed in range(first_seed, first_seed + n):
        draw = np.random.default_rng(seed)
        n_people = min(len(actors), int(draw.integers(2, 4)))
        chosen = sorted(int(a) for a in draw.choice(actors, n_people, replace=False))
        made.append(stitch(SHARED / "ravdess", noises, actors=chosen, seed=seed))
    return made


class Hearing:
    """Windows heard once; smoothing and merging over and over."""

    def __init__(
        self, made: Sequence[Recording], recognizer: Recognizer, config: TimelineConfig
    ) -> None:
        self._made, self._labels = made, recognizer.labels
        self._heard: list[list[Heard]] = []
        self.pairs: Pairs = []
        with tempfile.TemporaryDirectory() as scratch:
            for recording in made:
                path = Path(scratch) / f"{recording.audio.source}.wav"
                write(path, recording.audio)
                n_people = len({k.speaker for k in recording.known})
                chosen = config.model_copy(
                    update={"n_speakers": n_people if config.n_speakers else 0}
                )
                journal = path.with_suffix(".jsonl")
                timeline = analyse(path, recognizer, chosen, journal=journal)
                self.pairs.append((recording, timeline.segments))
                lines = map(json.loads, journal.read_text(encoding="utf-8").splitlines()[1:])
                stretches = collect(lines)[0].get(0, [])
                heard: list[Heard] = []
                for number, stretch in enumerate(stretches):
                    heard += to_heard(stretch.windows, stretch.span, stretch.answers, number=number)
                self._heard.append(heard)

    def again(self, config: TimelineConfig) -> Pairs:
        """The timelines that other smoothing would have given."""
        return [
            (
                recording,
                to_segments(
                    heard, duration_s=recording.duration_s, labels=self._labels, config=config
                ),
            )
            for recording, heard in zip(self._made, self._heard, strict=True)
        ]


def model_alone(made: Sequence[Recording], recognizer: Recognizer, margin_s: float) -> float:
    """Share of speech time the model labels wrong when told where each clip is."""
    wrong_s = total_s = 0.0
    for recording in made:
        rate = recording.audio.sample_rate
        cut = [
            recording.audio.signal[round(k.start_s * rate) : round(k.end_s * rate)]
            for k in recording.known
        ]
        padded = [Audio(np.pad(c, round(margin_s * rate)), rate) for c in cut]
        for known, said in zip(recording.known, recognizer.predict_batch(padded), strict=True):
            total_s += known.end_s - known.start_s
            wrong_s += (known.end_s - known.start_s) * (said.label != known.emotion)
    return wrong_s / total_s


def tune(recognizer: Recognizer) -> list[dict[str, float]]:
    """Settings on dev speakers, best label error rate first."""
    made = recordings(DEV_ACTORS, N_DEV, first_seed=1000)
    rows = []
    for length_s, hop_s, margin_s in TUNED_WINDOWS:
        windows = WindowConfig(length_s=length_s, hop_s=hop_s, margin_s=margin_s)
        hearing = Hearing(made, recognizer, TimelineConfig(windows=windows))
        tried = []
        for dwell_s, trust in itertools.product((0, 0.5, 1, 2, 4, 8), (0.25, 0.5, 1.0)):
            smooth = SmoothConfig(dwell_s=dwell_s, trust=trust)
            figures = score(hearing.again(TimelineConfig(windows=windows, smooth=smooth)))
            setting = {"length_s": length_s, "hop_s": hop_s, "margin_s": margin_s}
            tried.append({**setting, "dwell_s": dwell_s, "trust": trust, **figures})
        best = min(tried, key=lambda row: row["label_error_rate"])
        print(json.dumps(rounded(best)), file=sys.stderr, flush=True)
        rows += tried
    return sorted(rows, key=lambda row: row["label_error_rate"])


def measure(recognizer: Recognizer) -> dict[str, object]:
    """The figures on test speakers, with the settings as shipped."""
    made = recordings(TEST_ACTORS, N_TEST, first_seed=2000)
    config = TimelineConfig()
    hearing = Hearing(made, recognizer, config)
    unsmoothed = config.model_copy(update={"smooth": SmoothConfig(dwell_s=0)})
    told = Hearing(made, recognizer, config.model_copy(update={"n_speakers": 2}))
    return {
        "n_recordings": len(made),
        "duration_s": round(sum(r.duration_s for r in made), 1),
        "speech_s": round(sum(k.end_s - k.start_s for r in made for k in r.known), 1),
        "n_clips": sum(len(r.known) for r in made),
        "figures": rounded(score(hearing.pairs)),
        "without_smoothing": rounded(score(hearing.again(unsmoothed))),
        "label_error_rate_of_the_model_on_known_clips": round(
            model_alone(made, recognizer, config.windows.margin_s), 4
        ),
        "speakers_experimental": rounded(score_speakers(told.pairs)),
        "config": config.model_dump(mode="json"),
    }


def rounded(values: dict[str, float]) -> dict[str, float]:
    return {key: round(float(value), 4) for key, value in values.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--tune", action="store_true", help="dev speakers, many settings")
    parser.add_argument("--model", default="default")
    options = parser.parse_args()
    if not (SHARED / "ravdess").is_dir() or not NOISES.is_dir():
        print(f"needs RAVDESS at {SHARED / 'ravdess'} and ESC-10 at {NOISES}", file=sys.stderr)
        return 2
    recognizer = Recognizer.open(options.model, n_threads=1)
    if options.tune:
        for row in tune(recognizer)[:15]:
            print(json.dumps(rounded(row)))
        return 0
    began = time.time()
    result = {
        "benchmark": "timeline_accuracy",
        "model": recognizer.model.name,
        "model_commit": recognizer.model.provenance.get("commit"),
        "actors": list(TEST_ACTORS),
        "actors_not_heard_in_training": never_heard(recognizer),
        **measure(recognizer),
        "wall_s": round(time.time() - began, 1),
        "load_average": os.getloadavg(),
        "cores": os.cpu_count(),
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))
    return 0


def never_heard(recognizer: Recognizer) -> bool:
    """Whether the model says that it never heard the test actors."""
    heard = set(recognizer.model.provenance.get("train_speakers", []))
    heard |= set(recognizer.model.provenance.get("dev_speakers", []))
    return not heard & {f"ravdess-{actor:02}" for actor in TEST_ACTORS}


if __name__ == "__main__":
    sys.exit(main())
