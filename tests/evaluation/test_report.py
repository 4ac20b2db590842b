"""What is written can be read, agrees with itself, and says on its face what it is."""

from __future__ import annotations

import json

import pytest

from serotone.errors import ConfigError
from serotone.evaluation.evaluate import evaluate
from serotone.evaluation.report import read_answers, to_markdown, write
from serotone.evaluation.score import score
from tests.evaluation.fakes import FakeModel, FakeRecognizer, clip

CONTRACT = [
    "recipe",
    "model",
    "corpus",
    "split",
    "split_hash",
    "protocol",
    "seed",
    "n",
    "labels",
    "uar",
    "uar_ci",
    "accuracy",
    "macro_f1",
    "ece",
    "ece_by_chance",
    "confusion",
    "params",
    "train_s",
    "date",
    "commit",
    "per_class",
    "per_speaker",
]


@pytest.fixture
def result(corpus):
    rows = [*corpus, clip(0, "happy", "bad", n=98), clip(1, "bored", "sad", n=99)]
    return evaluate(FakeRecognizer(), rows, corpus="toy")


def test_metrics_json_has_the_fields_of_the_contract(result, tmp_path):
    files = write(result, tmp_path / "new" / "folder")
    assert [f.name for f in files] == ["metrics.json", "predictions.jsonl", "summary.md"]
    metrics = json.loads(files[0].read_text())
    assert set(CONTRACT) <= set(metrics)
    assert metrics["uar_ci"] == [round(result.uar_ci.low, 6), round(result.uar_ci.high, 6)]
    assert metrics["confusion"] == [[8, 0, 0], [0, 4, 4], [0, 2, 2]]
    assert metrics["per_class"]["sad"] == {"n": 4, "recall": 0.5, "precision": 0.333333, "f1": 0.4}
    assert metrics["per_speaker"]["toy-2"]["n"] == 5
    assert metrics["by_sex"]["female"]["n_speakers"] == 2
    assert (metrics["seed"], metrics["params"], metrics["train_s"]) == (3, 7, 1.5)
    assert metrics["set_aside"] == {"bored": 1} and metrics["n_failed"] == 1


def test_shares_without_a_value_are_null_not_nan(tmp_path):
    rows = [clip(0, "sad", "happy"), clip(1, "sad", "happy"), clip(1, "happy", "bad")]
    write(evaluate(FakeRecognizer(), rows, corpus="toy"), tmp_path)
    text = (tmp_path / "metrics.json").read_text()
    assert "NaN" not in text
    assert json.loads(text)["per_class"]["happy"]["recall"] is None
    answer = json.loads((tmp_path / "predictions.jsonl").read_text().splitlines()[0])
    assert answer["intensity"] is None


def test_the_figures_can_be_made_again_from_the_answers(result, tmp_path):
    write(result, tmp_path)
    answers = read_answers(tmp_path / "predictions.jsonl")
    again = score(answers, result.labels, result.source)
    assert again.to_dict() == result.to_dict()


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "line 1: not an answer"), ('{"id": "a"}', "line 1"), ("[]", "line 1")],
)
def test_answers_that_are_none_are_refused_in_one_line(tmp_path, text, message):
    path = tmp_path / "predictions.jsonl"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_answers(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_answers(tmp_path / "none.jsonl")


def test_a_folder_that_cannot_be_made_is_one_clear_line(result, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"--out .*Give another folder"):
        write(result, tmp_path / "file")


def test_the_summary_shows_what_is_not_counted(result):
    text = to_markdown(result)
    assert "| UAR | 66.7 % [" in text
    assert "| failed files | 1 |" in text
    assert "| set aside, no such label in the model | 1 bored |" in text
    assert "| toy-0 | male | 5 | 83.3 % | 80.0 % |" in text


@pytest.mark.parametrize(
    ("provenance", "words"),
    [
        ({"train_speakers": ["toy-0"]}, "SEEN SPEAKERS"),
        ({}, "UNVERIFIED"),
        ({"train_speakers": []}, None),
    ],
)
def test_a_protocol_that_is_not_honest_stands_at_the_top(corpus, provenance, words):
    recognizer = FakeRecognizer(model=FakeModel(provenance=provenance))
    result = evaluate(recognizer, corpus, corpus="toy", allow_seen_speakers=True)
    face = to_markdown(result).split("| figure")[0]
    assert words in face if words else ">" not in face


def test_one_speaker_is_not_passed_off_as_many():
    rows = [clip(0, "sad", "sad", n=n) for n in range(5)] + [clip(0, "happy", "sad", n=9)]
    result = evaluate(FakeRecognizer(), rows, corpus="toy")
    assert result.to_dict()["uar_ci_unit"] == "utterance"
    assert "over utterances of one speaker" in to_markdown(result)
