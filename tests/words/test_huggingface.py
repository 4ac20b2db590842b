from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serotone.errors import LabelError, MissingExtraError, ModelError
from serotone.words.emotion import DEFAULT_HUGGING_FACE, open_classifier, predict_texts
from serotone.words.huggingface import HuggingFace

EKMAN = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "i", "am", "glad", "sorry"]


def save_checkpoint(
    folder: Path, names: tuple[str, ...] = EKMAN, *, head: bool = True, **options: Any
) -> str:
    """A BERT of a few hundred weights, at random, with or without its head."""
    transformers = pytest.importorskip("transformers")
    folder.mkdir(exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(WORDS), encoding="utf-8")
    transformers.BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    config = transformers.BertConfig(
        vocab_size=len(WORDS),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=16,
        id2label=dict(enumerate(names)),
        label2id={name: place for place, name in enumerate(names)},
        **options,
    )
    kind = transformers.BertForSequenceClassification if head else transformers.BertModel
    kind(config).save_pretrained(folder)
    return str(folder)


def raw_logits(model: HuggingFace, text: str) -> np.ndarray:
    import torch

    with torch.inference_mode():
        encoded = model._tokenizer([text], return_tensors="pt")
        return model._model(**encoded).logits[0].double().numpy()


def test_labels_are_mapped_and_their_shares_kept(tmp_path: Path) -> None:
    model = open_classifier(f"hf:{save_checkpoint(tmp_path)}")
    assert isinstance(model, HuggingFace)
    assert model.labels == (
        "neutral", "happy", "sad", "angry", "fearful", "disgust", "surprised"
    )  # fmt: skip
    assert model.languages == {"en"}
    rows = model.probabilities(["i am glad", "i am sorry, i am sorry"])
    np.testing.assert_allclose(rows.sum(axis=1), 1)
    logits = raw_logits(model, "i am glad")
    softmax = np.exp(logits) / np.exp(logits).sum()
    assert rows[0][model.labels.index("happy")] == pytest.approx(softmax[EKMAN.index("joy")])
    assert predict_texts(model, ["i am glad"])[0].label == model.labels[rows[0].argmax()]


def test_a_text_longer_than_the_model_reads(tmp_path: Path) -> None:
    model = HuggingFace(save_checkpoint(tmp_path))
    assert model.probabilities(["glad " * 1000]).sum() == pytest.approx(1)


def test_a_checkpoint_without_its_head_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"lacks 2 weights that it needs, as 'classifier\.bias'"):
        HuggingFace(save_checkpoint(tmp_path, head=False))


def test_two_names_of_one_emotion_add_up(tmp_path: Path) -> None:
    model = HuggingFace(save_checkpoint(tmp_path, ("joy", "happiness", "sadness")))
    assert model.labels == ("happy", "sad")
    logits = raw_logits(model, "sorry")
    softmax = np.exp(logits) / np.exp(logits).sum()
    row = model.probabilities(["sorry"])[0]
    assert row == pytest.approx([softmax[:2].sum(), softmax[2]])


def test_several_labels_at_once_become_shares(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path, ("joy", "sadness"), problem_type="multi_label_classification")
    model = HuggingFace(path)
    odds = 1 / (1 + np.exp(-raw_logits(model, "glad")))
    assert model.probabilities(["glad"])[0] == pytest.approx(odds / odds.sum())


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("LABEL_0", "LABEL_1"), r"unknown label 'LABEL_0'.*labels=\{\.\.\.\}"),
        (("joy", "love"), "unknown label 'love'"),
    ],
)
def test_labels_that_are_no_emotions(tmp_path: Path, names: tuple[str, ...], message: str) -> None:
    with pytest.raises(LabelError, match=message):
        HuggingFace(save_checkpoint(tmp_path, names))


@pytest.mark.parametrize("mapping", [{"love": "joy"}, {"love": "happy"}])
def test_labels_said_outright(tmp_path: Path, mapping: Mapping[str, str]) -> None:
    path = save_checkpoint(tmp_path, ("sadness", "love"))
    model = HuggingFace(path, labels=mapping, languages=["de"])
    assert model.labels == ("happy", "sad")
    assert model.languages == {"de"}


def test_one_emotion_is_not_enough(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="got 1 emotion"):
        HuggingFace(save_checkpoint(tmp_path, ("joy", "happiness")))


def test_no_such_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transformers = pytest.importorskip("transformers")

    def offline(*_: object, **__: object) -> None:
        raise OSError("We couldn't connect to the hub.\nCheck your connection.")

    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", offline)
    with pytest.raises(ModelError, match=f"'{DEFAULT_HUGGING_FACE}' cannot be loaded") as raised:
        open_classifier("hf")
    assert "\n" not in str(raised.value)


def test_transformers_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtraError, match=r"'transformers'.*serotone\[words-hf\]"):
        open_classifier("hf")
