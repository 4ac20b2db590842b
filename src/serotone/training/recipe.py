"""A recipe: all that decides a training run, in one TOML file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from serotone.augment import AugmentConfig
from serotone.config import Config, override, read_toml
from serotone.errors import ConfigError, did_you_mean
from serotone.labels import CANONICAL


class DataConfig(Config):
    """Which clips teach, choose and test.

    Attributes:
        corpora: names of readers.
        options: of the readers, by corpus, as ``{folder = {speaker = "(s[0-9]+)"}}``.
        labels: classes of the model, in the order of its outputs; other clips are set aside.
            Empty takes the labels that the training clips have, sorted.
        split: ``luna5:1`` and the like (see docs/corpora.md), or ``speakers`` to take the sides
            from the lists below.
        dev_speakers, test_speakers: for ``split = "speakers"``; all others train.
        max_s: longest training crop, in seconds.
        balance: ``none`` or ``speakers``, which draws a clip with a chance that falls with the
            square root of the number of clips its speaker has.
    """

    corpora: tuple[str, ...]
    options: dict[str, dict[str, Any]] = Field(default_factory=dict)
    labels: tuple[str, ...] = CANONICAL
    split: str = "kfold5:1"
    dev_speakers: tuple[str, ...] = ()
    test_speakers: tuple[str, ...] = ()
    max_s: float = 4.0
    balance: Literal["none", "speakers"] = "none"


class OptimiserConfig(Config):
    """AdamW under one cycle of the learning rate (Smith & Topin 2019, 10.1117/12.2520589).

    Attributes:
        epochs: passes over the training clips.
        batch_size: in clips.
        learning_rate: its peak.
        weight_decay: of AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101).
        label_smoothing: share of the target spread over the classes the clip's corpus has.
        intensity_weight: of the intensity loss; 0 makes a model without an opinion on it.
        average: decay a step of the moving average of the weights; 0 keeps the last weights.
        gradient_clip: largest norm of the gradient.
    """

    epochs: int = Field(default=60, ge=1)
    batch_size: int = Field(default=32, ge=2)
    learning_rate: float = Field(default=2e-3, gt=0)
    weight_decay: float = 0.05
    label_smoothing: float = 0.1
    intensity_weight: float = 0.0
    average: float = 0.99
    gradient_clip: float = 5.0


class ExportConfig(Config):
    """What the model folder holds.

    Attributes:
        weights: precision of ``weights.safetensors``, which training goes on from; half of it
            halves the folder. ``model.onnx``, which predicts, stays float32.
    """

    weights: Literal["float32", "float16"] = "float32"


class Recipe(Config):
    """One published result, or one of your own.

    Attributes:
        name: of the result and the model.
        description: one line for people.
        model: an architecture of ``serotone.models``.
        architecture: its settings.
        seed: of everything that is drawn.
    """

    name: str
    description: str = ""
    model: str = "resnet_logmel"
    architecture: dict[str, Any] = Field(default_factory=dict)
    seed: int = 0
    data: DataConfig
    augment: AugmentConfig = AugmentConfig()
    optimiser: OptimiserConfig = OptimiserConfig()
    export: ExportConfig = ExportConfig()


def recipe_folders() -> list[Path]:
    """Where recipes are looked up by name: inside the package, or beside its source."""
    package = Path(__file__).resolve().parents[1]
    return [package / "recipes", package.parents[1] / "recipes"]


def find_recipe(name: str) -> Path:
    """The file of a recipe given by path or by name.

    Raises:
        ConfigError: when there is none.
    """
    path = Path(name)
    if path.suffix == ".toml":
        return path
    known = {p.stem: p for folder in recipe_folders() for p in sorted(folder.glob("*.toml"))}
    if name not in known:
        raise ConfigError(
            f"unknown recipe '{name}'. {did_you_mean(name, known)} Or give a .toml file."
        )
    return known[name]


def load_recipe(name: str, assignments: Iterable[str] = ()) -> Recipe:
    """Read a recipe and apply ``--set`` assignments.

    Raises:
        ConfigError: for a missing file, an unknown key or an impossible value.
    """
    return Recipe.parse(override(read_toml(find_recipe(name)), assignments))
