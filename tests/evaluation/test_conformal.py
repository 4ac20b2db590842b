"""Thresholds are fitted on the right people, and sets hold what they promise on others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from serotone.errors import CorpusError
from serotone.evaluation.conformal import COVERAGES, fit, set_scores
from serotone.evaluation.report import sets_rows, to_markdown
from serotone.evaluation.result import Answer, Source
from serotone.evaluation.score import score
from serotone.types import Prediction
from tests.evaluation.fakes import LABELS, FakeRecognizer, clip

SOURCE = Source("m", "r", "toy", "none", "0", "all", "honest")


class DrawnRecognizer(FakeRecognizer):
    """Its probabilities are honest: the truth is drawn from them."""

    def _prediction(self, label: str, source: str) -> Prediction:
        shares = np.random.default_rng(len(self.heard)).dirichlet(np.ones(len(self.labels)))
        self.heard.append(source)  # type: ignore[arg-type]
        return Prediction(
            source, 0.0, 1.0, dict(zip(self.labels, shares, strict=True)), label, shares.max()
        )


def drawn(n_speakers: int, n: int, *, seed: int) -> list[Answer]:
    draw = np.random.default_rng(seed)
    rows = []
    for speaker in range(n_speakers):
        for index in range(n):
            shares = draw.dirichlet(np.ones(4))
            truth = LABELS[draw.choice(4, p=shares)]
            told = dict(zip(LABELS, shares, strict=True))
            rows.append(Answer(f"toy/{speaker}-{index}", str(speaker), "", truth, told))
    return rows


def test_sets_of_a_calibrated_model_hold_what_they_promise() -> None:
    from serotone.evaluation.result import probabilities_of, truth_of
    from serotone.metrics.selective import conformal_threshold

    dev, test = drawn(10, 60, seed=0), drawn(20, 60, seed=1)
    shares, truth = probabilities_of(dev, LABELS), truth_of(dev, LABELS)
    fitted = {c: conformal_threshold(shares, truth, coverage=c) for c in COVERAGES}
    scores = set_scores(test, LABELS, fitted)
    for coverage in COVERAGES:
        found = scores[f"{coverage:g}"]
        # More than promised where the likeliest label alone would not pass.
        assert coverage - 0.04 < found.held < coverage + 0.09
        assert found.held_ci.low <= found.held <= found.held_ci.high
    sizes = [scores[f"{c:g}"].mean_size for c in COVERAGES]
    assert sizes == sorted(sizes) and sizes[0] < 2 < sizes[-1]


def test_fitting_hears_known_labels_and_says_whom_it_heard() -> None:
    rows = [clip(s, t, t, n=i) for s in (1, 2) for i, t in enumerate(["happy", "sad"] * 10)]
    rows += [clip(1, "bored", "sad", n=90), clip(3, "happy", "bad", n=91)]
    fitted = fit(DrawnRecognizer(), rows)
    assert fitted["n"] == 40 and fitted["speakers"] == ["toy-1", "toy-2"]
    thresholds = [fitted["thresholds"][f"{c:g}"] for c in COVERAGES]
    assert thresholds == sorted(thresholds, reverse=True)
    assert all(0 <= value < 1 for value in thresholds)


def test_nothing_to_fit_on_is_an_error() -> None:
    with pytest.raises(CorpusError, match="none of 1 utterance"):
        fit(FakeRecognizer(), [clip(1, "bored", "sad")])


def test_an_evaluation_measures_the_sets_of_its_model() -> None:
    rows = drawn(6, 30, seed=2)
    with_sets = score(rows, LABELS, replace(SOURCE, thresholds={0.9: 0.05}))
    assert set(with_sets.sets) == {"0.9"}
    assert with_sets.to_dict()["sets"]["0.9"]["held"] > 0.9
    assert "## Sets of labels" in to_markdown(with_sets)
    assert sets_rows(with_sets)[0][0] == "90.0 %"
    assert score(rows, LABELS, SOURCE).sets == {}


def test_the_risk_falls_with_the_share_answered() -> None:
    result = score(drawn(6, 60, seed=3), LABELS, SOURCE)
    curve = result.answered
    assert [share for share, _, _ in curve] == pytest.approx([i / 10 for i in range(1, 11)])
    assert curve[-1][1] == pytest.approx(1 - result.accuracy)
    assert curve[1][1] < curve[-1][1] and curve[0][2] > curve[-1][2]
    assert len(result.to_dict()["risk_coverage"]) == 10
