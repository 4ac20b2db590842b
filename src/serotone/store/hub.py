"""Models from the Hugging Face hub: ``hf://owner/name``, checked before they are opened."""

from __future__ import annotations

import os
import re
from pathlib import Path

from serotone.errors import MissingExtraError, ModelError
from serotone.store.layout import CARD, DESCRIPTION, ONNX, WEIGHTS, verify

_REFERENCE = re.compile(r"hf://(?P<repository>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?", re.ASCII)


def fetch(reference: str, *, cache: Path | None = None) -> Path:
    """Download a model folder, or find it in the cache.

    Only the files of a model folder are fetched: none of them is code or a pickle. The SHA-256 of
    each is compared with what its ``model.json`` gives.

    Args:
        reference: ``hf://owner/name``, or ``hf://owner/name@revision``.
        cache: folder of downloads; that of the hub's own client where None.

    Raises:
        ModelError: when there is no such model, it cannot be reached, or a file was altered.
        MissingExtraError: when huggingface_hub is not installed.
    """
    match = _REFERENCE.fullmatch(reference)
    if not match:
        raise ModelError(
            f"got '{reference}', expected hf://owner/name or hf://owner/name@revision."
        )
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import (
            HfHubHTTPError,
            LocalEntryNotFoundError,
            RepositoryNotFoundError,
            RevisionNotFoundError,
        )
    except ModuleNotFoundError:
        raise MissingExtraError("A model of the hub", "train", "huggingface_hub") from None
    try:
        folder = snapshot_download(
            match["repository"],
            revision=match["revision"],
            allow_patterns=[ONNX, WEIGHTS, DESCRIPTION, CARD],
            cache_dir=cache,
            endpoint=os.environ.get("HF_ENDPOINT"),
        )
    except (RepositoryNotFoundError, RevisionNotFoundError):
        raise ModelError(f"{reference}: no such model on the hub, or it is private.") from None
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(f"{reference}: cannot be fetched: {reason} Try again later.") from None
    path = Path(folder)
    verify(path, names=(ONNX, WEIGHTS))
    return path
