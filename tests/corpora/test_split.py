"""Splits: no speaker or clip on two sides, every utterance tested once, the same everywhere."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serotone.corpora import read
from serotone.corpora.published import PUBLISHED
from serotone.corpora.split import COPIES, SPLITS, fold, folds
from serotone.errors import ConfigError, LeakError
from serotone.types import ClaimedSplit, SpeakerTextSplit, Split, TextSplit, Utterance, speakers
from tests.corpora import trees

SENTENCES = "abcdefg"


def utterance(corpus: str, speaker: str, number: int, **further) -> Utterance:
    name = f"{corpus}/{speaker}_{number}"
    values = {"label": "sad", "sentence": SENTENCES[number % len(SENTENCES)], **further}
    return Utterance(name, Path(f"{name}.wav"), corpus, speaker, **values)


def corpus_of(n_speakers: int, n_clips: int, corpus: str = "c") -> list[Utterance]:
    return [
        utterance(corpus, f"{corpus}-{s}", n, sex=("female", "male")[s % 2])
        for s in range(n_speakers)
        for n in range(n_clips)
    ]


def assert_tested_once(rows, made):
    tested = Counter(u.id for part in made for u in part.test)
    assert tested == Counter(u.id for u in rows)


corpora_made = st.builds(
    lambda sizes: [
        utterance(corpus, f"{corpus}-{s}", n, sex=sex)
        for corpus, people in sizes.items()
        for s, (sex, n_clips) in enumerate(people)
        for n in range(n_clips)
    ],
    st.dictionaries(
        st.sampled_from(["a", "b", "c"]),
        st.lists(
            st.tuples(st.sampled_from(["female", "male", ""]), st.integers(1, 12)),
            min_size=2,
            max_size=12,
        ),
        min_size=1,
    ),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    rows=corpora_made,
    name=st.sampled_from(["loso", "kfold2", "kfold5", "loco"]),
    seed=st.integers(0, 99),
)
def test_no_speaker_split_shares_a_speaker_or_a_clip(rows, name, seed):
    try:
        made = folds(rows, name, seed=seed)
    except ConfigError:
        n_groups = len({u.corpus for u in rows}) if name == "loco" else len(speakers(rows))
        assert n_groups < int(name[-1]) if name.startswith("kfold") else n_groups < 2
        return
    assert_tested_once(rows, made)
    for part in made:
        assert type(part) is Split
        sides = [set(speakers(side)) for side in (part.train, part.dev, part.test)]
        assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])
        assert len(part.part("all")) == len(rows), "an utterance got lost"
        assert part.train
        assert bool(part.dev) == (len(sides[0] | sides[1]) > 1)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(rows=corpora_made, k=st.integers(2, 6), seed=st.integers(0, 99))
def test_text_splits_share_no_sentence(rows, k, seed):
    try:
        made = folds(rows, f"text{k}", seed=seed)
    except ConfigError:
        assert len({u.sentence for u in rows}) < k
        return
    assert_tested_once(rows, made)
    for part in made:
        assert type(part) is TextSplit
        assert part.protocol == "text-independent"
        sides = [{u.sentence for u in side} for side in (part.train, part.dev, part.test)]
        assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(rows=corpora_made, k=st.integers(2, 6), seed=st.integers(0, 99))
def test_speaker_text_splits_share_neither_and_count_what_they_drop(rows, k, seed):
    try:
        made = folds(rows, f"speaker-text{k}", seed=seed)
    except ConfigError:
        assert len(speakers(rows)) < k or len({u.sentence for u in rows}) < 2
        return
    assert_tested_once(rows, made)
    for part in made:
        assert type(part) is SpeakerTextSplit
        for field in ("speaker", "sentence"):
            train, dev, test = (
                {getattr(u, field) for u in side} for side in (part.train, part.dev, part.test)
            )
            assert not (train & dev or train & test or dev & test)
        assert part.n_dropped == len(rows) - len(part.part("all"))


def test_a_split_is_the_same_whatever_the_order_and_changes_with_the_seed():
    rows = corpus_of(10, 4)
    here = [f.hash for f in folds(rows, "kfold5")]
    assert [f.hash for f in folds(rows[::-1], "kfold5")] == here
    assert [f.hash for f in folds(rows, "kfold5", seed=1)] != here
    # Pinned: results name a split by this hash, so it may never change.
    assert here[0] == "366e57751fa0e300"


def test_kfolds_are_alike_in_sex():
    for part in folds(corpus_of(20, 1), "kfold5"):
        assert Counter(u.sex for u in part.test) == {"female": 2, "male": 2}


def test_a_spec_names_all_folds_or_one():
    rows = corpus_of(6, 2)
    assert [f.name for f in folds(rows, "kfold3")] == ["kfold3:1", "kfold3:2", "kfold3:3"]
    assert [f.name for f in folds(rows, "kfold3:2")] == ["kfold3:2"]
    assert fold(rows, "kfold3:2") == folds(rows, "kfold3")[1]
    assert fold(rows, "random8020").name == "random8020"
    with pytest.raises(ConfigError, match="has 3 folds"):
        fold(rows, "kfold3")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("luna6", "Did you mean 'luna5'"),
        ("kfold", "Did you mean 'kfold5'"),
        ("", "unknown split"),
        ("kfold1", "at least 2"),
        ("kfold3:0", "got fold 0, expected 1 to 3"),
        ("kfold3:4", "got fold 4"),
        ("kfold9", "too few"),
        ("loco", "too few"),
        ("luna5", "split 'luna5' is of ravdess"),
        ("meld-official", "is of meld"),
        ("text9", "got 2 sentence"),
        ("speaker-text9", "got 6 speaker"),
    ],
)
def test_a_split_that_cannot_be_made_is_one_line(spec, said):
    with pytest.raises(ConfigError, match=said) as caught:
        folds(corpus_of(6, 2), spec)
    assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match="no utterances"):
        folds([], "loso")


def test_unknown_sentences_are_refused_where_sentences_matter():
    rows = [*corpus_of(4, 4), utterance("c", "c-9", 0, sentence="")]
    for name in ("text2", "speaker-text2"):
        with pytest.raises(ConfigError, match="1 of 17 utterances without a sentence"):
            folds(rows, name)


def test_a_clip_twice_is_refused():
    rows = corpus_of(4, 2)
    with pytest.raises(LeakError, match="more than once"):
        folds([*rows, rows[0]], "loso")


def test_published_folds_test_every_actor_once_and_choose_on_others():
    sizes = {"luna5": 24, "emobox6": 24, "emosuperb5": 91, "tess-cross": 2, "iemocap-session": 10}
    assert set(PUBLISHED) == set(sizes)
    for name, table in PUBLISHED.items():
        tested = Counter(speaker for people in table.test for speaker in people)
        assert len(tested) == sizes[name]
        assert set(tested.values()) == {1}
        for index, test in enumerate(table.test):
            assert not test & table.dev_of(index)
            assert table.dev_of(index) <= set(tested)


def test_published_folds_by_name():
    rows = [utterance("ravdess", f"ravdess-{a:02d}", n) for a in range(1, 25) for n in range(3)]
    first = fold(rows, "luna5:1")
    assert speakers(first.test) == [f"ravdess-{a:02d}" for a in (2, 5, 14, 15, 16)]
    assert speakers(first.dev) == ["ravdess-03", "ravdess-06"]
    assert speakers(fold(rows, "emobox6:2").dev) == [f"ravdess-{a:02d}" for a in (8, 9, 19, 23)]
    assert_tested_once(rows, folds(rows, "luna5"))
    # Further corpora, and song by the same actors, go where their speakers belong.
    more = [*rows, utterance("ravdess-song", "ravdess-02", 0), utterance("tess", "tess-OAF", 0)]
    mixed = fold(more, "luna5:1")
    assert "ravdess-song" in {u.corpus for u in mixed.test}
    assert "tess" in {u.corpus for u in mixed.train}


def test_corpora_that_share_speakers_leave_together():
    rows = [
        *corpus_of(3, 2, "a"),
        *corpus_of(3, 2, "b"),
        *(utterance("a-song", f"a-{s}", 9) for s in range(3)),
    ]
    assert [{u.corpus for u in f.test} for f in folds(rows, "loco")] == [{"a", "a-song"}, {"b"}]


def test_iemocap_sessions_and_meld_parts(tmp_path):
    rows = [utterance("iemocap", f"iemocap-Ses0{n}{s}", 1) for n in range(1, 6) for s in "FM"]
    assert speakers(fold(rows, "iemocap-session:5").test) == ["iemocap-Ses05F", "iemocap-Ses05M"]
    trees.meld(tmp_path)
    official = fold(read("meld", tmp_path), "meld-official")
    assert isinstance(official, ClaimedSplit)
    assert {len(official.part(p)) for p in ("train", "dev", "test")} == {2}
    assert all("/dev/" in u.id for u in official.dev)


def test_claimed_protocols_leak_and_say_so():
    rows = corpus_of(5, 40)
    plain = fold(rows, "random8020")
    assert plain.protocol == "claimed"
    assert plain.dev == plain.test
    assert len(plain.test) == math.ceil(len(rows) / 5)
    assert set(speakers(plain.test)) & set(speakers(plain.train))
    copied = fold(rows, "claimed")
    assert len(copied.train) + len(copied.test) == len(rows) * len(COPIES)
    trained = {u.id.partition("#")[0] for u in copied.train}
    shared = sum(u.id.partition("#")[0] in trained for u in copied.test) / len(copied.test)
    assert shared > 0.9


def test_random_clips_are_alike_in_label():
    rows = [utterance("c", "c-1", n, label="sad" if n < 50 else "happy") for n in range(100)]
    assert Counter(u.label for u in fold(rows, "random8020").test) == {"sad": 10, "happy": 10}


@pytest.mark.corpora
@pytest.mark.parametrize(
    ("corpus", "names"),
    [
        ("ravdess", ["luna5", "emobox6", "loso", "kfold5", "text2", "speaker-text6"]),
        ("tess", ["tess-cross", "loso", "kfold2", "text5", "speaker-text2"]),
        ("emodb", ["loso", "kfold5", "text5", "speaker-text5"]),
        ("nemo", ["loso", "kfold3", "text9", "speaker-text3"]),
        ("ased", ["loso", "kfold5", "text9", "speaker-text5"]),
    ],
)
def test_splits_of_real_corpora_test_every_clip_once(corpus, names, corpora_root):
    reading = read(corpus, corpora_root / corpus)
    for name in names:
        made = folds(reading, name)
        assert_tested_once(reading, made)
        assert all(part.train for part in made)
        assert {part.protocol for part in made} <= {"honest", "text-independent"}
    if corpus == "ased":
        assert {len(speakers(part.test)) for part in folds(reading, "kfold5")} == {12, 13}


def test_every_split_is_described():
    assert set(PUBLISHED) < set(SPLITS)
    assert all(SPLITS.values())
