"""``serotone benchmark``: many recipes trained and measured, and the pages of results."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serotone.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from serotone.benchmark.runner import Step
    from serotone.benchmark.suite import Entry

WIDTH = 24


def benchmark(
    recipes: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RECIPE]...",
            help="Names, patterns as '*-honest', or .toml files.",
            show_default=False,
        ),
    ] = None,
    suite: Annotated[
        str, typer.Option(help="A suite's name or file: recipes with their folds and seeds.")
    ] = "",
    folds: Annotated[
        str, typer.Option(help="Numbers as 1,2, or all; each recipe's own where empty.")
    ] = "",
    seeds: Annotated[str, typer.Option(help="As 0,1,2; each recipe's own where empty.")] = "",
    corpora: Annotated[
        Path | None,
        typer.Option(envvar="SEROTONE_CORPORA", help="Folder with a folder for each corpus."),
    ] = None,
    results: Annotated[Path, typer.Option(help="Folder of results, one JSON a run.")] = Path(
        "results"
    ),
    runs: Annotated[Path, typer.Option(help="Folder of checkpoints, logs and models.")] = Path(
        "runs"
    ),
    docs: Annotated[
        Path, typer.Option(help="Folder that results.md and results.html are written to.")
    ] = Path("docs"),
    readme: Annotated[
        Path | None, typer.Option(help="A page whose figures block is written anew as well.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Delete what is there of these runs and start over.")
    ] = False,
    render_only: Annotated[
        bool, typer.Option("--render-only", help="Train nothing: only write the pages.")
    ] = False,
) -> None:
    """Train and measure many recipes.

    A run whose result is there is skipped, one that was killed goes on, one that fails does not
    stop the others. Then results.md and results.html are made from the results alone. The exit
    status is 1 when a run failed.
    """
    failed: list[Step] = []
    if not render_only:
        try:
            from serotone.benchmark.runner import Places
            from serotone.benchmark.runner import benchmark as run
        except ModuleNotFoundError as error:
            raise MissingExtraError("A benchmark", "train", str(error.name)) from None
        entries = _entries(recipes or [], suite, folds, seeds)
        if corpora is None:
            raise ConfigError(
                "no corpora. Give --corpora DIR with a folder for each, or set SEROTONE_CORPORA."
            )
        bar = _Bar()
        places = Places(corpora=corpora, results=results, runs=runs)
        ended = run(entries, places, again=again, watch=bar.step, on_clip=bar.clip)
        failed = [step for step in ended if step.stage == "failed"]
        _tell(ended)
    _render(results, docs, readme)
    if failed:
        raise typer.Exit(1)


def _entries(recipes: list[str], suite: str, folds: str, seeds: str) -> list[Entry]:
    from serotone.benchmark.suite import entries_of, load_suite, parse_folds, parse_seeds

    if not recipes and not suite:
        raise ConfigError("nothing to run. Name recipes, or a suite as --suite zoo.")
    found = [*(load_suite(suite) if suite else ()), *entries_of(recipes)]
    if folds:
        found = [replace(entry, folds=parse_folds(folds)) for entry in found]
    if seeds:
        found = [replace(entry, seeds=parse_seeds(seeds)) for entry in found]
    return found


class _Bar:
    """A line with a bar for each step, on standard error; clips are counted on a terminal."""

    def __init__(self) -> None:
        self.n_clips = 0
        self.live = sys.stderr.isatty()

    def step(self, step: Step) -> None:
        self.n_clips = 0
        full = round(WIDTH * step.n_done / step.n_runs)
        bar = "#" * full + "-" * (WIDTH - full)
        remark = f": {step.remark}" if step.remark else ""
        place = f"{step.n_done}/{step.n_runs}"
        line = f"[{bar}] {place} {step.name} {step.stage}{remark}"
        print(f"\r{line}" if self.live else line, file=sys.stderr, flush=True)

    def clip(self) -> None:
        self.n_clips += 1
        if self.live and self.n_clips % 10 == 0:
            print(f"\r{self.n_clips} clips read ", end="", file=sys.stderr, flush=True)


def _tell(ended: list[Step]) -> None:
    counts = {
        kind: sum(step.stage in stages for step in ended)
        for kind, stages in (("done", ["done"]), ("there already", ["skipped", "stale"]),
                             ("failed", ["failed"]))
    }  # fmt: skip
    said = ", ".join(f"{n} {kind}" for kind, n in counts.items() if n)
    print(f"{len(ended)} run(s): {said}", file=sys.stderr)


def _render(results: Path, docs: Path, readme: Path | None) -> None:
    from serotone.benchmark.pages.html import results_html
    from serotone.benchmark.pages.markdown import measured_of, results_markdown
    from serotone.benchmark.pages.readme import fill_figures
    from serotone.benchmark.result_store import read_results

    measured = measured_of(read_results(results))
    texts = {docs / "results.md": results_markdown(measured), docs / "results.html": ""}
    try:
        texts[docs / "results.html"] = results_html(measured)
    except MissingExtraError as error:
        del texts[docs / "results.html"]
        print(f"no results.html: {error}", file=sys.stderr)
    if readme is not None:
        texts[readme] = fill_figures(_read(readme), measured)
    for path, text in texts.items():
        _write(path, text)
        print(path)
    _render_robustness(results, docs)


def _render_robustness(results: Path, docs: Path) -> None:
    from serotone.benchmark.pages.robustness import fill_robustness, picture
    from serotone.evaluation.robustness import read_all

    found, page = read_all(results), docs / "robustness.md"
    if not found or not page.is_file():
        return
    _write(page, fill_robustness(_read(page), found))
    print(page)
    try:
        drawn = picture(found)
    except MissingExtraError as error:
        print(f"no robustness.svg: {error}", file=sys.stderr)
        return
    if drawn:
        _write(docs / "robustness.svg", drawn.decode())
        print(docs / "robustness.svg")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"'{path}' cannot be read: {error.strerror}.") from None


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"'{path}' cannot be written: {error.strerror}.") from None
