"""What the reference systems claim, and which results stand beside it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources

from pydantic import Field

from serotone.benchmark.aggregate import Measured
from serotone.config import Config, read_toml

CLAIMED = "claimed"
HONEST = "honest"


class SystemConfig(Config):
    """A published system.

    Attributes:
        id: of it here.
        what: the model, in a few words.
        claim: the author's figure as a share; two are a range.
        metric: what the figure is.
        source: where the author says so.
        protocol: the author's data and split.
        here: what differs in our measurement.
        claimed, honest: recipes that measure it, pair by pair, nearest to the author's first; the
            first pair of which both have results counts, else the first recipe that has one.
    """

    id: str
    what: str
    claim: tuple[float, ...] = Field(min_length=1, max_length=2)
    metric: str
    source: str
    protocol: str
    here: str = ""
    claimed: tuple[str, ...] = ()
    honest: tuple[str, ...] = ()


class SystemsConfig(Config):
    """The file of systems."""

    system: tuple[SystemConfig, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """A system beside what was measured of it; None where nothing was."""

    system: SystemConfig
    claimed: Measured | None
    honest: Measured | None

    @property
    def gap(self) -> float | None:
        """Our accuracy under the author's protocol less the honest one."""
        if self.claimed is None or self.honest is None:
            return None
        return self.claimed.accuracy - self.honest.accuracy

    @property
    def missed(self) -> float | None:
        """Our accuracy under the author's protocol less the claim, its lower end if a range."""
        return None if self.claimed is None else self.claimed.accuracy - self.system.claim[0]


def load_systems() -> tuple[SystemConfig, ...]:
    """The reference systems, in order."""
    name = "reference_systems.toml"
    with resources.as_file(resources.files("serotone.benchmark") / name) as path:
        return SystemsConfig.parse(read_toml(path), where=name).system


def standings(systems: Iterable[SystemConfig], measured: Sequence[Measured]) -> list[Standing]:
    """Each system beside its results."""
    return [_standing(system, measured) for system in systems]


def _standing(system: SystemConfig, measured: Sequence[Measured]) -> Standing:
    pairs = [
        Standing(system, _find(claimed, measured, CLAIMED), _find(honest, measured, HONEST))
        for claimed, honest in itertools.zip_longest(system.claimed, system.honest, fillvalue="")
    ]
    pairs.append(Standing(system, None, None))
    return max(pairs, key=lambda pair: (pair.claimed is not None) + (pair.honest is not None))


def _find(recipe: str, measured: Iterable[Measured], protocol: str) -> Measured | None:
    found = [m for m in measured if (m.recipe, m.protocol) == (recipe, protocol)]
    return max(found, key=lambda m: (len(m.runs), m.n), default=None)
