"""Rooms and their direction: every module has a room, and no two modules wait for each other."""

from __future__ import annotations

import re
import tomllib
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = "serotone"
WITHOUT_LAYER = {"__main__", "shipped"}
"""What starts the package, and a folder of data."""


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(PACKAGE, cache_dir=None)


@pytest.fixture(scope="module")
def rooms() -> set[str]:
    """The rooms that the import contract names."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    return set(re.findall(r"\w+", " ".join(layers)))


def test_no_import_cycle_anywhere(graph: grimp.ImportGraph) -> None:
    needs = {m: graph.find_modules_directly_imported_by(m) for m in graph.modules}
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        pytest.fail(f"import cycle: {' -> '.join(error.args[1])}")


def test_every_module_is_in_a_room_of_the_contract(
    graph: grimp.ImportGraph, rooms: set[str]
) -> None:
    found = {name.split(".")[1] for name in graph.modules if "." in name}
    assert found - rooms == {"__main__"}
    folders = {p.name for p in (ROOT / "src" / PACKAGE).iterdir() if p.is_dir()}
    assert folders - rooms - {"__pycache__"} == WITHOUT_LAYER - {"__main__"}


def test_every_test_stands_where_the_code_it_tests_does(rooms: set[str]) -> None:
    beside = {"benchmarks", "notebooks"}
    folders = {p.name for p in (ROOT / "tests").iterdir() if p.is_dir()}
    assert folders - rooms - {"__pycache__"} == beside
