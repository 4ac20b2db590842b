"""Which results belong on a model's card."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from serotone.benchmark.result_store import PREDICTIONS, read_answers
from serotone.errors import ConfigError
from serotone.evaluation.result import Answer, truth_of
from serotone.evaluation.robustness import FOLDER
from serotone.metrics.calibration import ece, ece_by_chance
from serotone.store.load import ModelInfo

KEPT = (
    *("corpus", "split", "part", "protocol", "seed", "n", "uar", "uar_ci", "accuracy", "macro_f1"),
    *("ece", "ece_by_chance", "aurc", "by_sex", "by_age", "gaps", "sets", "intensity", "recipe"),
    *("labels", "per_class", "per_speaker"),
)
"""What of a result stands on a card."""


def figures_of(
    model: ModelInfo, folder: Path, patterns: Sequence[str] = ()
) -> dict[str, dict[str, Any]]:
    """The results of a model, and of other trainings of its recipe.

    A result is the model's own when it was measured with the same ``model.onnx``, of which it
    keeps the SHA-256. Other runs of the recipe, or of those that a pattern names, are of models
    trained on other speakers: they stand apart.

    Args:
        model: whose card it is.
        folder: of results.
        patterns: names of further recipes, with ``*``.

    Returns:
        ``figures``, ``recipe_figures`` and ``robustness``, each by name, and ``together`` of all
        own answers that were kept, for ``model.json``.

    Raises:
        ConfigError: when there is no such folder, or a file in it is not JSON.
    """
    if not folder.is_dir():
        raise ConfigError(f"--results '{folder}': no such folder. Run serotone benchmark first.")
    own, others = {}, {}
    answers: dict[str, Answer] = {}
    for path, values in _results(folder):
        if values.get("part", "test") == "dev":
            continue
        kept = {key: values[key] for key in KEPT if values.get(key) not in (None, {})}
        name = f"{values['corpus']} {values['split']}".removesuffix(" none")
        if values.get("model_sha256") == model.onnx_sha256:
            own[name] = kept
            beside = folder / PREDICTIONS / path.name
            if beside.is_file():
                answers |= {answer.id: answer for answer in read_answers(beside)}
        elif any(fnmatch.fnmatchcase(values["recipe"], p) for p in (model.recipe, *patterns)):
            others[f"{values['recipe']}: {name}, seed {values.get('seed')}"] = kept
    robustness = {
        f"{values['corpus']} {values['split']}": values
        for _, values in _results(folder / FOLDER)
        if values.get("model_sha256") == model.onnx_sha256
    }
    together = calibration_of(list(answers.values())) if len(own) > 1 and answers else {}
    return {
        "figures": own,
        "recipe_figures": others,
        "robustness": robustness,
        "together": together,
    }


def calibration_of(answers: Sequence[Answer]) -> dict[str, Any]:
    """How well answers are calibrated that may come from several corpora, with other labels each.

    Returns:
        ``n`` and ``n_speakers`` of them, ``ece`` and ``ece_by_chance``.
    """
    labels = sorted({label for answer in answers for label in answer.probabilities})
    shares = np.array([[a.probabilities.get(label, 0.0) for label in labels] for a in answers])
    return {
        "n": len(answers),
        "n_speakers": len({answer.speaker for answer in answers}),
        "ece": round(ece(shares, truth_of(answers, labels)), 6),
        "ece_by_chance": round(ece_by_chance(shares), 6),
    }


def _results(folder: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    for path in sorted(folder.glob("*.json")):
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(f"'{path}' cannot be read: {error}.") from None
        if isinstance(values, dict) and {"recipe", "split", "corpus"} <= values.keys():
            yield path, values
