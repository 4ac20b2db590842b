"""Names to things, imported only when asked for; packages add theirs by entry points."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar

from serotone.errors import ConfigError, did_you_mean

T = TypeVar("T")


class Registry(Generic[T]):
    """A lazy table of names.

    Args:
        kind: what the names stand for, in errors ("model").
        group: entry-point group where other packages add names.
        built_in: name to ``module:attribute``.

    Example:
        >>> shapes = Registry[type]("shape", "example.shapes", {"path": "pathlib:Path"})
        >>> shapes.get("path").__name__
        'Path'
    """

    def __init__(self, kind: str, group: str, built_in: Mapping[str, str]) -> None:
        self.kind = kind
        self.group = group
        self._built_in = dict(built_in)

    def names(self) -> list[str]:
        """All names, built in and from entry points, sorted."""
        return sorted({*self._built_in, *(e.name for e in entry_points(group=self.group))})

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def get(self, name: str) -> T:
        """Import and return what ``name`` stands for.

        Raises:
            ConfigError: when there is no such name.
        """
        if name in self._built_in:
            module, _, attribute = self._built_in[name].partition(":")
            found: T = getattr(importlib.import_module(module), attribute)
            return found
        for entry in entry_points(group=self.group):
            if entry.name == name:
                loaded: Any = entry.load()
                return loaded  # type: ignore[no-any-return]
        raise ConfigError(f"unknown {self.kind} '{name}'. {did_you_mean(name, self.names())}")
