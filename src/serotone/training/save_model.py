"""A trained model to a model folder: exported, described, checked."""

from __future__ import annotations

import datetime
import importlib.metadata
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from serotone import __version__
from serotone.corpora import CORPORA
from serotone.export.onnx_graph import Pipeline, export_checked
from serotone.models.base import EmotionModel, n_parameters
from serotone.store.layout import ONNX
from serotone.store.load import ModelInfo
from serotone.store.save import save
from serotone.training.init_weights import beginning, inherited
from serotone.training.recipe import Recipe
from serotone.training.train import Trained
from serotone.types import Sides, speakers

OF_BEFORE = ("name", "sha256", "form", "made_from", "robustness", "together")
"""What ``model.json`` says of a model and not of one that is made from it; its figures go too."""


def publish(trained: Trained, recipe: Recipe, split: Sides, *, folder: Path) -> ModelInfo:
    """Export to ONNX, compare it with torch, and write the model folder.

    Args:
        trained: what ``train`` gave.
        recipe, split: what it was trained by and on.
        folder: where to; its name becomes the model's.

    Raises:
        ModelError: when ONNX and torch disagree.
    """
    return write(trained.model, describe_run(trained, recipe, split), folder=folder)


def write(model: EmotionModel, description: Mapping[str, Any], *, folder: Path) -> ModelInfo:
    """Export a net as its description says and write the model folder.

    Args:
        model: not training.
        description: all of ``model.json`` but name and checksums.
        folder: where to; its name becomes the model's.

    Raises:
        ModelError: when ONNX and torch disagree.
    """
    pipeline = Pipeline(
        model, temperature=description["temperature"], intensity=description["intensity"]
    )
    precision = Recipe.parse(description["recipe"]).export.weights
    with tempfile.TemporaryDirectory() as scratch:
        onnx = Path(scratch) / ONNX
        export_checked(pipeline, onnx, {"name": folder.name, **description})
        weights = {
            name: value.numpy().astype(precision) if value.is_floating_point() else value.numpy()
            for name, value in model.state_dict().items()
        }
        return save(folder, onnx=onnx, weights=weights, description=description)


def describe_run(trained: Trained, recipe: Recipe, split: Sides) -> dict[str, Any]:
    """All of ``model.json`` but name and checksums."""
    corpora = _corpora(recipe, split)
    # Once refitted, nobody is left who chooses without having taught.
    refit = recipe.optimiser.refit
    teaching, choosing = ((*split.train, *split.dev), ()) if refit else (split.train, split.dev)
    description: dict[str, Any] = {
        "labels": list(recipe.data.labels),
        "sample_rate": trained.model.sample_rate,
        "n_parameters": n_parameters(trained.model),
        "temperature": trained.temperature,
        "intensity": recipe.optimiser.intensity_weight > 0,
        "prepare": recipe.prepare.model_dump(mode="json", exclude_defaults=True),
        "recipe": recipe.model_dump(mode="json"),
        "licence": _licence(corpora),
        "figures": {},
        "provenance": {
            "corpora": corpora,
            "split": split.name,
            "split_hash": split.hash,
            "protocol": _protocol(split),
            "readers": dict(recipe.data.options),
            "train_speakers": speakers(teaching),
            "dev_speakers": speakers(choosing),
            "test_speakers": speakers(split.test),
            "seed": recipe.seed,
            "epoch": trained.epoch,
            "dev": dict(trained.dev),
            "taught": dict(trained.taught),
            "train_s": round(trained.train_s, 1),
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "commit": _commit(),
            "versions": {
                "serotone": __version__,
                "torch": importlib.metadata.version("torch"),
            },
        },
    }
    if not recipe.begins_with:
        return description
    description = inherited(description, beginning(recipe.begins_with, split))
    description["licence"] = _licence(description["provenance"]["corpora"])
    return description


def _protocol(split: Sides) -> str:
    """The split's; but nobody can tell what is honest where speakers are unknown."""
    known = all(u.speaker_known for u in split.part("all"))
    return split.protocol if known or split.protocol == "claimed" else "unverified"


def _corpora(recipe: Recipe, split: Sides) -> list[dict[str, Any]]:
    heard = [u for u in (*split.train, *split.dev) if u.label in recipe.data.labels]
    # Rows may be copies of one clip.
    used = Counter(corpus for corpus, _, _ in {(u.corpus, u.path, u.start_s) for u in heard})
    found = []
    for name, n_clips in sorted(used.items()):
        info = CORPORA.get(name).info if name in CORPORA.names() else None
        found.append(
            {
                "name": name,
                "title": info.title if info else name,
                "n_clips": n_clips,
                "licence": (info.licence if info else "") or "as you hold it",
                "doi": info.doi if info else "",
            }
        )
    return found


def _licence(corpora: list[dict[str, Any]]) -> str:
    if any("NC" in corpus["licence"] for corpus in corpora):
        return (
            "For research and other non-commercial use: a corpus it learned from is licensed so. "
            "Train on your own recordings for anything else."
        )
    return "As the licences of the corpora it learned from permit."


def _commit() -> str | None:
    """The commit of the source that trained, where git knows one."""
    root = Path(__file__).resolve().parents[3]
    if not (root / ".git").exists():
        return None
    found = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip() or None
