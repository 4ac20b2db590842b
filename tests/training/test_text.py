from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from serotone.config import read_toml
from serotone.errors import CorpusError
from serotone.training.text import TextConfig, TextModel, featurise, flatten
from serotone.training.text_data import LABELS, join, read_goemotions, read_meld
from serotone.training.text_export import Served, to_onnx
from serotone.words.embedded import Embedded

RECIPE = Path(__file__).parents[2] / "recipes" / "text" / "words.toml"
TEXTS = ("Hello!", "I did not see that coming, did you?", "?", "well " * 60, "")


@pytest.fixture
def model() -> TextModel:
    torch.manual_seed(0)
    model = TextModel(TextConfig(n_buckets=1 << 10, n_dims=8, n_hidden=4))
    torch.nn.init.normal_(model.log_weight.weight)
    return model.eval()


def logits(model: TextModel, texts: tuple[str, ...]) -> torch.Tensor:
    ids, starts = flatten(featurise(texts, 1 << 10))
    with torch.no_grad():
        return model(ids, starts, torch.ones(len(ids)))


def test_the_file_says_what_the_model_says(model: TextModel, tmp_path: Path) -> None:
    path = tmp_path / "words.onnx"
    description = {"labels": LABELS, "languages": ["en"]}
    to_onnx(Served(model, temperature=1.5), path, description)
    served = Embedded(path)
    assert served.labels == LABELS
    texts = tuple(text for text in TEXTS if text)
    expected = (logits(model, texts) / 1.5).softmax(dim=1).numpy()
    # Eight bits a number are within a hundredth of a probability.
    np.testing.assert_allclose(served.probabilities(texts), expected, atol=0.01)
    for text, row in zip(texts, expected, strict=True):
        np.testing.assert_allclose(served.probabilities([text])[0], row, atol=0.01)


def test_a_text_scores_the_same_alone_and_in_a_batch(model: TextModel) -> None:
    together = logits(model, TEXTS)
    for text, row in zip(TEXTS, together, strict=True):
        torch.testing.assert_close(logits(model, (text,))[0], row)


def test_dropped_features_count_for_nothing(model: TextModel) -> None:
    ids, starts = flatten(featurise(("glad", "sorry"), 1 << 10))
    kept = torch.ones(len(ids))
    kept[3:5] = 0
    with torch.no_grad():
        dropped = model(ids, starts, kept)
        left = torch.cat([ids[:3], ids[5:]])
        shorter = model(left, torch.tensor([0, starts[1] - 2]), torch.ones(len(left)))
    torch.testing.assert_close(dropped, shorter)


def test_every_weight_gets_a_gradient(model: TextModel) -> None:
    model.train()
    ids, starts = flatten(featurise(TEXTS, 1 << 10))
    model(ids, starts, torch.ones(len(ids))).square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.to_dense().abs().sum() > 0, name


def test_spoken_texts_have_no_signs() -> None:
    written, spoken = (featurise(["No, no!"], 1 << 20, spoken=flag)[0] for flag in (False, True))
    np.testing.assert_array_equal(spoken, featurise(["no no"], 1 << 20)[0])
    assert len(written) > len(spoken)
    assert len(featurise(["?!"], 1 << 20, spoken=True)[0]) > 0


def test_the_recipe_is_one() -> None:
    assert TextConfig.parse(read_toml(RECIPE)) == TextConfig()


@pytest.fixture
def goemotions(tmp_path: Path) -> Path:
    (tmp_path / "labels.txt").write_text("anger\ndisgust\nfear\njoy\nneutral\nsadness\nsurprise")
    (tmp_path / "dev.tsv").write_text(
        "You rock, [NAME]\u2028\t3\tx1\nOh no\x85not again\t0,5\tx2\n", encoding="utf-8"
    )
    return tmp_path


def test_goemotions(goemotions: Path) -> None:
    read = read_goemotions(goemotions, "dev")
    assert read.texts == ("You rock, name\u2028", "Oh no\x85not again")
    named = [[LABELS[i] for i in np.flatnonzero(row)] for row in read.targets]
    assert named == [["happy"], ["sad", "angry"]]
    assert read.single.texts == ("You rock, name\u2028",)
    assert [LABELS[i] for i in read.single.truth] == ["happy"]
    assert join(read, read).targets.shape == (4, 7)


def test_meld(tmp_path: Path) -> None:
    (tmp_path / "test_sent_emo.csv").write_text(
        'Sr No.,Utterance,Emotion\n1,"Hi, you!",joy\n2,What?,surprise\n', encoding="utf-8"
    )
    read = read_meld(tmp_path, "test")
    assert read.texts == ("Hi, you!", "What?")
    assert [LABELS[i] for i in read.truth] == ["happy", "surprised"]


def test_tables_that_cannot_be_read(goemotions: Path) -> None:
    with pytest.raises(CorpusError, match=r"train\.tsv: No such file"):
        read_goemotions(goemotions, "train")
    (goemotions / "train.tsv").write_text("fine\t3\tx\nno tabs here\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"train\.tsv:2: got 'no tabs here'"):
        read_goemotions(goemotions, "train")
    (goemotions / "test_sent_emo.csv").write_text("Utterance,Mood\nHi,joy\n", encoding="utf-8")
    with pytest.raises(CorpusError, match="no column 'Emotion'"):
        read_meld(goemotions, "test")
