"""Mistakes a user can mend. Each message is one line: what, got, expected, do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SerotoneError(Exception):
    """Base of every error that serotone raises on purpose."""


class AudioError(SerotoneError):
    """A recording that cannot be used: missing, empty, damaged, not sound."""


class CorpusError(SerotoneError):
    """A corpus folder or table that cannot be read as it should be."""


class LeakError(SerotoneError):
    """A split with a speaker or a clip on two sides."""


class ConfigError(SerotoneError):
    """A recipe or an option with an unknown key or an impossible value."""


class LabelError(SerotoneError):
    """An emotion name that no label or alias matches."""


class ModelError(SerotoneError):
    """A model folder that is missing, incomplete or altered."""


class MissingExtraError(SerotoneError):
    """A part of serotone whose optional packages are not installed."""

    def __init__(self, what: str, extra: str, package: str) -> None:
        super().__init__(
            f"{what} needs the package '{package}', which is not installed. "
            f"Install it with: pip install 'serotone[{extra}]'"
        )
        self.extra = extra


def did_you_mean(got: str, known: Iterable[str]) -> str:
    """A hint for a mistyped name: `` Did you mean 'x'?`` or the list of known names.

    Example:
        >>> did_you_mean("n_mel", ["n_mels", "hop_length"])
        "Did you mean 'n_mels'?"
    """
    names = sorted(known)
    close = difflib.get_close_matches(got, names, n=1)
    if close:
        return f"Did you mean '{close[0]}'?"
    return "Known: " + ", ".join(names) + "."
