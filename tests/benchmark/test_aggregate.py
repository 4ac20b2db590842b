"""Runs put together and set against each other, and their files."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest

from serotone.benchmark.aggregate import (
    Measured,
    Paired,
    best_against_others,
    option_of,
    options,
    paired,
    together,
)
from serotone.benchmark.result_store import (
    read_answers,
    read_result,
    read_results,
    write_answers,
    write_result,
)
from serotone.ensembles.stacking import fit_weights
from serotone.errors import ConfigError
from serotone.evaluation.result import Answer
from serotone.metrics.classes import uar
from tests.benchmark.made import made


def test_folds_and_seeds_make_one_figure() -> None:
    runs = [made("a", fold=fold, seed=seed, skill=0.7) for fold in (2, 1) for seed in (0, 1)]
    (both,) = together(runs)
    assert (both.folds, both.seeds, both.n_folds) == ((1, 2), (0, 1), 5)
    answers = [answer for run in runs for answer in run.answers]
    labels = list(runs[0].labels)
    truth = [labels.index(answer.truth) for answer in answers]
    heard = [int(np.argmax(list(answer.probabilities.values()))) for answer in answers]
    assert both.uar == pytest.approx(uar(truth, heard))
    assert both.uar_ci[0] < both.uar < both.uar_ci[1]
    assert both.n == len({answer.id for answer in answers}) == 2 * runs[0].n
    assert both.n_speakers == 10
    assert both.seed_spread > 0
    assert both.largest_share == pytest.approx(1 / 3)


def test_a_seed_without_all_folds_does_not_count() -> None:
    whole = [made("a", fold=fold, seed=0, skill=0.7) for fold in (1, 2)]
    begun = made("a", fold=1, seed=1, skill=0.7)
    (both,) = together([*whole, begun])
    (alone,) = together(whole)
    assert both.seeds == (0,) and both.uar == alone.uar and both.uar_ci == alone.uar_ci
    # Where no seed has them all, each run is all there is.
    (torn,) = together([whole[1], begun])
    assert torn.folds == (1, 2) and torn.seeds == (0, 1)


def test_what_is_not_alike_stays_apart() -> None:
    runs = [
        made("a"),
        made("b"),
        made("a", protocol="claimed"),
        made("a", corpus="other"),
        made("a", split="kfold5"),
    ]
    assert len(together(runs)) == 5


def test_without_answers_there_is_a_figure_and_no_interval() -> None:
    runs = [dataclasses.replace(made("a", fold=fold), answers=()) for fold in (1, 2)]
    (both,) = together(runs)
    assert math.isnan(both.uar_ci[0]) and math.isnan(both.ece)
    assert both.n == runs[0].n + runs[1].n
    assert 0 < both.uar < 1


def test_labels_in_another_order_are_the_same_figure() -> None:
    run = made("a", skill=0.8)
    turned = dataclasses.replace(
        run, seed=1, labels=run.labels[::-1],
        confusion=tuple(row[::-1] for row in run.confusion[::-1]),
    )  # fmt: skip
    (both,) = together([run, turned])
    assert both.uar == pytest.approx(run.uar)


def pair_of(one: Measured, other: Measured) -> Paired:
    """The two compared, where they share clips."""
    pair = paired(one, other)
    assert pair is not None, "no clip in common"
    return pair


def test_a_better_system_is_found_better() -> None:
    good, bad = (together([made(name, fold=f, skill=skill) for f in (1, 2)])[0]
                 for name, skill in (("good", 0.9), ("bad", 0.4)))  # fmt: skip
    pair = pair_of(good, bad)
    assert pair.difference.value == pytest.approx(good.uar - bad.uar)
    assert pair.difference.interval.low > 0 and pair.difference.p_value < 0.05
    assert (pair.folds, pair.n_speakers, pair.n) == ((1, 2), 10, good.n)
    turned = pair_of(bad, good)
    assert turned.difference.value == pytest.approx(-pair.difference.value)


def test_only_the_same_clips_are_paired() -> None:
    one = together([made("a", fold=1), made("a", fold=2)])[0]
    other = together([made("b", fold=2), made("b", fold=3)])[0]
    pair = paired(one, other)
    assert pair is not None and pair.folds == (2,) and pair.n == made("a").n
    assert paired(one, together([made("b", fold=3)])[0]) is None
    assert paired(one, together([made("b", fold=1, seed=1)])[0]) is None
    assert paired(one, together([made("b", labels=("happy", "sad"))])[0]) is None


def test_options_stand_beside_their_base() -> None:
    measured = together(
        [made("a", skill=0.5), made("a+noise", skill=0.9), made("a+blur", skill=0.2),
         made("b+noise"), made("a+late", fold=2), made("c")]
    )  # fmt: skip
    ((base, pairs),) = options(measured)
    assert base.recipe == "a"
    assert [pair.first for pair in pairs] == ["a+noise", "a+blur"]
    assert option_of("a+noise+more") == ("a", "noise+more")


def test_the_best_is_of_those_with_the_most_folds() -> None:
    measured = together(
        [made("lucky", skill=1.0), *(made("a", fold=f, skill=0.6) for f in (1, 2)),
         *(made("b", fold=f, skill=0.5) for f in (1, 2)), made("a+x", skill=1.0)]
    )  # fmt: skip
    ((best, pairs),) = best_against_others(measured)
    assert (
        best.recipe == max((m for m in measured if len(m.folds) == 2), key=lambda m: m.uar).recipe
    )
    assert "a+x" not in [pair.first for pair in pairs] and len(pairs) == 2


def test_answers_come_back_as_they_were(tmp_path: Path) -> None:
    answers = made("a").answers
    write_answers(tmp_path, "x", answers)
    back = read_answers(tmp_path / "predictions" / "x.json")
    for ours, theirs in zip(answers, back, strict=True):
        assert (ours.id, ours.speaker, ours.sex, ours.truth) == (
            theirs.id, theirs.speaker, theirs.sex, theirs.truth
        )  # fmt: skip
        for label, share in ours.probabilities.items():
            assert theirs.probabilities[label] == pytest.approx(share, abs=0.002)


def test_rounding_never_changes_the_answer(tmp_path: Path) -> None:
    close = Answer("x/1", "x-1", "", "sad", {"happy": 0.33333, "sad": 0.33335, "angry": 0.33332})
    write_answers(tmp_path, "x", [close])
    (back,) = read_answers(tmp_path / "predictions" / "x.json")
    assert max(back.probabilities, key=lambda label: back.probabilities[label]) == "sad"


def test_what_is_no_result_is_named(tmp_path: Path) -> None:
    for text in ("{", "[]", '{"recipe": "a"}', '{"split": "a:1"}'):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(ConfigError, match=r"bad\.json"):
            read_results(tmp_path)


def test_another_json_in_the_folder_is_no_result(tmp_path: Path) -> None:
    (tmp_path / "words.json").write_text('{"shipped": {"uar": 0.5}}')
    assert read_results(tmp_path) == []


def test_of_one_run_measured_twice_that_with_answers_counts(tmp_path: Path) -> None:
    run = made("a")
    values = {
        **{key: getattr(run, key) for key in ("recipe", "corpus", "split", "split_hash", "seed")},
        **{key: getattr(run, key) for key in ("protocol", "n", "uar", "accuracy", "macro_f1")},
        "ece": None, "labels": list(run.labels), "uar_ci": [0.1, 0.9],
        "confusion": [list(row) for row in run.confusion],
    }  # fmt: skip
    for name in ("a-1", "a-2", "a-3"):
        write_result(tmp_path, name, values)
    write_answers(tmp_path, "a-2", run.answers)
    (found,) = read_results(tmp_path)
    assert found.name == "a-2" and len(found.answers) == run.n
    assert math.isnan(read_result(tmp_path / "a-1.json").ece)
    assert json.loads((tmp_path / "a-1.json").read_text())["split"] == "luna5:1"


def test_weights_of_a_stack_find_the_one_that_knows() -> None:
    generator = np.random.default_rng(0)
    truth = generator.integers(3, size=200)
    good = np.full((200, 3), 0.1)
    good[np.arange(200), truth] = 0.8
    noise = generator.dirichlet(np.ones(3), size=200)
    weights = fit_weights([noise, good, noise], truth)
    assert weights.sum() == pytest.approx(1)
    assert weights[1] > 0.95
    np.testing.assert_allclose(fit_weights([good, good], truth), [0.5, 0.5])


def test_weights_of_a_stack_are_the_likeliest() -> None:
    generator = np.random.default_rng(1)
    shares = generator.dirichlet(np.ones(4), size=(2, 60))
    truth = generator.integers(4, size=60)
    found = fit_weights(shares, truth, n_steps=5000)

    def likelihood(first: float) -> float:
        mixed = first * shares[0] + (1 - first) * shares[1]
        return float(np.log(mixed[np.arange(60), truth]).sum())

    best = max(np.linspace(0, 1, 2001), key=likelihood)
    assert found[0] == pytest.approx(best, abs=2e-3)


def test_nothing_to_fit_on_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least one"):
        fit_weights(np.zeros((2, 0, 3)), [])
