"""The report of an evaluation: complete, escaped, and honest on its face."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from serotone.errors import ConfigError, MissingExtraError
from serotone.evaluation.report_page import report_page, write_report
from serotone.evaluation.result import Answer, Evaluation, Source
from serotone.evaluation.score import score
from serotone.html import figures
from serotone.types import Failure

LABELS = ("neutral", "happy", "<b>mine</b>")


@pytest.fixture
def make_evaluation() -> Callable[..., Evaluation]:
    def make(protocol: str = "honest", n_speakers: int = 6) -> Evaluation:
        rng = np.random.default_rng(0)
        answers = []
        for index in range(20 * n_speakers):
            chances = rng.dirichlet(np.ones(3)) + 0.6 * np.eye(3)[index % 3]
            answers.append(
                Answer(
                    id=f"toy/{index}",
                    speaker=f"toy-{index % n_speakers}",
                    sex="female" if index % n_speakers % 2 else "male",
                    truth=LABELS[index % 3],
                    probabilities=dict(zip(LABELS, chances / chances.sum(), strict=True)),
                )
            )
        source = Source(
            model="model & co",
            recipe="recipe",
            corpus="toy",
            split="luna5:1",
            split_hash="0123456789abcdef",
            part="test",
            protocol=protocol,
            set_aside={"bored": 12},
            failures=(Failure("a<script>.wav", "not sound"),),
        )
        return score(answers, LABELS, source)

    return make


def test_every_part_is_there_and_nothing_unescaped(make_evaluation):
    evaluation = make_evaluation()
    page = report_page(evaluation)
    for title in ("In short", "By label", "Confidence", "By speaker", "Not counted", "Words"):
        assert f"<h2>{title}</h2>" in page
    assert page.count("<svg") == 4
    assert f"{100 * evaluation.uar:.1f} %" in page
    assert "model &amp; co on toy" in page
    assert "a&lt;script&gt;.wav" in page and "<script" not in page
    assert "&lt;b&gt;mine&lt;/b&gt;" in page and "<b>mine" not in page
    assert "12" in page and "bored" in page and "0123456789abcdef" in page


@pytest.mark.parametrize(
    ("protocol", "words"),
    [
        ("claimed", "CLAIMED PROTOCOL"),
        ("seen-speakers", "SEEN SPEAKERS"),
        ("unverified", "UNVERIFIED"),
        ("text-independent", "TEXT-INDEPENDENT"),
    ],
)
def test_a_protocol_that_is_not_honest_is_a_red_banner_before_any_figure(
    make_evaluation, protocol, words
):
    page = report_page(make_evaluation(protocol))
    body = page[page.index("<body>") :]
    assert 'class="banner alarm"' in body
    assert body.index("banner alarm") < body.index(words) < body.index("<h1>")


def test_an_honest_report_has_no_banner(make_evaluation):
    page = report_page(make_evaluation())
    assert 'class="banner' not in page


def test_a_single_speaker_is_said(make_evaluation):
    assert "over utterances of one speaker" in report_page(make_evaluation(n_speakers=1))


def test_without_matplotlib_the_tables_remain(make_evaluation, monkeypatch):
    def missing(*_args, **_options):
        raise MissingExtraError("drawing figures", "train", "matplotlib")

    monkeypatch.setattr(figures, "picture", missing)
    page = report_page(make_evaluation())
    assert page.count("No figures: drawing figures needs") == 1
    assert "<svg" not in page and page.count("<table>") >= 6
    assert "toy-3" in page


def test_a_page_that_cannot_be_written_is_one_clear_line(make_evaluation, tmp_path):
    with pytest.raises(ConfigError, match="cannot be written"):
        write_report(make_evaluation(), tmp_path / "none" / "report.html")
