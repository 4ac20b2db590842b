"""The models that are to become one, and whether they can."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from serotone.errors import ConfigError, ModelError
from serotone.store.layout import DESCRIPTION, verify
from serotone.store.load import ModelInfo, describe, resolve

How = Literal["average", "vote", "stack"]

TIE = 0.01
"""Share of the mean probability in a vote: it decides between labels with as many votes."""


@dataclass(frozen=True, slots=True)
class Member:
    """A model of an ensemble.

    Attributes:
        info: what it says of itself.
        weight: of its answers; the weights of an ensemble sum to 1.
        description: all of its ``model.json``.
    """

    info: ModelInfo
    weight: float
    description: Mapping[str, Any]


def members_of(
    models: Sequence[str | Path], weights: Sequence[float] | None = None
) -> list[Member]:
    """The models that are to become one.

    Args:
        models: names or folders, at least two; their labels are the same, in any order.
        weights: one each; scaled to sum to 1. All alike where None.

    Raises:
        ConfigError: for fewer than two, or weights that do not fit.
        ModelError: when their labels or preparation differ, or a file was altered.
    """
    if len(models) < 2:
        raise ConfigError(f"got {len(models)} model(s), expected at least two. Name more.")
    given = [1.0] * len(models) if weights is None else list(weights)
    if len(given) != len(models) or min(given) < 0 or sum(given) <= 0:
        raise ConfigError(
            f"got the weights {given} for {len(models)} models, expected one each, "
            "none below 0 and not all 0."
        )
    members = []
    for model, weight in zip(models, given, strict=True):
        path = resolve(model)
        verify(path)
        values = json.loads((path / DESCRIPTION).read_text(encoding="utf-8"))
        members.append(Member(describe(path), weight / sum(given), values))
    _refuse_unlike(members)
    return members


def _refuse_unlike(members: Sequence[Member]) -> None:
    first = members[0]
    for member in members[1:]:
        unlike = set(first.info.labels) ^ set(member.info.labels)
        if unlike:
            raise ModelError(
                f"'{member.info.name}' and '{first.info.name}' differ in the labels "
                f"{', '.join(sorted(unlike))}; expected the same ones. Leave one of them out."
            )
        if member.info.prepare != first.info.prepare:
            raise ModelError(
                f"'{member.info.name}' and '{first.info.name}' prepare the sound in different "
                "ways, which one graph cannot. Train them with the same [prepare]."
            )
