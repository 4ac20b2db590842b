"""Groups of people: their figures, the gap between them, and what cannot be concluded."""

from __future__ import annotations

import math
import zlib

import numpy as np
import pytest

from serotone.evaluation.fairness import age_group, doubts, gap_between
from serotone.evaluation.report import groups_rows, to_markdown
from serotone.evaluation.result import Answer, Gap, GroupScore, Source
from serotone.evaluation.score import score
from serotone.metrics.interval import Interval

LABELS = ("happy", "sad")
SOURCE = Source("m", "r", "toy", "none", "0", "all", "honest")


def said(speaker: str, skill: float, *, sex: str = "", age: float = math.nan, n: int = 20):
    draw = np.random.default_rng(zlib.crc32(speaker.encode()))
    for index in range(n):
        truth = LABELS[index % 2]
        heard = truth if draw.random() < skill else LABELS[(index + 1) % 2]
        shares = {label: 0.8 if label == heard else 0.2 for label in LABELS}
        yield Answer(f"toy/{speaker}-{index}", speaker, sex, truth, shares, age=age)


def people(prefix: str, count: int, skill: float, **more):
    return [a for i in range(count) for a in said(f"{prefix}{i}", skill, **more)]


def test_a_large_gap_is_seen_and_a_group_has_none_with_itself() -> None:
    good, poor = people("a", 8, 1.0), people("b", 8, 0.0)
    gap = gap_between(good, poor, LABELS)
    assert gap.value == pytest.approx(1.0)
    assert gap.interval.low == pytest.approx(1.0)
    middling = people("c", 8, 0.7)
    same = gap_between(middling, middling, LABELS)
    assert same.value == 0 and same.interval.low < 0 < same.interval.high
    back = gap_between(poor, good, LABELS)
    assert back.value == -gap.value


def test_one_speaker_is_no_group() -> None:
    gap = gap_between(people("a", 1, 1.0), people("b", 6, 0.5), LABELS)
    assert math.isnan(gap.interval.low)


@pytest.mark.parametrize(
    ("age", "name"),
    [(29.9, "under 30"), (30, "30 to 49"), (64, "50 and over"), (math.nan, "")],
)
def test_ages_fall_into_groups(age: float, name: str) -> None:
    assert age_group(Answer("a", "s", "", "sad", {}, age=age)) == name


def test_an_evaluation_has_sex_age_and_gaps() -> None:
    rows = [
        *people("w", 6, 0.9, sex="female", age=24),
        *people("m", 6, 0.4, sex="male", age=64),
    ]
    result = score(rows, LABELS, SOURCE)
    assert set(result.by_age) == {"under 30", "50 and over"}
    assert result.by_age["under 30"].n_speakers == 6
    assert set(result.gaps) == {"male - female", "50 and over - under 30"}
    assert result.gaps["male - female"].value < -0.3
    values = result.to_dict()
    assert values["by_age"]["50 and over"]["n"] == 120
    assert values["gaps"]["male - female"]["value"] == pytest.approx(
        result.gaps["male - female"].value, abs=1e-6
    )
    assert "## By sex and age" in to_markdown(result)
    assert groups_rows(result)[-1][0] == "50 and over - under 30"


def test_unknown_sex_and_age_make_no_groups() -> None:
    result = score(people("x", 4, 0.8), LABELS, SOURCE)
    assert not result.by_age and not result.gaps
    assert "By sex and age" not in to_markdown(result)


def test_doubts_name_small_groups_wide_intervals_and_gaps_that_hold_zero() -> None:
    groups = {
        "few": GroupScore(10, 2, 0.5, Interval(0.45, 0.55), 0.5),
        "wide": GroupScore(90, 9, 0.5, Interval(0.3, 0.7), 0.5),
        "fine": GroupScore(90, 9, 0.5, Interval(0.45, 0.55), 0.5),
    }
    gaps = {"a - b": Gap(0.1, Interval(-0.1, 0.3)), "c - d": Gap(0.3, Interval(0.1, 0.5))}
    told = doubts(groups, gaps)
    assert [text.partition(":")[0] for text in told] == ["few", "wide", "a - b"]
    assert "2 speakers" in told[0] and "40 points" in told[1]


def test_the_age_survives_the_file_of_answers() -> None:
    known, unknown = (next(iter(said("a", 1.0, age=age))) for age in (30.0, math.nan))
    assert Answer.from_dict(known.to_dict()).age == 30
    assert math.isnan(Answer.from_dict(unknown.to_dict()).age)
