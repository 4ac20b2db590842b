"""Text models of the Hugging Face hub: any sequence classifier whose labels are emotions."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from serotone.errors import LabelError, MissingExtraError, ModelError
from serotone.labels import CANONICAL, FURTHER, resolve

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGEST_TOKENS = 512
"""Longer texts are cut here, or earlier where the model's own limit is lower."""


class HuggingFace:
    """A sequence classifier of transformers, on the processor.

    Args:
        model: a name on the hub (fetched once, then offline), or a local folder.
        labels: emotions for names of the model's own that ``serotone.labels`` does not know, as
            ``{"love": "happy"}``. Probabilities of names for one emotion add up.
        languages: ISO 639-1 codes of what it was trained on; empty for any.

    Raises:
        MissingExtraError: when transformers is not installed.
        ModelError: when the model cannot be had, or weights are missing from its checkpoint, those
            of its head above all: transformers would start them at random and only warn.
        LabelError: when one of its labels is no emotion that serotone knows.
    """

    def __init__(
        self,
        model: str,
        *,
        labels: Mapping[str, str] | None = None,
        languages: Sequence[str] = ("en",),
    ) -> None:
        self._model, self._tokenizer = _load(model)
        emotions = _emotions(model, self._model.config.id2label, labels or {})
        self._labels = tuple(label for label in (*CANONICAL, *FURTHER) if label in emotions)
        # Column of the model to column of ours; several of the model's may share one of ours.
        self._places = np.array([self._labels.index(emotion) for emotion in emotions])
        self._languages = frozenset(languages)
        # Some families keep two positions for themselves.
        positions = getattr(self._model.config, "max_position_embeddings", LONGEST_TOKENS + 2) - 2
        self._longest = min(LONGEST_TOKENS, self._tokenizer.model_max_length, positions)

    @property
    def labels(self) -> tuple[str, ...]:
        """What it chooses among, as ``serotone.labels`` names them."""
        return self._labels

    @property
    def languages(self) -> frozenset[str]:
        """ISO 639-1 codes of the languages it knows; empty where it knows any."""
        return self._languages

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Of shape (B, C), rows summing to 1; as calibrated as the model is."""
        import torch

        encoded = self._tokenizer(
            list(texts),
            padding=True,
            truncation=True,
            max_length=self._longest,
            return_tensors="pt",
        )
        with torch.inference_mode():
            logits = self._model(**encoded).logits.double()
        if self._model.config.problem_type == "multi_label_classification":
            shares = logits.sigmoid()
            shares = shares / shares.sum(dim=1, keepdim=True)
        else:
            shares = logits.softmax(dim=1)
        summed = np.zeros((len(texts), len(self._labels)))
        np.add.at(summed.T, self._places, shares.numpy().T)
        return summed


def _load(name: str) -> tuple[Any, Any]:
    try:
        import torch  # noqa: F401 - transformers imports without it, then fails later
        import transformers
    except ImportError:
        raise MissingExtraError("a Hugging Face text model", "words-hf", "transformers") from None
    # Its report of what is missing becomes an error below.
    verbosity = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity(logging.ERROR)
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(name)
        model, info = transformers.AutoModelForSequenceClassification.from_pretrained(
            name, output_loading_info=True, use_safetensors=None
        )
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise ModelError(
            f"text model '{name}' cannot be loaded: {reason}. Connect to a network once, or give "
            "the folder of a sequence classifier."
        ) from None
    finally:
        transformers.logging.set_verbosity(verbosity)
    absent = sorted({*info["missing_keys"], *(key[0] for key in info["mismatched_keys"])})
    if absent:
        raise ModelError(
            f"text model '{name}': the checkpoint lacks {len(absent)} weights that it needs, as "
            f"'{absent[0]}', and would answer at random. Give one trained to classify emotions."
        )
    return model.eval(), tokenizer


def _emotions(name: str, names: Mapping[int, str], mapping: Mapping[str, str]) -> list[str]:
    emotions = []
    for column in range(len(names)):
        own = names[column]
        try:
            emotions.append(resolve(mapping.get(own, own), (*CANONICAL, *FURTHER)))
        except LabelError as error:
            raise LabelError(
                f"text model '{name}': {error} Say which emotions its labels stand for: "
                "HuggingFace(name, labels={...})."
            ) from None
    if len(set(emotions)) < 2:
        raise ModelError(
            f"text model '{name}': got {len(set(emotions))} emotion, expected at least two. "
            "Give one that chooses among emotions."
        )
    return emotions
