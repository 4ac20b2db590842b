"""The recipes of the repository: each is valid, and says what it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from serotone.audio.preprocess import PrepareConfig
from serotone.benchmark.suite import load_suite
from serotone.config import Config, read_toml
from serotone.corpora import CORPORA
from serotone.effects import AugmentConfig
from serotone.effects.waveform import WaveformConfig
from serotone.errors import ConfigError
from serotone.models import MODELS
from serotone.training.recipe import (
    DataConfig,
    OptimiserConfig,
    Recipe,
    load_recipe,
    recipe_folders,
)
from serotone.training.train import build

FILES = {p.stem: p for folder in recipe_folders() for p in sorted(folder.glob("*.toml"))}
DOCS = Path(__file__).parents[2] / "docs"
CLAIMED = sorted(name for name in FILES if "-claimed" in name)
LEAKING = ("claimed", "random8020")
ASKED_FOR = {"crema-d", "savee", "iemocap"}
PEERS = {
    *("light_sernet", "lstm_attention", "resnet_logmel"),
    *("conformer_logmel", "dscnn_logmel", "ecapa_logmel", "functionals_mlp"),
}


@pytest.fixture(params=sorted(FILES))
def recipe(request: pytest.FixtureRequest) -> Recipe:
    return load_recipe(str(FILES[request.param]))


def test_it_is_named_as_its_file_and_builds_its_model(recipe: Recipe) -> None:
    assert load_recipe(recipe.name) == recipe
    labels = recipe.data.labels or ("a", "b")
    build(recipe.model_copy(update={"data": recipe.data.model_copy(update={"labels": labels})}))


def test_its_corpora_have_all_of_its_labels(recipe: Recipe) -> None:
    if recipe.data.corpora == ("folder",):
        return
    known: set[str] = set()
    for corpus in recipe.data.corpora:
        names = recipe.data.relabel.get(corpus, {})
        known |= {names.get(label, label) for label in CORPORA.get(corpus).info.labels}
    # What these do not hear, calm, is for the runs that go on from them.
    unheard = {"calm"} if recipe.name.startswith("pretrain") else set()
    assert set(recipe.data.labels) - known == unheard


def test_protocol_and_description_agree(recipe: Recipe) -> None:
    leaks = recipe.data.split in LEAKING
    assert ("-claimed" in recipe.name) == leaks
    assert ("It leaks by design" in recipe.description) == leaks
    assert recipe.data.scaler == "train" or leaks
    wants = ASKED_FOR & set(recipe.data.corpora)
    assert ("runs where you have" in recipe.description) == bool(wants)


@pytest.mark.parametrize("name", CLAIMED)
def test_a_claim_has_its_honest_twin(name: str) -> None:
    twin = name.replace("-claimed", "-honest")
    if name == "cnn1d_stack2376-claimed-tess":  # for its claim alone, where there is a GPU
        twin = "cnn1d_stack2376-honest"
    one, other = load_recipe(name), load_recipe(twin)
    for field in ("model", "architecture", "prepare", "augment"):
        assert getattr(one, field) == getattr(other, field)
    assert one.optimiser.learning_rate == other.optimiser.learning_rate
    assert one.optimiser.batch_size == other.optimiser.batch_size


def test_every_reference_model_has_both_and_every_peer_an_honest_one() -> None:
    recipes = [load_recipe(name) for name in FILES]
    recipes += [load_recipe(entry.recipe, entry.assignments) for entry in load_suite("search")]
    claimed = {r.model for r in recipes if "-claimed" in r.name}
    honest = {r.model for r in recipes if "-claimed" not in r.name}
    assert claimed == set(MODELS.names()) - PEERS
    assert honest == set(MODELS.names())


@pytest.mark.parametrize("name", CLAIMED)
def test_a_claim_says_what_its_author_left_open(name: str) -> None:
    text = FILES[name].read_text(encoding="utf-8")
    base = read_toml(FILES[name]).get("extends")
    if base:
        assert f"# As {base}, " in text
        text = FILES[base].read_text(encoding="utf-8")
    assert "# Silent on:" in text


@pytest.mark.parametrize(
    "config", [DataConfig, PrepareConfig, WaveformConfig, AugmentConfig, OptimiserConfig]
)
def test_every_option_is_documented(config: type[Config]) -> None:
    text = (DOCS / "training.md").read_text(encoding="utf-8")
    assert [name for name in config.model_fields if f"`{name}`" not in text] == []


def test_every_recipe_is_documented() -> None:
    text = (DOCS / "recipes.md").read_text(encoding="utf-8")
    assert [name for name in FILES if f"`{name}`" not in text] == []


BASE = """
name = "base"
model = "resnet_logmel"
[data]
corpora = ["folder"]
split = "kfold5:1"
shares = { folder = 2 }
[optimiser]
epochs = 7
learning_rate = 1e-3
"""


def test_a_recipe_has_from_another_what_it_does_not_set(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text(BASE)
    middle = 'name = "middle"\nextends = "base.toml"\n[optimiser]\nepochs = 3\n'
    (tmp_path / "middle.toml").write_text(middle)
    own = tmp_path / "own.toml"
    own.write_text('name = "own"\nextends = "middle.toml"\nseed = 4\n[data]\nshares = {}\n')
    recipe = load_recipe(str(own), ["optimiser.learning_rate=0.5"])
    assert (recipe.name, recipe.seed, recipe.model) == ("own", 4, "resnet_logmel")
    assert (recipe.data.corpora, recipe.data.split) == (("folder",), "kfold5:1")
    assert recipe.data.shares == {}
    assert (recipe.optimiser.epochs, recipe.optimiser.learning_rate) == (3, 0.5)


def test_a_recipe_of_yours_may_extend_one_by_name(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('name = "own"\nextends = "ravdess-resnet"\n')
    base = load_recipe("ravdess-resnet")
    assert load_recipe(str(own)) == base.model_copy(update={"name": "own"})


@pytest.mark.parametrize(
    ("extends", "message"),
    [
        ('"own.toml"', "recipes extend one another: own → own. Let one"),
        ('"other.toml"', "recipes extend one another: own → other → own. Let one"),
        ('"ravdess-resent"', "Did you mean 'ravdess-resnet'"),
        ('"none.toml"', r"no file at '.*none\.toml'"),
        ("7", "extends got 7, expected a recipe's name"),
    ],
)
def test_a_recipe_that_extends_nothing_sound_is_refused(
    tmp_path: Path, extends: str, message: str
) -> None:
    own = tmp_path / "own.toml"
    own.write_text(f'name = "own"\nextends = {extends}\n')
    (tmp_path / "other.toml").write_text('name = "other"\nextends = "own.toml"\n')
    with pytest.raises(ConfigError, match=message):
        load_recipe(str(own))
