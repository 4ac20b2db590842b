"""From a recogniser to figures: what counts, what is set aside, what is refused."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from serotone.audio.io import write
from serotone.errors import ConfigError, CorpusError, LeakError
from serotone.evaluation.evaluate import evaluate, held_out, narrow, shared_labels
from serotone.labels import CANONICAL
from serotone.types import Audio, ClaimedSplit, TextSplit
from tests.evaluation.fakes import FakeModel, FakeRecognizer, clip


def test_the_figures_of_a_small_corpus_worked_by_hand(corpus):
    result = evaluate(FakeRecognizer(), corpus, corpus="toy")
    assert result.labels == ("neutral", "happy", "sad")
    # calm adds to neutral, so all 8 neutral are right; happy 4 of 8; sad 2 of 4
    assert result.confusion.tolist() == [[8, 0, 0], [0, 4, 4], [0, 2, 2]]
    assert result.uar == pytest.approx((1 + 0.5 + 0.5) / 3)
    assert result.accuracy == pytest.approx(14 / 20)
    assert result.per_class["happy"].precision == pytest.approx(4 / 6)
    assert result.per_speaker["toy-0"].uar == pytest.approx((1 + 0.5 + 1) / 3)
    assert result.per_speaker["toy-3"].sex == "female"
    assert result.by_sex["male"].n == 10 and result.by_sex["male"].n_speakers == 2
    assert result.uar_ci.low <= result.uar <= result.uar_ci.high
    assert result.source.protocol == "honest"
    assert (result.n, result.n_failed, result.n_set_aside) == (20, 0, 0)


def test_a_part_of_a_split_is_measured_on_the_labels_of_the_whole_corpus(corpus, split):
    only_happy = replace(split, test=tuple(u for u in split.test if u.label == "happy"))
    result = evaluate(FakeRecognizer(), corpus, corpus="toy", split=only_happy)
    assert result.n == 4
    assert result.labels == ("neutral", "happy", "sad")
    assert math.isnan(result.per_class["sad"].recall)
    assert result.uar == pytest.approx(0.5)
    assert result.source.split == "toy2:1"
    assert result.source.split_hash == only_happy.hash
    with pytest.raises(ConfigError, match="unknown part 'tset'"):
        evaluate(FakeRecognizer(), corpus, corpus="toy", split=split, part="tset")


def test_failures_and_unknown_labels_are_counted_never_scored(corpus):
    more = [
        clip(0, "happy", "bad", n=98),
        clip(1, "bored", "sad", n=99),
        clip(2, "bored", "sad", n=100),
        clip(2, None, "sad", n=101),
    ]
    result = evaluate(FakeRecognizer(), [*corpus, *more], corpus="toy")
    assert result.n == 20
    assert result.n_failed == 1 and "not sound" in result.source.failures[0].error
    assert result.source.set_aside == {"bored": 2, "unlabelled": 1}
    assert "bored" not in result.labels


def test_calm_counts_for_itself_where_the_corpus_has_it(corpus):
    result = evaluate(FakeRecognizer(), [*corpus, clip(0, "calm", "calm", n=99)], corpus="toy")
    assert result.labels == ("neutral", "calm", "happy", "sad")
    assert result.per_class["neutral"].recall == pytest.approx(0.5)
    assert result.per_class["calm"].recall == 1


def test_narrowing_masks_renormalises_and_adds_calm_to_neutral():
    heard = {"neutral": 0.1, "calm": 0.2, "happy": 0.3, "sad": 0.2, "angry": 0.2}
    assert narrow(heard, ["neutral", "happy"]) == pytest.approx({"neutral": 0.5, "happy": 0.5})
    assert narrow(heard, ["calm", "neutral"]) == pytest.approx({"calm": 2 / 3, "neutral": 1 / 3})
    assert narrow(heard, ["happy", "sad"]) == pytest.approx({"happy": 0.6, "sad": 0.4})
    assert narrow({"happy": 0.0, "sad": 1.0}, ["happy", "angry"]) == {"happy": 0.5, "angry": 0.5}


def test_a_model_that_knows_calm_but_not_neutral_is_asked_for_neutral():
    neutral = [clip(0, "neutral", "calm"), clip(1, "sad", "sad")]
    assert shared_labels(("calm", "sad"), neutral) == ("neutral", "sad")
    result = evaluate(FakeRecognizer(labels=("calm", "sad")), neutral, corpus="toy")
    assert result.uar == 1


def test_labels_without_anything_in_common_are_refused():
    with pytest.raises(CorpusError, match="at least one in common"):
        evaluate(FakeRecognizer(labels=("angry", "bored")), [clip(0, "sad", "sad")], corpus="toy")


@pytest.mark.parametrize("key", ["train_speakers", "dev_speakers"])
def test_a_speaker_the_model_learned_from_is_refused_unless_allowed(corpus, split, key):
    seen = {"train_speakers": ["toy-9"], key: ["toy-3", "toy-0"]}
    recognizer = FakeRecognizer(model=FakeModel(provenance=seen))
    with pytest.raises(LeakError, match=r"learned from 1 of the 2 speakers.*'toy-3'") as caught:
        evaluate(recognizer, corpus, corpus="toy", split=split)
    assert "\n" not in str(caught.value)
    result = evaluate(recognizer, corpus, corpus="toy", split=split, allow_seen_speakers=True)
    assert result.source.protocol == "seen-speakers"


def test_the_speakers_that_a_model_kept_back_are_its_test(corpus):
    model = FakeModel(
        provenance={
            "train_speakers": ["toy-0"],
            "dev_speakers": ["toy-1"],
            "test_speakers": ["toy-3"],
        }
    )
    sides = held_out(model, corpus)
    assert {u.speaker for u in sides.test} == {"toy-3"}
    assert {u.speaker for u in sides.dev} == {"toy-1"}
    result = evaluate(FakeRecognizer(model=model), corpus, corpus="toy", split=sides)
    assert (result.source.split, result.source.protocol) == ("held-out", "honest")
    assert result.per_speaker.keys() == {"toy-3"}
    with pytest.raises(ConfigError, match="kept none of these 3 speakers"):
        held_out(model, [u for u in corpus if u.speaker != "toy-3"])


def test_allowing_what_did_not_happen_leaves_the_protocol_honest(corpus, split):
    result = evaluate(FakeRecognizer(), corpus, corpus="toy", split=split, allow_seen_speakers=True)
    assert result.source.protocol == "honest"


def test_a_model_that_does_not_say_whom_it_heard_is_not_called_honest(corpus):
    recognizer = FakeRecognizer(model=FakeModel(provenance={}))
    assert evaluate(recognizer, corpus, corpus="toy").source.protocol == "unverified"


def test_where_nobody_says_who_speaks_nothing_is_called_honest(corpus, split):
    corpus = [*corpus[:-1], replace(corpus[-1], speaker_known=False)]
    result = evaluate(FakeRecognizer(), corpus, corpus="toy", split=split)
    assert result.source.protocol == "unverified"
    claimed = ClaimedSplit("random:1", tuple(corpus), (), tuple(corpus[:10]))
    result = evaluate(FakeRecognizer(), corpus, corpus="toy", split=claimed)
    assert result.source.protocol == "claimed"


def test_a_claimed_split_says_so_whatever_the_model_has_seen(corpus):
    claimed = ClaimedSplit("random:1", tuple(corpus), (), tuple(corpus[:10]))
    recognizer = FakeRecognizer(model=FakeModel(provenance={"train_speakers": ["toy-0"]}))
    result = evaluate(recognizer, corpus, corpus="toy", split=claimed)
    assert result.source.protocol == "claimed"


def test_the_same_speakers_are_fair_only_for_the_split_the_model_learned_from(corpus):
    rows = [replace(u, sentence=str(index % 5)) for index, u in enumerate(corpus)]
    sides = [tuple(u for u in rows if u.sentence in names) for names in ("012", "3", "4")]
    split = TextSplit("text5:1", *sides)
    heard = {"train_speakers": [u.speaker for u in split.train]}
    same = FakeRecognizer(model=FakeModel(provenance=heard | {"split_hash": split.hash}))
    assert evaluate(same, rows, corpus="toy", split=split).source.protocol == "text-independent"
    other = FakeRecognizer(model=FakeModel(provenance=heard | {"split_hash": "another"}))
    with pytest.raises(LeakError, match="4 of the 4 speakers"):
        evaluate(other, rows, corpus="toy", split=split)


def test_intensity_is_scored_between_the_ends_of_the_scale():
    rows = [
        clip(speaker, truth, truth, n=level, intensity=level)
        for speaker in range(4)
        for truth in ("happy", "sad")
        for level in (0.0, 0.5, 1.0)
    ]
    result = evaluate(FakeRecognizer(intensity=True), rows, corpus="toy")
    assert result.intensity is not None
    assert (result.intensity.n, result.intensity.auc) == (16, 1.0)
    assert evaluate(FakeRecognizer(), rows, corpus="toy").intensity is None


def test_an_utterance_that_is_part_of_a_file_is_cut_out_of_it(tmp_path):
    path = tmp_path / "long.wav"
    write(path, Audio(np.linspace(-0.5, 0.5, 16000, dtype=np.float32), 8000))
    parts = [
        replace(clip(0, "sad", "sad"), path=path, start_s=0.5, end_s=1.0),
        replace(clip(1, "sad", "sad"), path=path, start_s=1.5),
        replace(clip(2, "sad", "sad"), path=Path(tmp_path / "none.wav"), end_s=1.0),
        replace(clip(3, "sad", "sad"), path=path, start_s=9.0, end_s=9.5),
    ]
    recognizer = FakeRecognizer()
    result = evaluate(recognizer, [*parts, clip(4, "happy", "happy")], corpus="toy")
    assert [(a.start_s, round(a.duration_s, 3)) for a in recognizer.heard] == [
        (0.5, 0.5),
        (1.5, 0.5),
    ]
    assert recognizer.heard[0].signal[0] == pytest.approx(-0.25, abs=1e-3)
    assert (result.n, result.n_failed) == (3, 2)


@pytest.mark.corpora
def test_emodb_is_measured_without_its_bored_clips(corpora_root):
    from serotone.corpora import read

    utterances = read("emodb", corpora_root / "emodb").utterances
    result = evaluate(FakeRecognizer(labels=CANONICAL), utterances, corpus="emodb")
    assert (result.n, result.source.set_aside) == (454, {"bored": 81})
    assert result.labels == ("neutral", "happy", "sad", "angry", "fearful", "disgust")
    assert {g.n_speakers for g in result.by_sex.values()} == {5}


def test_progress_is_told_for_every_utterance(corpus):
    told: list[tuple[int, int]] = []
    evaluate(FakeRecognizer(), corpus, corpus="toy", progress=lambda *now: told.append(now))
    assert told == [(done, 20) for done in range(1, 21)]


def test_nothing_left_to_score_is_one_clear_line(corpus, split):
    with pytest.raises(CorpusError, match="no utterances"):
        evaluate(FakeRecognizer(), corpus, corpus="toy", split=replace(split, test=()))
    with pytest.raises(CorpusError, match=r"no utterance could be scored \(1 failed, 1 of"):
        evaluate(
            FakeRecognizer(),
            [clip(0, "sad", "bad"), clip(0, "bored", "sad")],
            corpus="toy",
        )
    with pytest.raises(ConfigError, match="batch_size"):
        evaluate(FakeRecognizer(), corpus, corpus="toy", batch_size=0)


def test_the_result_of_an_adapted_model_says_so(tmp_path: Path) -> None:
    row = clip(1, "happy", "happy", n=0)
    path = tmp_path / row.path.name
    write(path, Audio((0.1 * np.sin(np.arange(800))).astype(np.float32), 8000))
    known = {"train_speakers": ["toy-9"], "adapted": {"name": "default", "share": 0.5}}
    recognizer = FakeRecognizer(model=FakeModel(provenance=known))
    result = evaluate(recognizer, [replace(row, path=path)], corpus="toy")
    assert result.source.protocol == "transductive"


def test_a_model_that_wants_speakers_is_told_them_and_the_result_says_so(tmp_path: Path) -> None:
    rows = []
    for speaker in (1, 2):
        for n in range(2):
            row = clip(speaker, "happy", "happy", n=n)
            path = tmp_path / row.path.name
            write(path, Audio((0.1 * np.sin(np.arange(800))).astype(np.float32), 8000))
            rows.append(replace(row, path=path))
    recognizer = FakeRecognizer(model=FakeModel(prepare={"equalise_speaker": True}))
    result = evaluate(recognizer, rows, corpus="toy")
    assert result.source.protocol == "transductive"
    assert recognizer.told == [[str(u.path) for u in rows[:2]], [str(u.path) for u in rows[2:]]]
    assert result.n == 4
