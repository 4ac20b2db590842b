"""Going on from a trained model: what is taken, what is inherited, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from serotone.errors import ConfigError
from serotone.store.load import describe
from serotone.training.init_weights import beginning, inherited, take_weights
from serotone.training.recipe import Recipe
from serotone.training.save_model import publish
from serotone.training.train import Trained, build
from serotone.types import Split, Utterance
from tests.tiny import RECIPE

SMALL: dict[str, Any] = {
    "name": "small",
    "architecture": RECIPE.architecture,
    "data": {"corpora": ["folder"], "labels": ["happy", "sad"]},
}


def recipe(**changes: Any) -> Recipe:
    return Recipe.parse({**SMALL, **changes})


def split(train: str, dev: str, test: str) -> Split:
    def side(names: str) -> tuple[Utterance, ...]:
        return tuple(
            Utterance(id=f"{n}/1", path=Path(f"{n}.wav"), corpus="folder", speaker=n, label="sad")
            for n in names
        )

    return Split(name="made", train=side(train), dev=side(dev), test=side(test))


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder of fresh weights that says a and b taught it, and c chose."""
    folder = tmp_path_factory.mktemp("models") / "first"
    model = build(recipe(seed=3)).eval()
    trained = Trained(model=model, temperature=1.0, dev={}, epoch=0, train_s=1.0)
    publish(trained, recipe(seed=3), split("ab", "c", "d"), folder=folder)
    return folder


def test_all_weights_are_taken_from_a_model_of_the_same_shape(taught: Path) -> None:
    model = build(recipe())
    before = model.state_dict()["emotion.weight"].clone()
    assert take_weights(model, describe(taught)) == []
    expected = build(recipe(seed=3)).state_dict()
    assert not torch.equal(before, expected["emotion.weight"])
    for name, value in model.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(value, expected[name]), name


def test_a_layer_for_other_classes_begins_fresh(taught: Path) -> None:
    other = recipe(data={"corpora": ["folder"], "labels": ["happy", "sad", "angry"]})
    model = build(other)
    head = model.state_dict()["emotion.weight"].clone()
    assert take_weights(model, describe(taught)) == ["emotion.bias", "emotion.weight"]
    assert torch.equal(model.state_dict()["emotion.weight"], head)


def test_another_architecture_is_refused(taught: Path) -> None:
    wider = {**SMALL["architecture"], "widths": [16], "stem_width": 16}
    with pytest.raises(ConfigError, match="another architecture"):
        take_weights(build(recipe(architecture=wider)), describe(taught))


@pytest.mark.parametrize(("dev", "test"), [("a", "e"), ("e", "b")])
def test_a_speaker_who_taught_may_neither_choose_nor_test(
    taught: Path, dev: str, test: str
) -> None:
    with pytest.raises(ConfigError, match=r"was trained with 1 speaker\(s\)"):
        beginning([str(taught)], split("f", dev, test))


def test_who_chose_may_choose_again_and_not_test(taught: Path) -> None:
    assert beginning([str(taught)], split("f", "c", "d")).name == "first"
    with pytest.raises(ConfigError, match=r"was trained with 1 speaker\(s\) .*\(c, "):
        beginning([str(taught)], split("f", "d", "c"))


def test_of_several_the_first_is_taken_that_heard_nobody_held_back(
    taught: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    trained = Trained(model=build(recipe()).eval(), temperature=1.0, dev={}, epoch=0, train_s=1.0)
    publish(trained, recipe(name="other"), split("ef", "c", "d"), folder=other)
    names = [str(taught), str(other)]
    assert beginning(names, split("f", "c", "d")).name == "first"
    assert beginning(names, split("f", "c", "b")).name == "other"
    with pytest.raises(
        ConfigError, match=r"first' was trained .*\(b, .*; '.*other' was trained .*\(e, "
    ):
        beginning(names, split("f", "e", "b"))


def test_what_taught_the_first_is_said_of_the_second(taught: Path) -> None:
    source = beginning([str(taught)], split("f", "c", "d"))
    own = {
        "provenance": {
            "corpora": [],
            "readers": {"table": {"path": "file"}},
            "train_speakers": ["f", "c"],
            "dev_speakers": ["e"],
        }
    }
    provenance = inherited(own, source)["provenance"]
    assert provenance["train_speakers"] == ["a", "b", "c", "f"]
    assert provenance["dev_speakers"] == ["e"]  # c taught by now
    assert [corpus["name"] for corpus in provenance["corpora"]] == ["folder"]
    assert provenance["readers"] == {**source.provenance["readers"], "table": {"path": "file"}}
    assert provenance["init"]["name"] == "first"


def test_each_fold_goes_on_from_its_own() -> None:
    data = {**SMALL["data"], "split": "luna5:2"}
    ours = recipe(init="runs/first-{split}-{seed}/first", seed=3, data=data)
    assert ours.begins_with == ("runs/first-luna5-2-3/first",)
    assert recipe(init="default").begins_with == ("default",)
    assert recipe(init=["a", "b-{seed}"]).begins_with == ("a", "b-0")
    assert recipe().begins_with == ()
