"""Corpora: annotation to ``Utterance``s, one file each, and splits that cannot leak.

Example:
    >>> from serotone.corpora import CORPORA
    >>> CORPORA.get("ravdess").info.n_clips
    1440
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from serotone.corpora.reader import Corpus, CorpusInfo, Problem, Reading, Source
from serotone.errors import ConfigError, did_you_mean
from serotone.registry import Registry

__all__ = ["CORPORA", "Corpus", "CorpusInfo", "Problem", "Reading", "Source", "read"]

CORPORA = Registry[Corpus](
    "corpus",
    "serotone.corpora",
    {
        "ased": "serotone.corpora.ased:ASED",
        "audformat": "serotone.corpora.audformat:AUDFORMAT",
        "crema-d": "serotone.corpora.crema_d:CREMA_D",
        "emodb": "serotone.corpora.emodb:EMODB",
        "folder": "serotone.corpora.folder:FOLDER",
        "huggingface": "serotone.corpora.huggingface:HUGGINGFACE",
        "iemocap": "serotone.corpora.iemocap:IEMOCAP",
        "iemocap5": "serotone.corpora.iemocap:IEMOCAP5",
        "meld": "serotone.corpora.meld:MELD",
        "nemo": "serotone.corpora.nemo:NEMO",
        "ravdess": "serotone.corpora.ravdess:RAVDESS",
        "ravdess-song": "serotone.corpora.ravdess_song:RAVDESS_SONG",
        "ravdess-song-truncated": "serotone.corpora.ravdess_song:RAVDESS_SONG_TRUNCATED",
        "savee": "serotone.corpora.savee:SAVEE",
        "table": "serotone.corpora.table:TABLE",
        "tess": "serotone.corpora.tess:TESS",
    },
)
"""Every corpus by name."""


def read(name: str, root: Path | str, /, **options: Any) -> Reading:
    """Read the annotation of a corpus.

    Args:
        name: one of ``CORPORA``.
        root: its own folder, or the file of a table.
        options: fields of the reader to change, as ``speaker=r"(s\\d+)"`` for ``folder``.

    Raises:
        ConfigError: when the corpus or an option is unknown.
        CorpusError: when nothing there belongs to the corpus.
    """
    reader = CORPORA.get(name)
    if options:
        reader = _changed(name, reader, options)
    return reader.read(Path(root))


def _changed(name: str, reader: Any, options: dict[str, Any]) -> Corpus:
    fields = [f.name for f in dataclasses.fields(reader) if f.name != "info"]
    for option in options:
        if option not in fields:
            hint = did_you_mean(option, fields) if fields else "It has none."
            raise ConfigError(f"corpus '{name}' has no option '{option}'. {hint}")
    changed: Corpus = dataclasses.replace(reader, **options)
    return changed
