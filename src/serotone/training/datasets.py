"""A recipe's corpora as utterances, and its split of them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from serotone.corpora import Problem, read
from serotone.corpora.split import fold
from serotone.errors import ConfigError, CorpusError, did_you_mean
from serotone.training.recipe import Recipe
from serotone.types import Sides, Split, Utterance


def read_corpora(
    recipe: Recipe,
    roots: Mapping[str, Path],
    *,
    on_problems: Callable[[str, Sequence[Problem]], None] = lambda _name, _problems: None,
) -> list[Utterance]:
    """The utterances of the recipe's corpora, called and chosen as it says.

    Args:
        recipe: with the names of the corpora, and their options.
        roots: a folder by name.
        on_problems: told what is wrong with a corpus, by its name.

    Raises:
        CorpusError: when a corpus has no folder in ``roots`` or cannot be read, or has too few
            clips of a label.
        ConfigError: when ``relabel`` names a corpus that is not the recipe's.
    """
    utterances: list[Utterance] = []
    for name in recipe.data.corpora:
        if name not in roots:
            raise CorpusError(
                f"recipe '{recipe.name}' needs the corpus '{name}', which has no folder. "
                f"Give --corpora DIR with DIR/{name} in it, or --root for a single corpus."
            )
        reading = read(name, roots[name], **recipe.data.options.get(name, {}))
        on_problems(name, reading.problems)
        utterances += reading.utterances
    named = relabelled(utterances, recipe)
    return balanced(named, recipe) if recipe.data.per_class else named


def relabelled(utterances: Iterable[Utterance], recipe: Recipe) -> list[Utterance]:
    """Utterances under the labels that ``data.relabel`` gives them.

    Raises:
        ConfigError: when it names a corpus that is not the recipe's.
    """
    table = recipe.data.relabel
    for corpus in table:
        if corpus not in recipe.data.corpora:
            hint = did_you_mean(corpus, recipe.data.corpora)
            raise ConfigError(f"[data.relabel] unknown corpus '{corpus}'. {hint}")
    named = recipe.data.by_corpus(table)
    return [_called(u, named.get(u.corpus, {})) for u in utterances]


def _called(utterance: Utterance, names: Mapping[str, str]) -> Utterance:
    if not names:
        return utterance
    votes: defaultdict[str, float] = defaultdict(float)
    for name, share in utterance.votes.items():
        votes[names.get(name, name)] += share
    label = None if utterance.label is None else names.get(utterance.label, utterance.label)
    return replace(utterance, label=label, votes=dict(votes))


def balanced(utterances: Iterable[Utterance], recipe: Recipe) -> list[Utterance]:
    """``data.per_class`` clips of each of the recipe's labels, drawn by its seed.

    Raises:
        CorpusError: when there are fewer of one.
    """
    by_label: defaultdict[str, list[Utterance]] = defaultdict(list)
    for u in utterances:
        if u.label is not None and (not recipe.data.labels or u.label in recipe.data.labels):
            by_label[u.label].append(u)
    chosen: list[Utterance] = []
    for label in recipe.data.labels or sorted(by_label):
        found, wanted = by_label[label], recipe.data.per_class
        if len(found) < wanted:
            raise CorpusError(
                f"recipe '{recipe.name}' wants {wanted} clips of '{label}', got {len(found)}. "
                f"Give more corpora, or --set data.per_class={len(found)}."
            )
        chosen += sorted(found, key=lambda u: _drawn(recipe.seed, u.id))[:wanted]
    return sorted(chosen, key=lambda u: u.id)


def _drawn(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}\n{name}".encode()).digest()


def dealt(recipe: Recipe, utterances: Iterable[Utterance]) -> tuple[Utterance, ...]:
    """Those that the recipe's split deals out: all but the corpora that only teach."""
    beside = _beside(recipe)
    return tuple(u for u in utterances if u.corpus not in beside)


def _beside(recipe: Recipe) -> set[str]:
    return set(recipe.data.by_corpus(dict.fromkeys(recipe.data.beside, "")))


def split_of(recipe: Recipe, utterances: Sequence[Utterance]) -> Sides:
    """The recipe's split of these utterances.

    Raises:
        ConfigError: when a listed speaker is not there, or no clip is left to choose on and the
            recipe's training looks at dev.
    """
    data = recipe.data
    if data.split == "speakers":
        split: Sides = _by_lists(recipe, utterances)
    else:
        split = fold(dealt(recipe, utterances), data.split, seed=recipe.seed)
        beside = _beside(recipe)
        teach = (u for u in utterances if u.corpus in beside)
        split = replace(split, train=(*split.train, *teach))
    if data.dev_teaches:
        split = replace(split, train=(*split.train, *split.dev), dev=())
    if not split.train or (not split.dev and recipe.optimiser.by_dev):
        raise ConfigError(
            f"split '{split.name}' has {len(split.train)} training and {len(split.dev)} dev clips; "
            "both sides need some. Choose another split or more speakers, or keep the last epoch "
            "(optimiser.keep = 'last'), which needs no dev."
        )
    return split


def with_labels(recipe: Recipe, split: Sides) -> Recipe:
    """The recipe with its labels filled in from the training clips where it leaves them open."""
    if recipe.data.labels:
        return recipe
    found = tuple(sorted({u.label for u in split.train if u.label is not None}))
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"labels": found})})


def _by_lists(recipe: Recipe, utterances: Sequence[Utterance]) -> Split:
    data = recipe.data
    present = {u.speaker for u in utterances}
    for speaker in (*data.dev_speakers, *data.test_speakers):
        if speaker not in present:
            raise ConfigError(f"[data] speaker '{speaker}' is in none of the recipe's corpora.")
    held = {*data.dev_speakers, *data.test_speakers}
    return Split(
        name=f"{recipe.name}-speakers",
        train=tuple(u for u in utterances if u.speaker not in held),
        dev=tuple(u for u in utterances if u.speaker in data.dev_speakers),
        test=tuple(u for u in utterances if u.speaker in data.test_speakers),
    )
