"""Configurations: frozen, typed, read from TOML; an unknown key is an error with a suggestion."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from serotone.errors import ConfigError, did_you_mean


def _ascending(pair: tuple[float, float]) -> tuple[float, float]:
    if pair[0] > pair[1]:
        raise ValueError("expected the lower bound first")
    return pair


Range = Annotated[tuple[float, float], AfterValidator(_ascending)]
"""Lower and upper bound."""


class Config(BaseModel):
    """Base of every configuration. Fields carry the only defaults there are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def parse(cls, values: Mapping[str, Any], where: str = "") -> Self:
        """Build from a mapping.

        Raises:
            ConfigError: one line, naming section, key, what was got and what to do.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise ConfigError(_one_line(cls, error, where)) from None


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        ConfigError: when the file is missing or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"no file at '{path}'. Give the path of a .toml file.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, IsADirectoryError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}. Mend that line.") from None


def override(values: dict[str, Any], assignments: Iterable[str]) -> dict[str, Any]:
    """Values with ``section.key=value`` assignments applied; values are read as TOML.

    Raises:
        ConfigError: when an assignment has no ``=`` or walks through a plain value.

    Example:
        >>> override({"train": {"epochs": 60}}, ["train.epochs=2", "name=quick"])
        {'train': {'epochs': 2}, 'name': 'quick'}
    """
    result = {k: dict(v) if isinstance(v, dict) else v for k, v in values.items()}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals:
            raise ConfigError(f"--set got '{assignment}', expected key=value, as train.epochs=30.")
        *sections, last = key.strip().split(".")
        table = result
        for section in sections:
            inner = table.setdefault(section, {})
            if not isinstance(inner, dict):
                raise ConfigError(f"--set {key}: '{section}' is a value, not a section.")
            table[section] = table = dict(inner)
        table[last] = _toml_value(text.strip())
    return result


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _one_line(cls: type[BaseModel], error: ValidationError, where: str) -> str:
    first = error.errors()[0]
    *sections, key = [str(part) for part in first["loc"]] or [""]
    section = ".".join(filter(None, [where, *sections]))
    prefix = f"[{section}] " if section else ""
    if first["type"] == "extra_forbidden":
        fields = _fields_at(cls, sections)
        return f"{prefix}unknown key '{key}'. {did_you_mean(key, fields)}"
    message = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:  # of several keys together: the message names them
        return f"{prefix}{message}."
    return f"{prefix}'{key}': got {first['input']!r}: {message}."


def _fields_at(cls: type[BaseModel], sections: list[str]) -> list[str]:
    for section in sections:
        found = cls.model_fields.get(section)
        inner = found.annotation if found else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            break
        cls = inner
    return list(cls.model_fields)
