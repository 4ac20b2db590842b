"""Labels that a recipe changes, clips that it chooses."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from serotone.errors import ConfigError, CorpusError
from serotone.training.datasets import balanced, read_corpora, relabelled, split_of
from serotone.training.recipe import Recipe
from serotone.types import Utterance


def rows(**counts: int) -> list[Utterance]:
    return [
        Utterance(f"tess/{label}-{i}", Path(f"{label}-{i}.wav"), "tess", "s", label)
        for label, n in counts.items()
        for i in range(n)
    ]


def recipe(**data: object) -> Recipe:
    return Recipe.parse({"name": "x", "data": {"corpora": ["tess"], **data}})


def test_labels_are_called_otherwise_in_the_corpus_named_alone() -> None:
    other = Utterance("ravdess/a", Path("a.wav"), "ravdess", "s", "surprised")
    changed = recipe(relabel={"tess": {"surprised": "pleasant surprise"}})
    found = relabelled([*rows(surprised=1, sad=1), other], changed)
    assert [u.label for u in found] == ["pleasant surprise", "sad", "surprised"]


def test_votes_are_called_as_the_labels_are() -> None:
    heard = Utterance("tess/a", Path("a"), "tess", "s", "calm", votes={"calm": 0.5, "neutral": 0.5})
    (found,) = relabelled([heard], recipe(relabel={"tess": {"calm": "neutral"}}))
    assert (found.label, found.votes) == ("neutral", {"neutral": 1.0})


def test_a_cut_copy_of_a_corpus_is_relabelled_under_its_own_name() -> None:
    song = Utterance("ravdess-song/a", Path("a.wav"), "ravdess-song", "s", "calm")
    data = {"corpora": ["ravdess-song-truncated"]}
    relabel = {"ravdess-song-truncated": {"calm": "neutral"}}
    found = relabelled([song], Recipe.parse({"name": "x", "data": {**data, "relabel": relabel}}))
    assert [u.label for u in found] == ["neutral"]


def test_relabelling_a_corpus_that_is_not_read_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"unknown corpus 'tes'. Did you mean 'tess'"):
        relabelled([], recipe(relabel={"tes": {"a": "b"}}))


def test_so_many_clips_of_each_label_and_no_others() -> None:
    chosen = recipe(labels=["happy", "sad"], per_class=3)
    found = balanced(rows(happy=9, sad=5, angry=7), chosen)
    assert Counter(u.label for u in found) == {"happy": 3, "sad": 3}
    assert found == balanced(reversed(rows(happy=9, sad=5, angry=7)), chosen)
    other = chosen.model_copy(update={"seed": 1})
    assert found != balanced(rows(happy=9, sad=5, angry=7), other)


def test_too_few_clips_of_a_label_are_an_error() -> None:
    with pytest.raises(CorpusError, match="wants 3 clips of 'sad', got 2"):
        balanced(rows(happy=9, sad=2), recipe(labels=["happy", "sad"], per_class=3))


def test_reading_does_both(tmp_path: Path) -> None:
    for label in ("happy", "sad"):
        for take in range(3):
            path = tmp_path / label / f"ann_{take}.wav"
            path.parent.mkdir(exist_ok=True)
            soundfile.write(path, 0.1 * np.ones(100), 8000)
    data = {
        "corpora": ["folder"],
        "labels": ["glad", "sad"],
        "relabel": {"folder": {"happy": "glad"}},
        "per_class": 2,
    }
    found = read_corpora(Recipe.parse({"name": "x", "data": data}), {"folder": tmp_path})
    assert Counter(u.label for u in found) == {"glad": 2, "sad": 2}


def voices(corpus: str, names: str) -> list[Utterance]:
    return [
        Utterance(f"{corpus}/{n}{i}", Path(f"{n}{i}"), corpus, f"{corpus}-{n}", label)
        for n in names
        for i, label in enumerate(("happy", "sad"))
    ]


def test_corpora_beside_teach_and_the_split_deals_out_the_others() -> None:
    utterances = [*voices("ased", "abc"), *voices("tess", "xyz")]
    split = split_of(recipe(corpora=["tess", "ased"], split="loso:2", beside=["ased"]), utterances)
    sides = [{u.speaker for u in side} for side in (split.train, split.dev, split.test)]
    assert sides[2] == {"tess-y"} and len(sides[1]) == 1
    assert sides[0] | sides[1] == {"ased-a", "ased-b", "ased-c", "tess-x", "tess-z"}
    assert sides[1] < {"tess-x", "tess-z"}


@pytest.mark.parametrize(
    ("beside", "split", "told"),
    [
        (["ased"], "loso:1", "some of the corpora"),
        (["tess"], "loso:1", "and not all"),
        (["tess"], "speakers", "lists who is held"),
    ],
)
def test_corpora_beside_that_make_no_sense_are_told(
    beside: list[str], split: str, told: str
) -> None:
    corpora = ["tess", "nemo"] if split == "speakers" else ["tess"]
    with pytest.raises(ConfigError, match=told):
        recipe(corpora=corpora, beside=beside, split=split)
