"""What starting costs: predicting must not import what it does not use."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"torch", "librosa", "pandas", "scipy", "sklearn", "lightning", "matplotlib", "plotly"}
CLIP = Path(__file__).parents[1] / "samples" / "synthetic-en-even.wav"

RUN = """
import json, sys
sys.argv = ["serotone", *{words!r}]
try:
    {code}
except SystemExit as ended:
    assert not ended.code, ended.code
sys.stderr.write(json.dumps(sorted({{name.partition(".")[0] for name in sys.modules}})))
"""


def imported(code: str, words: list[str]) -> set[str]:
    """The packages that a fresh process has imported after running ``code``."""
    command = [sys.executable, "-c", RUN.format(code=code, words=words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_import_serotone_imports_nothing_heavy() -> None:
    modules = imported("import serotone", [])
    assert not modules & (HEAVY | {"numpy", "pydantic", "typer", "rich"})


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["predict", "--help"],
        ["predict", "--format", "table", str(CLIP)],
        ["predict", "--format", "jsonl", str(CLIP)],
        ["models"],
    ],
)
def test_commands_of_the_core_import_nothing_heavy(words: list[str]) -> None:
    modules = imported("from serotone.cli import main; sys.exit(main())", words)
    assert "typer" in modules
    assert not modules & HEAVY


def test_machine_formats_need_no_rich() -> None:
    words = ["predict", "--format", "jsonl", str(CLIP)]
    modules = imported("from serotone.cli import main; sys.exit(main())", words)
    assert not modules & {"rich", "multiprocessing", "av"}
