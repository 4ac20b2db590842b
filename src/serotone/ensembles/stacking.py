"""Weights of an ensemble's members, fitted on clips that taught none of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from serotone.errors import ConfigError, LeakError
from serotone.evaluation.evaluate import evaluate
from serotone.inference.recognizer import Recognizer
from serotone.types import Sides, Utterance, speakers

N_STEPS = 500


def fit_weights(
    probabilities: ArrayLike, truth: ArrayLike, *, n_steps: int = N_STEPS
) -> NDArray[np.float64]:
    """Weights, summing to 1, under which the mean of the members makes the truth likeliest.

    The likelihood of a mixture is concave in its weights, so expectation maximisation from equal
    weights finds the best there are; nothing is drawn.

    Args:
        probabilities: of shape (M members, n clips, C classes), rows summing to 1.
        truth: of shape (n,), places of the classes.
        n_steps: at most; it stops earlier when no weight moves by a millionth.

    Returns:
        Of shape (M,).

    Raises:
        ConfigError: when there are no clips, or the shapes do not fit.

    Source:
        Smyth & Wolpert 1999, Linearly combining density estimators via stacking,
        doi:10.1023/A:1007511322260.

    Example:
        >>> right, wrong = [[0.9, 0.1], [0.1, 0.9]], [[0.1, 0.9], [0.9, 0.1]]
        >>> fit_weights([right, wrong], [0, 1]).round(3).tolist()
        [1.0, 0.0]
    """
    shares, classes = np.asarray(probabilities, dtype=np.float64), np.asarray(truth)
    if shares.ndim != 3 or shares.shape[1] != len(classes) or not len(classes):
        raise ConfigError(
            f"got probabilities of shape {shares.shape} and {len(classes)} true labels, "
            "expected (members, clips, classes) and as many labels as clips, at least one."
        )
    likelihood = np.maximum(shares[:, np.arange(len(classes)), classes], 1e-12)
    weights = np.full(len(shares), 1 / len(shares))
    for _ in range(n_steps):
        joint = weights[:, None] * likelihood
        moved = (joint / joint.sum(axis=0)).mean(axis=1)
        if np.abs(moved - weights).max() < 1e-6:
            break
        weights = moved
    return weights


def weights_on_dev(
    models: Sequence[str | Path],
    utterances: Sequence[Utterance],
    *,
    corpus: str,
    split: Sides,
    progress: Callable[[int, int], object] | None = None,
) -> NDArray[np.float64]:
    """The weights of models that suit the dev side of a split best; its test side stays unheard.

    Args:
        models: names or folders.
        utterances: the whole corpus, whose labels count.
        corpus: its name.
        split: whose dev side is heard.
        progress: called with how many clips one model has heard, and of how many.

    Raises:
        LeakError: when a model learned from a speaker of the dev side: its weight would be of
            what it knows by heart.
        ModelError: when a model cannot be opened.
    """
    answers = []
    for model in models:
        recognizer = Recognizer.open(model, sound_check=False)
        _refuse_taught(recognizer, split)
        result = evaluate(
            recognizer,
            utterances,
            corpus=corpus,
            split=split,
            part="dev",
            allow_seen_speakers=True,  # dev has chosen the epochs of each, and chooses again
            progress=progress,
        )
        answers.append((result, {answer.id: answer for answer in result.answers}))
    first, _ = answers[0]
    ids = [a.id for a in first.answers if all(a.id in by_id for _, by_id in answers)]
    shares = [
        [[by_id[name].probabilities[label] for label in first.labels] for name in ids]
        for _, by_id in answers
    ]
    truth = [first.labels.index(answers[0][1][name].truth) for name in ids]
    return fit_weights(shares, truth)


def _refuse_taught(recognizer: Recognizer, split: Sides) -> None:
    taught = set(recognizer.model.provenance.get("train_speakers", ()))
    shared = sorted(taught.intersection(speakers(split.dev)))
    if shared and split.protocol != "claimed":
        raise LeakError(
            f"model '{recognizer.model.name}' learned from {len(shared)} speaker(s) of the dev "
            f"side of '{split.name}', for example '{shared[0]}'; expected none. "
            "Give the split that the models were trained on."
        )
