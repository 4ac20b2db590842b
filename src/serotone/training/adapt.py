"""A trained model fitted to a voice, a microphone or a line, by recordings without labels.

Batch norms hold the mean and variance of what came through them in training. Another voice moves
these, and all that follows reads the shifted numbers. Here they are measured anew on recordings of
the voice and mixed with those of training; no weight is learned (Li et al. 2018,
10.1016/j.patcog.2018.03.005; mixed as by Schneider et al. 2020, arXiv:2006.16971).
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from serotone.audio.io import read
from serotone.audio.sound_check import NO_SPEECH
from serotone.errors import AudioError, ConfigError
from serotone.inference.recognizer import Recognizer
from serotone.inference.threads import chunked
from serotone.metrics.temperature import temperature_for_confidence
from serotone.models.base import EmotionModel
from serotone.store.layout import DESCRIPTION, ONNX, WEIGHTS, verify
from serotone.store.load import ModelInfo
from serotone.training.init_weights import take_weights
from serotone.training.recipe import Recipe
from serotone.training.save_model import OF_BEFORE, write
from serotone.training.train import build
from serotone.types import Audio, Failure

T = TypeVar("T")

SHARE = 0.5
"""Of the new statistics in the mix; chosen on dev speakers (docs/adapt.md)."""

LEAST = 5
"""Pieces with speech below which a mean and a variance say too little."""

ENOUGH = 500
"""Pieces; of more a random choice is heard."""

BATCH_SIZE = 32


@dataclass(frozen=True, slots=True)
class Adapted:
    """What was made, and of what.

    Attributes:
        info: of the new model folder.
        n_pieces: heard; a long recording is several, and those without speech are left out.
        duration_s: of the pieces.
        labels: how many pieces the model took for what, before.
        failures: files that could not be read.
    """

    info: ModelInfo
    n_pieces: int
    duration_s: float
    labels: Mapping[str, int] = field(default_factory=dict)
    failures: Sequence[Failure] = ()


def adapt(
    model: str | Path,
    paths: Iterable[str | Path],
    *,
    folder: Path,
    share: float = SHARE,
    on_file: Callable[[], None] = lambda: None,
) -> Adapted:
    """Write a model folder whose batch norms know these recordings.

    Args:
        model: a name that ``serotone models`` lists, or a model folder.
        paths: recordings of the voice to come, in several moods; labels are not asked for.
        folder: where to; its name becomes the model's.
        share: of the new statistics, from 0 (none) to 1 (nothing of training is kept).
        on_file: called for every file.

    Raises:
        AudioError: when there are fewer than ``LEAST`` pieces with speech.
        ConfigError: for a model without batch norms, an ensemble, or a folder that is the model.
        ModelError: when there is no such model, or its files were altered.
    """
    recognizer = Recognizer.open(model)
    source = recognizer.model
    if folder.resolve() == source.path.resolve():
        raise ConfigError(f"--out {folder}: is the model itself, expected another folder.")
    net = reopen(source)
    if not batch_norms(net):
        raise ConfigError(
            f"model '{source.name}' has no batch norms, and those are what is adapted. "
            "Take one that has, as the default."
        )
    failures: list[Failure] = []
    pieces = sample(_pieces(recognizer, paths, failures, on_file), ENOUGH)
    answers = recognizer.predict_batch(pieces) if pieces else []
    heard = [(p, a) for p, a in zip(pieces, answers, strict=True) if NO_SPEECH not in a.warnings]
    if len(heard) < LEAST:
        reasons = f" ({failures[0].error})" if failures else ""
        raise AudioError(
            f"got {len(heard)} pieces with speech, expected at least {LEAST}{reasons}. "
            "Give more recordings of the voice, in several moods."
        )
    signals = [recognizer.prepared(piece) for piece, _ in heard]
    description = _description(source)
    description["temperature"] = refit(
        net, signals, share=share, temperature=description["temperature"]
    )
    duration_s = sum(piece.duration_s for piece, _ in heard)
    description["provenance"]["adapted"] |= {
        "share": share,
        "n_pieces": len(heard),
        "duration_s": round(duration_s, 1),
    }
    labels = Counter(max(a.probabilities, key=a.probabilities.__getitem__) for _, a in heard)
    made = write(net, description, folder=folder)
    return Adapted(made, len(heard), duration_s, dict(labels.most_common()), tuple(failures))


def reopen(source: ModelInfo) -> EmotionModel:
    """The net of a model folder with its weights, not training.

    Raises:
        ConfigError: when it is an ensemble.
        ModelError: when its weights were altered.
    """
    verify(source.path, names=(ONNX, WEIGHTS))
    recipe = json.loads((source.path / DESCRIPTION).read_text(encoding="utf-8"))["recipe"]
    if "members" in recipe:
        raise ConfigError(
            f"model '{source.name}' is an ensemble, expected a single net. Take each of its "
            "members, and make an ensemble of what comes out."
        )
    net = build(Recipe.parse(recipe)).eval()
    take_weights(net, source)
    return net


def batch_norms(net: nn.Module) -> list[nn.modules.batchnorm._BatchNorm]:
    """All batch norms of a net that keep statistics, in its order."""
    norms = (part for part in net.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm))
    return [norm for norm in norms if norm.track_running_stats]


def refit(
    net: EmotionModel,
    signals: Sequence[NDArray[np.float32]],
    *,
    share: float = SHARE,
    temperature: float = 1.0,
) -> float:
    """Refit the norms, and find the temperature at which the net is as sure as it was.

    Mixed statistics are wider than those of one voice, and logits come out smaller: left alone, an
    adapted net is right more often than it says.

    Args:
        net, signals, share: as of ``refit_norms``.
        temperature: of the net before.

    Returns:
        The temperature after.
    """
    sure = softmax(logits_of(net, signals) / temperature, axis=1).max(axis=1).mean()
    refit_norms(net, signals, share=share)
    return temperature_for_confidence(logits_of(net, signals), min(float(sure), 1 - 1e-6))


@torch.no_grad()
def refit_norms(
    net: EmotionModel, signals: Sequence[NDArray[np.float32]], *, share: float = SHARE
) -> None:
    """Measure the batch norms' statistics anew and mix them with those that are there.

    Args:
        net: changed in place; not training afterwards.
        signals: waveforms (N,) at its rate, two or more, in no order: each batch should hold a bit
            of everything.
        share: of what is measured, from 0 to 1.
    """
    norms = batch_norms(net.eval())
    before = [(norm.momentum, [value.clone() for value in _statistics(norm)]) for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # torch then averages over all batches
        norm.train()
    # Batches of nearly one size count alike, and none has a single clip, which has no variance.
    n_batches = max(1, len(signals) // BATCH_SIZE)
    for rows in np.array_split(np.arange(len(signals)), n_batches):
        net(*_padded([signals[row] for row in rows]))
    for norm, (momentum, kept) in zip(norms, before, strict=True):
        norm.momentum = momentum
        for old, new in zip(kept, _statistics(norm), strict=True):
            new.copy_(old.lerp(new, share))
    net.eval()


@torch.no_grad()
def logits_of(net: EmotionModel, signals: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
    """(M, C) of waveforms (N,) at the net's rate; the net not training."""
    rows = [net(*_padded(batch)).logits for batch in chunked(signals, BATCH_SIZE)]
    return torch.cat(rows).double().numpy()


