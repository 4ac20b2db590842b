"""The page in ``web/``: where it lies once built, and what it is told of a model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serotone import __version__
from serotone.store.card import LIMITS, OUT_OF_SCOPE

if TYPE_CHECKING:
    from serotone.store.load import ModelInfo

_PACKAGE = Path(__file__).resolve().parents[1]

PAGE_FOLDERS = (_PACKAGE / "page", _PACKAGE.parents[1] / "web" / "dist")
"""Inside an installed package, or built beside its source."""

SAMPLES_FOLDERS = (_PACKAGE / "samples", _PACKAGE.parents[1] / "samples")

DESCRIPTION = "page.json"
"""What the page asks for first."""

HOW_TO_BUILD = (
    "the page is not built. In a clone, 'make web' builds it (Node.js comes from PyPI); "
    "a wheel holds it built."
)

LANGUAGES = {"de": "German", "en": "English", "es": "Spanish", "pl": "Polish"}

FIGURE_KEYS = ("corpus", "protocol", "n", "uar", "uar_ci", "ece", "labels", "per_class")


def find_page() -> Path | None:
    """The folder of the built page, None where it was not built."""
    return next((folder for folder in PAGE_FOLDERS if (folder / "index.html").is_file()), None)


def samples() -> list[Path]:
    """The recordings that come with serotone, English first; none where they were left out."""
    folder = next((folder for folder in SAMPLES_FOLDERS if folder.is_dir()), None)
    found = sorted(folder.glob("*.wav")) if folder else []
    return sorted(found, key=lambda path: "-en-" not in path.name)


def sample_name(path: Path) -> str:
    """What a sample's button says.

    Example:
        >>> sample_name(Path("synthetic-en-fast-high.wav"))
        'English, fast, high'
    """
    _, language, *how = path.stem.split("-")
    return ", ".join([LANGUAGES.get(language, language), *how])


def describe_page(
    model: ModelInfo, *, engine: str, limits: Mapping[str, float], words: bool = False
) -> dict[str, Any]:
    """The content of ``page.json``.

    Args:
        model: that answers.
        engine: ``service``, or ``browser`` where the page runs the model itself.
        limits: ``upload_bytes, duration_s, timeline_s, batch_files, stream_s``.
        words: whether the engine can transcribe.
    """
    return {
        "engine": engine,
        "version": __version__,
        "words": words,
        "model": _model(model),
        "limits": dict(limits),
        "samples": [
            {"file": f"samples/{path.name}", "name": sample_name(path)} for path in samples()
        ],
    }


def _model(model: ModelInfo) -> dict[str, Any]:
    provenance = model.provenance
    return {
        "name": model.name,
        "labels": list(model.labels),
        "sample_rate": model.sample_rate,
        "prepare": dict(model.prepare),
        "licence": model.licence,
        "n_parameters": model.n_parameters,
        "size_bytes": model.size_bytes,
        "date": str(provenance.get("date", "")),
        "corpora": [
            {key: corpus[key] for key in ("title", "licence", "n_clips")}
            for corpus in provenance.get("corpora", [])
        ],
        "n_train_speakers": len(provenance.get("train_speakers", [])),
        "n_dev_speakers": len(provenance.get("dev_speakers", [])),
        "figures": [_figure(figure) for figure in model.figures.values()],
        "together": dict(model.together) or None,
        "limits": _items(LIMITS),
        "not_for": _items(OUT_OF_SCOPE),
    }


def _figure(figure: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: figure[key] for key in FIGURE_KEYS if key in figure}
    return {**kept, "n_speakers": len(figure.get("per_speaker", {}))}


def _items(markdown: str) -> list[str]:
    """The items of a Markdown list, each on one line and without marks.

    Example:
        >>> _items("- One,\\n  `two`.\\n- Three.\\n")
        ['One, two.', 'Three.']
    """
    items = re.split(r"^- ", markdown, flags=re.MULTILINE)[1:]
    return [" ".join(item.replace("`", "").split()) for item in items]
