"""``serotone evaluate --robustness``: the same clips through noise, rooms, lines and codecs."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

    from serotone.evaluation.predict_utterances import Hearing
    from serotone.evaluation.result import Evaluation
    from serotone.types import Sides, Utterance


def measure_losses(
    recognizer: Hearing,
    utterances: Sequence[Utterance],
    clean: Evaluation,
    sides: Sides | None,
    part: str,
    *,
    noise: Path | None,
    rooms: Path | None,
    allow_seen_speakers: bool,
) -> Mapping[str, Any]:
    """The JSON object of a measurement; says on standard error what is left out.

    Raises:
        ConfigError: when a folder has nothing fitting in it.
    """
    from serotone.evaluation.conditions import conditions, noise_kinds
    from serotone.evaluation.robustness import measure, to_dict

    found = conditions(noise=noise, rooms=rooms)
    missing = [f"--{name}" for name, folder in (("noise", noise), ("rooms", rooms)) if not folder]
    if missing:
        print(f"not measured without {' and '.join(missing)} DIR", file=sys.stderr)
    losses = measure(
        recognizer,
        utterances,
        clean,
        found,
        corpus=clean.source.corpus,
        split=sides,
        part=part,
        allow_seen_speakers=allow_seen_speakers,
        tell=_tell,
    )
    return to_dict(clean, losses, noise_kinds(noise) if noise else [])


def losses_table(losses: Mapping[str, Any]) -> Table:
    """What a person sees of a measurement."""
    from rich import box
    from rich.table import Table

    from serotone.evaluation.report import LOSSES_HEAD, losses_rows

    shown = Table(box=box.SIMPLE)
    for place, head in enumerate(LOSSES_HEAD):
        shown.add_column(head, justify="left" if place == 0 else "right")
    for row in losses_rows(losses):
        shown.add_row(*row)
    return shown


def _tell(done: int, total: int, name: str) -> None:
    print(f"robustness {done + 1}/{total}: {name}", file=sys.stderr, flush=True)