def sample(items: Iterable[T], n: int, *, seed: int = 0) -> list[T]:
    """At most ``n`` of the items, each as likely as any other, in random order.

    Algorithm R (Vitter 1985, 10.1145/3147.3165): no more than ``n`` are held at a time.

    Example:
        >>> sorted(sample([3, 1, 2], 5))
        [1, 2, 3]
    """
    chosen: list[T] = []
    generator = random.Random(seed)
    for i, item in enumerate(items):
        if i < n:
            chosen.append(item)
        elif (place := generator.randrange(i + 1)) < n:
            chosen[place] = item
    generator.shuffle(chosen)
    return chosen


def _padded(signals: Iterable[NDArray[np.float32]]) -> tuple[Tensor, Tensor]:
    """(B, N) and (B,) lengths in samples."""
    clips = [torch.from_numpy(signal) for signal in signals]
    return pad_sequence(clips, batch_first=True), torch.tensor([len(clip) for clip in clips])


def _statistics(norm: nn.modules.batchnorm._BatchNorm) -> tuple[Tensor, Tensor]:
    return norm.get_buffer("running_mean"), norm.get_buffer("running_var")


def _pieces(
    recognizer: Recognizer,
    paths: Iterable[str | Path],
    failures: list[Failure],
    on_file: Callable[[], None],
) -> Iterator[Audio]:
    """What the model hears of the files; those that cannot be read become failures."""
    for path in paths:
        try:
            yield from recognizer.pieces(read(path, sample_rate=recognizer.sample_rate))
        except AudioError as error:
            failures.append(Failure(str(path), str(error)))
        on_file()


def _description(source: ModelInfo) -> dict[str, Any]:
    """All of ``model.json`` but name and checksums; figures are of the model before, and go."""
    values = json.loads((source.path / DESCRIPTION).read_text(encoding="utf-8"))
    adapted = {"name": values["name"], "sha256": values["sha256"][ONNX]}
    kept = {key: value for key, value in values.items() if key not in OF_BEFORE}
    provenance = {**kept["provenance"], "adapted": adapted}
    return {**kept, "figures": {}, "provenance": provenance}
