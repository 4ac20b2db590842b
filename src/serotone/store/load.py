"""Model folders: what one says of itself, and where models are looked for."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from serotone.errors import ConfigError, ModelError, did_you_mean
from serotone.store.layout import DEFAULT, DESCRIPTION, ONNX, read_description


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a model says of itself.

    Attributes:
        name: of the folder.
        path: of the folder.
        labels: in the order of the outputs.
        sample_rate: of the waveform it takes, in Hz.
        n_parameters: learned ones.
        size_bytes: of ``model.onnx``.
        licence: what its training data permits.
        figures: of its evaluation, by name.
        recipe: name of the recipe.
        provenance: corpora, speakers, split, seed, date, versions.
        prepare: steps before the model, as ``serotone.audio.preprocess`` takes them.
        calibration: how its confidence was fitted: ``temperature``, and ``conformal`` with the
            threshold of each coverage; empty in older folders.
        together: calibration over the test clips of all ``figures``; empty where not measured.
        onnx_sha256: of ``model.onnx``, as ``model.json`` states it.
    """

    name: str
    path: Path
    labels: tuple[str, ...]
    sample_rate: int
    n_parameters: int
    size_bytes: int
    licence: str
    figures: Mapping[str, Any]
    recipe: str
    provenance: Mapping[str, Any]
    prepare: Mapping[str, Any] = field(default_factory=dict)
    calibration: Mapping[str, Any] = field(default_factory=dict)
    together: Mapping[str, Any] = field(default_factory=dict)
    onnx_sha256: str = ""

    @property
    def thresholds(self) -> dict[float, float]:
        """The probability that a label needs to enter a set, by the set's coverage."""
        found = self.calibration.get("conformal", {}).get("thresholds", {})
        return {float(coverage): float(value) for coverage, value in found.items()}

    def reader(self, corpus: str) -> dict[str, Any]:
        """Options with which a corpus was read that taught the model, none for another.

        Read otherwise, it may name its speakers otherwise, and nobody would know who taught.
        """
        return dict(self.provenance.get("readers", {}).get(corpus, {}))

    def threshold(self, coverage: float) -> float:
        """The probability that a label needs to enter a set of this coverage.

        Raises:
            ConfigError: when none was fitted.
        """
        known = self.thresholds
        if not known:
            raise ConfigError(
                f"model '{self.name}' has no thresholds for sets of labels. "
                "Fit them on its dev speakers: serotone calibrate."
            )
        if coverage not in known:
            listed = ", ".join(f"{value:g}" for value in sorted(known))
            raise ConfigError(f"sets: got coverage {coverage:g}, expected one of {listed}.")
        return known[coverage]


def describe(folder: Path) -> ModelInfo:
    """Read ``model.json``.

    Raises:
        ModelError: when the folder is not a whole model folder.
    """
    values = read_description(folder)
    try:
        return ModelInfo(
            name=values["name"],
            path=folder,
            labels=tuple(values["labels"]),
            sample_rate=int(values["sample_rate"]),
            n_parameters=int(values["n_parameters"]),
            size_bytes=(folder / ONNX).stat().st_size,
            licence=values["licence"],
            figures=values["figures"],
            recipe=values["recipe"]["name"],
            provenance=values["provenance"],
            prepare=values.get("prepare", {}),
            calibration=values.get("calibration", {}),
            together=values.get("together", {}),
            onnx_sha256=values.get("sha256", {}).get(ONNX, ""),
        )
    except KeyError as error:
        raise ModelError(
            f"{folder / DESCRIPTION}: no key {error}, expected one. Export the model anew."
        ) from None
    except FileNotFoundError:
        raise ModelError(f"{folder}: no {ONNX}, expected one. Copy the whole folder.") from None


def resolve(model: str | Path = DEFAULT) -> Path:
    """The folder that a name, a path or ``hf://owner/name`` stands for.

    Raises:
        ModelError: when there is none.
        MissingExtraError: when a model of the hub is asked for without its client.
    """
    if str(model).startswith("hf://"):
        from serotone.store.hub import fetch

        return fetch(str(model))
    path = Path(model)
    if (path / DESCRIPTION).is_file():
        return path
    if path.is_dir() or len(path.parts) > 1:
        raise ModelError(
            f"no model at '{model}': expected a folder with {DESCRIPTION} in it. "
            "Give a model folder, or a name that `serotone models` lists."
        )
    known = {folder.name: folder for folder in _folders()}
    if str(model) not in known:
        raise ModelError(f"unknown model '{model}'. {did_you_mean(str(model), known)}")
    return known[str(model)]


def list_models() -> list[ModelInfo]:
    """The models inside the package and in the user's folder, sorted by name."""
    return sorted((describe(folder) for folder in _folders()), key=lambda info: info.name)


def models_folder() -> Path:
    """Where a user's models live: ``SEROTONE_MODELS``, or a folder in their home."""
    home = Path.home() / ".local" / "share" / "serotone" / "models"
    return Path(os.environ.get("SEROTONE_MODELS", home))


def _folders() -> Iterator[Path]:
    shipped = Path(__file__).resolve().parents[1] / "shipped"
    for parent in (shipped, models_folder()):
        if parent.is_dir():
            yield from (p for p in sorted(parent.iterdir()) if (p / DESCRIPTION).is_file())
