"""Results of runs that never ran, for what is made of results."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from serotone.benchmark.result_store import Curve, Result
from serotone.evaluation.result import Answer, Source
from serotone.evaluation.score import score

LABELS = ("happy", "sad", "angry")


def made(
    recipe: str,
    *,
    fold: int | None = 1,
    seed: int = 0,
    skill: float = 0.6,
    protocol: str = "honest",
    corpus: str = "ravdess",
    split: str = "luna5",
    labels: Sequence[str] = LABELS,
    n_takes: int = 6,
) -> Result:
    """A result over five speakers a fold; ``skill`` is the share of answers that are right."""
    name = f"{split}:{fold}" if fold else split
    generator = np.random.default_rng(zlib.crc32(f"{recipe}{name}{seed}".encode()))
    answers = []
    for speaker in range(5):
        for take in range(n_takes):
            for truth in labels:
                heard = truth if generator.random() < skill else str(generator.choice(labels))
                shares = {label: 0.7 if label == heard else 0.3 / (len(labels) - 1)
                          for label in labels}  # fmt: skip
                who = f"{corpus}-{fold}{speaker}"
                sex = "female" if speaker % 2 else "male"
                answers.append(Answer(f"{corpus}/{who}-{truth}-{take}", who, sex, truth, shares))
    source = Source(
        model=recipe, recipe=recipe, corpus=corpus, split=name, split_hash=f"{corpus}{name}",
        part="test", protocol=protocol, seed=seed,
    )  # fmt: skip
    figures = score(answers, labels, source)
    return Result(
        name=f"{recipe}-{name}-{seed}".replace(":", "-"),
        recipe=recipe,
        corpus=corpus,
        split=name,
        split_hash=source.split_hash,
        part="test",
        protocol=protocol,
        seed=seed,
        n=figures.n,
        labels=tuple(labels),
        uar=figures.uar,
        uar_ci=(figures.uar_ci.low, figures.uar_ci.high),
        accuracy=figures.accuracy,
        macro_f1=figures.macro_f1,
        ece=figures.ece,
        confusion=tuple(tuple(row) for row in figures.confusion.tolist()),
        params=636_681,
        train_s=300.0,
        date="2026-01-02",
        trained_on=corpus,
        architecture="resnet_logmel",
        n_folds=5 if fold else None,
        size_bytes=2_500_000,
        latency_ms=12.5,
        latency_cpu="a processor",
        curve=Curve((1.5, 1.0, 0.8), (0.3, 0.5, float("nan")), 2),
        answers=tuple(answers),
    )
