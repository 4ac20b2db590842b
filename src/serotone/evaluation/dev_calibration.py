"""The people who did not teach a model and may calibrate it, and how sure it may be by them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from serotone.corpora import CORPORA, read
from serotone.errors import ConfigError, CorpusError
from serotone.evaluation.predict_utterances import Hearing, listen
from serotone.metrics.temperature import fit_temperature
from serotone.store.load import ModelInfo
from serotone.types import Failure, Utterance

SMALLEST = 1e-6
"""Least share of a label, so that its logarithm is finite."""


def dev_speakers(model: ModelInfo, named: Iterable[str] = ()) -> set[str]:
    """Those who are named, else the model's own dev speakers.

    Raises:
        ConfigError: when nobody is left, or one of them taught the model.
    """
    wanted = set(named) or set(model.provenance.get("dev_speakers", ()))
    if not wanted:
        raise ConfigError(
            f"model '{model.name}' names no dev speakers. Give some: --speakers emodb-09."
        )
    taught = sorted(wanted.intersection(model.provenance.get("train_speakers", ())))
    if taught:
        raise ConfigError(
            f"model '{model.name}' learned from '{taught[0]}': on its teachers it is surer than on "
            "others. Give speakers who did not teach it."
        )
    return wanted


def spoken(model: ModelInfo, speakers: set[str], corpora: Path) -> Iterator[Utterance]:
    """What they say in the corpora that the model knows, each in a folder of its name.

    Raises:
        CorpusError: when one of them is in none of the corpora.
    """
    names = {corpus["name"] for corpus in model.provenance.get("corpora", ())}
    names |= {speaker.rpartition("-")[0] for speaker in speakers}
    found: set[str] = set()
    for name in sorted(names.intersection(CORPORA.names())):
        if not (corpora / name).exists():
            continue
        for utterance in read(name, corpora / name, **model.reader(name)).utterances:
            if utterance.speaker in speakers:
                found.add(utterance.speaker)
                yield utterance
    if missing := sorted(speakers - found):
        raise CorpusError(
            f"speaker '{missing[0]}' is in none of the corpora below {corpora}. "
            "Check --corpora, or name others: --speakers."
        )


def answers_of(
    recognizer: Hearing, utterances: Sequence[Utterance]
) -> tuple[list[Utterance], NDArray[np.float64], list[int]]:
    """What a model says of the utterances whose label it has: those that could be read, their
    probabilities (M, C) and their labels' places (M,).

    Raises:
        CorpusError: when none of the utterances can be used.
    """
    labels = recognizer.labels
    known = [u for u in utterances if u.label in labels]
    heard = [
        (u, said) for u, said in listen(recognizer, known, 16) if not isinstance(said, Failure)
    ]
    if not heard:
        raise CorpusError(
            f"none of {len(utterances)} utterance(s) has a label of the model and can be read; "
            "expected some. Check --corpora."
        )
    shares = np.array([[said.probabilities[label] for label in labels] for _, said in heard])
    return [u for u, _ in heard], shares, [labels.index(u.label or "") for u, _ in heard]


def temperature_by(recognizer: Hearing, utterances: Sequence[Utterance]) -> float:
    """What the logarithms of a model's probabilities are to be divided by, so that its answers to
    ``utterances`` are likeliest.

    A clip says nothing against a label that its corpus does not have here.

    Raises:
        CorpusError: when none of the utterances can be used.
    """
    heard, shares, truth = answers_of(recognizer, utterances)
    of_corpus: defaultdict[str, set[int]] = defaultdict(set)
    for utterance, label in zip(heard, truth, strict=True):
        of_corpus[utterance.corpus].add(label)
    allowed = np.zeros(shares.shape, dtype=bool)
    for row, utterance in enumerate(heard):
        allowed[row, list(of_corpus[utterance.corpus])] = True
    logits = np.where(allowed, np.log(np.maximum(shares, SMALLEST)), -np.inf)
    return fit_temperature(logits, truth)
