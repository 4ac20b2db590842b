"""The model card, made from ``model.json`` so that it cannot say something else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from serotone.store.card_figures import figures_sections, table

LIMITS = """\
- The speech it learned from was acted, in studios, a few sentences over and over. Expect lower
  figures on spontaneous speech, other languages, noise and telephones; measure on your own clips
  with `serotone evaluate`.
- It hears how something is said, not what a person feels. A confident answer is a guess about
  expression.
- Probabilities were calibrated on the dev speakers named above; other voices may differ.
- Music, noise and silence are not speech. `serotone` looks for speech first and says `uncertain`
  without it; the graph alone does not, and has an answer for anything.
- Below one second of sound an answer is little more than a guess.
- Of ages, accents, languages and ways of speaking that are not listed above nothing was measured.
"""

OUT_OF_SCOPE = """\
- Inferring emotions of people at work or in education: prohibited in the European Union by
  Article 5(1)(f) of the AI Act (Regulation (EU) 2024/1689), medical and safety reasons excepted.
  Elsewhere an emotion recognition system counts as high-risk (Annex III, 1(c)), and those exposed
  to it must be told (Article 50(3)).
- Decisions about a person: hiring, credit, policing, insurance, diagnosis.
- Anybody who has not been told and has not agreed.
"""


def card(description: Mapping[str, Any]) -> str:
    """Markdown of a model's description (the content of ``model.json``)."""
    provenance = description["provenance"]
    recipe = description["recipe"]
    parts = [
        f"# {description['name']}",
        recipe.get("description", ""),
        "## What it takes and gives",
        f"A mono waveform at {description['sample_rate']} Hz in; probabilities of "
        f"{', '.join(description['labels'])} out, "
        + ("with intensity from 0 to 1 " if description["intensity"] else "")
        + f"and an embedding. {description['n_parameters']:,} parameters.",
        "## Data and licences",
        table(
            ("corpus", "clips", "licence"),
            [(c["title"], c["n_clips"], c["licence"]) for c in provenance["corpora"]],
        ),
        description["licence"],
        "## Protocol",
        f"Recipe `{recipe['name']}`, split `{provenance['split']}` ({provenance['protocol']}), "
        f"split hash `{provenance['split_hash']}`, seed {provenance['seed']}. "
        f"{len(provenance['train_speakers'])} speakers taught; "
        f"{_chosen(description)}; " + _tested(provenance),
        _prepared(description.get("prepare", {})),
        _averaged(provenance.get("averaged", ())),
        _adapted(provenance.get("adapted")),
        *figures_sections(description),
        "## Limits",
        LIMITS.rstrip(),
        "## Out of scope",
        OUT_OF_SCOPE.rstrip(),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _averaged(members: Sequence[Mapping[str, Any]]) -> str:
    """Whose weights are in it."""
    if not members:
        return ""
    names = ", ".join(
        f"`{m['recipe']}` (seed {m['seed']}, {float(m['weight']):.0%})" for m in members
    )
    return f"Its weights are the mean of those of {names}."


def _chosen(description: Mapping[str, Any]) -> str:
    """Who chose, and who calibrated."""
    provenance, temperature = description["provenance"], description["temperature"]
    if provenance["dev_speakers"]:
        names = ", ".join(provenance["dev_speakers"])
        if description["recipe"].get("optimiser", {}).get("keep") == "last":
            return f"the last epoch was kept; {names} fitted the temperature ({temperature:.2f})"
        return f"{names} chose the epoch and fitted the temperature ({temperature:.2f})"
    if provenance.get("dev"):
        return (
            "the last epoch was kept; the temperature "
            f"({temperature:.2f}) was fitted on some of them in a training before, without them"
        )
    return "the last epoch was kept, and nobody was left to calibrate on"


def _tested(provenance: Mapping[str, Any]) -> str:
    if provenance["protocol"] == "claimed":
        return (
            "Its test is of the same speakers, as a published system made it: figures on it say "
            "nothing of new speakers."
        )
    if provenance["protocol"] == "unverified":
        return (
            "Who speaks is not told, and each clip counts as a speaker: a voice that taught may be "
            "on every side."
        )
    if not provenance["test_speakers"]:
        return "none was kept for a test."
    return f"{', '.join(provenance['test_speakers'])} took no part."


def _prepared(steps: Mapping[str, Any]) -> str:
    if not steps:
        return ""
    told = ", ".join(f"`{name} = {json.dumps(value)}`" for name, value in steps.items())
    text = f"`serotone` prepares each sound before the graph hears it, as in training: {told}."
    if steps.get("equalise_speaker"):
        text += " Transductive: it wants all recordings of a speaker at once."
    return text


def _adapted(how: Mapping[str, Any] | None) -> str:
    if not how:
        return ""
    return (
        f"Adapted from `{how['name']}`: its batch norms were measured anew on {how['n_pieces']} "
        f"pieces of recordings without labels, {how['duration_s']:.0f} s, and make up "
        f"{how['share']:.0%} of the mix with those of training. It is for voices like these; "
        "the thresholds of label sets are of the model before."
    )
