"""Labels, configurations, registry, errors."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import pytest
from pydantic import model_validator

from serotone import labels
from serotone.config import Config, override, read_toml
from serotone.errors import ConfigError, LabelError, MissingExtraError, SerotoneError, did_you_mean
from serotone.registry import Registry


class Inner(Config):
    n_mels: int = 64


class Outer(Config):
    features: Inner = Inner()
    name: str = ""


@pytest.mark.parametrize(
    ("name", "label"),
    [("ANG", "angry"), ("Pleasant_Surprise", "surprised"), ("joy", "happy"), ("calm", "calm"),
     ("laughing  out-loud", "laughing out loud")],
)  # fmt: skip
def test_names_stand_for_labels(name: str, label: str) -> None:
    assert labels.normalise(name) == label


def test_every_alias_leads_to_a_label() -> None:
    known = {*labels.CANONICAL, *labels.FURTHER}
    assert set(labels._ALIASES.values()) <= known
    assert all(labels.normalise(label) == label for label in known)


def test_an_unknown_label_is_refused_with_a_hint() -> None:
    with pytest.raises(LabelError, match=r"unknown label 'hapy'. Did you mean 'happy'"):
        labels.resolve("hapy", labels.CANONICAL)


def test_an_unknown_key_is_an_error_with_a_suggestion() -> None:
    with pytest.raises(ConfigError, match=r"\[features\] unknown key 'n_mel'. Did you mean"):
        Outer.parse({"features": {"n_mel": 3}})


def test_a_wrong_value_names_section_and_key() -> None:
    with pytest.raises(ConfigError, match=r"\[features\] 'n_mels': got 'many'"):
        Outer.parse({"features": {"n_mels": "many"}})


def test_what_is_wrong_with_several_keys_together_is_told_without_their_values() -> None:
    class Span(Config):
        low: int = 0
        high: int = 0

        @model_validator(mode="after")
        def _ordered(self) -> Self:
            if self.low > self.high:
                raise ValueError("low is above high")
            return self

    with pytest.raises(ConfigError, match=r"^\[span\] low is above high\.$"):
        Span.parse({"low": 2, "high": 1}, "span")


def test_configurations_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Outer().name = "x"  # type: ignore[misc]


def test_override_reads_toml_values_and_leaves_the_original() -> None:
    values = {"a": {"b": 1}}
    changed = override(values, ["a.b=2.5", "a.c=[1, 2]", "d=word"])
    assert changed == {"a": {"b": 2.5, "c": [1, 2]}, "d": "word"}
    assert values == {"a": {"b": 1}}


def test_override_reaches_two_sections_deep() -> None:
    changed = override({"a": {"b": {"c": 1}}}, ["a.b.c=2"])
    assert changed == {"a": {"b": {"c": 2}}}


@pytest.mark.parametrize("assignment", ["a", "a.b.c=1"])
def test_override_refuses_what_it_cannot_do(assignment: str) -> None:
    with pytest.raises(ConfigError):
        override({"a": {"b": 1}}, [assignment])


def test_toml_that_is_missing_or_broken_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no file at"):
        read_toml(tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("a = ")
    with pytest.raises(ConfigError, match="not valid TOML"):
        read_toml(broken)


def test_a_registry_imports_when_asked_and_hints_otherwise() -> None:
    registry = Registry[type]("shape", "nothing.here", {"path": "pathlib:Path"})
    assert registry.get("path") is Path
    assert registry.names() == ["path"]
    with pytest.raises(ConfigError, match=r"unknown shape 'pth'. Did you mean 'path'"):
        registry.get("pth")


def test_a_missing_extra_tells_how_to_install_it() -> None:
    error = MissingExtraError("Training", "train", "torch")
    assert isinstance(error, SerotoneError)
    assert "pip install 'serotone[train]'" in str(error)


def test_without_a_close_name_all_are_listed() -> None:
    assert did_you_mean("zzz", ["b", "a"]) == "Known: a, b."
