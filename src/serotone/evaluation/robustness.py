"""How much of a model's score is left in noise, rooms, telephones and codecs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serotone.errors import ConfigError
from serotone.evaluation.conditions import Condition
from serotone.evaluation.evaluate import evaluate
from serotone.evaluation.predict_utterances import Hearing
from serotone.evaluation.report import lines_of
from serotone.evaluation.result import Evaluation
from serotone.metrics import classes
from serotone.metrics.interval import Difference, paired_bootstrap_over_speakers
from serotone.types import Sides, Utterance

FOLDER = "robustness"
"""Of its results, inside the folder of results."""

CLEAN = "clean"


@dataclass(frozen=True, slots=True)
class Loss:
    """One condition beside the clean sound of the same clips.

    Attributes:
        condition: which.
        evaluation: under it.
        difference: its UAR less the clean one, on clips that could be heard both ways.
    """

    condition: Condition
    evaluation: Evaluation
    difference: Difference


def measure(
    recognizer: Hearing,
    utterances: Sequence[Utterance],
    clean: Evaluation,
    found: Sequence[Condition],
    *,
    corpus: str,
    split: Sides | None = None,
    part: str = "test",
    allow_seen_speakers: bool = False,
    tell: Callable[[int, int, str], object] = lambda done, total, name: None,
) -> list[Loss]:
    """Measure a model on the same clips under each condition.

    Args:
        recognizer: the model.
        utterances: the whole corpus.
        clean: what ``evaluate`` gave for the clips as they are.
        found: of ``evaluation.conditions.conditions``.
        corpus, split, part, allow_seen_speakers: as in ``evaluate``.
        tell: called before each condition, with how many are done, of how many, and its name.

    Raises:
        LeakError: when the model learned from a speaker of these utterances.
    """
    losses = []
    for done, condition in enumerate(found):
        tell(done, len(found), condition.name)
        heard = evaluate(
            recognizer,
            utterances,
            corpus=corpus,
            split=split,
            part=part,
            allow_seen_speakers=allow_seen_speakers,
            alter=condition.alter,
        )
        losses.append(Loss(condition, heard, difference(heard, clean)))
    return losses


def difference(heard: Evaluation, clean: Evaluation) -> Difference:
    """UAR of one evaluation less that of another, over the clips of both.

    Raises:
        ConfigError: when they share no clip.
    """
    before = {answer.id: answer for answer in clean.answers}
    pairs = [(answer, before[answer.id]) for answer in heard.answers if answer.id in before]
    if not pairs:
        raise ConfigError("the two evaluations share no clip. Measure both on the same corpus.")
    place = {label: index for index, label in enumerate(clean.labels)}
    said = [
        [place[max(a.probabilities, key=a.probabilities.__getitem__)] for a in side]
        for side in zip(*pairs, strict=True)
    ]
    return paired_bootstrap_over_speakers(
        classes.uar,
        [place[answer.truth] for answer, _ in pairs],
        said[0],
        said[1],
        [answer.speaker for answer, _ in pairs],
    )


def to_dict(clean: Evaluation, losses: Sequence[Loss], kinds: Sequence[str]) -> dict[str, Any]:
    """The JSON object of a measurement.

    Args:
        clean: the clips as they are.
        losses: of ``measure``.
        kinds: of noise that were mixed in.
    """
    source = clean.source
    names = ("model", "recipe", "corpus", "split", "split_hash", "part", "protocol", "seed")
    rows = {CLEAN: _figures(clean) | {"title": "clean"}}
    for loss in losses:
        low, high = loss.difference.interval.low, loss.difference.interval.high
        rows[loss.condition.name] = _figures(loss.evaluation) | {
            "title": loss.condition.title,
            "difference": round(loss.difference.value, 6),
            "difference_ci": [round(low, 6), round(high, 6)],
            "p_value": round(loss.difference.p_value, 6),
        }
    return {
        **{name: getattr(source, name) for name in names},
        "n_speakers": len(clean.per_speaker),
        "labels": list(clean.labels),
        "noise_kinds": list(kinds),
        "conditions": rows,
        "params": source.params,
        "date": source.date,
        "commit": source.commit,
    }


def _figures(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "n": evaluation.n,
        "uar": round(evaluation.uar, 6),
        "uar_ci": [round(evaluation.uar_ci.low, 6), round(evaluation.uar_ci.high, 6)],
        "accuracy": round(evaluation.accuracy, 6),
        "ece": round(evaluation.ece, 6),
    }


def write(values: Mapping[str, Any], path: Path) -> Path:
    """Write a measurement; the folder is made if need be.

    Raises:
        ConfigError: when it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(lines_of(values) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"'{path}' cannot be written: {error.strerror}.") from None
    return path


def read_all(folder: Path) -> list[dict[str, Any]]:
    """The measurements in a folder of results, sorted by name.

    Raises:
        ConfigError: when a file is not one.
    """
    found = []
    for path in sorted((folder / FOLDER).glob("*.json")):
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(f"'{path}' cannot be read: {error}.") from None
        if not isinstance(values, dict) or CLEAN not in values.get("conditions", {}):
            raise ConfigError(f"{path}: not a measurement of robustness. Delete it.")
        found.append(values)
    return found
