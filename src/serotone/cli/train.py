"""``serotone train``: a recipe in, a model folder out."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serotone.cli.corpus_options import tell_problems
from serotone.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from serotone.training.recipe import Recipe
    from serotone.types import Utterance


def train(
    recipe: Annotated[str, typer.Argument(help="A .toml file, or the name of a shipped recipe.")],
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Change the recipe, as optimiser.epochs=9."
        ),
    ] = None,
    root: Annotated[
        Path | None, typer.Option(help="Folder of the corpus, where the recipe names one.")
    ] = None,
    corpora: Annotated[
        Path | None,
        typer.Option(
            envvar="SEROTONE_CORPORA", help="Folder with a folder for each corpus of the recipe."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder of the run; runs/RECIPE-SPLIT-SEED.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on after the last whole epoch in --out.")
    ] = False,
    devices: Annotated[
        int, typer.Option(min=1, help="Graphics cards of a machine, or processes.")
    ] = 1,
    nodes: Annotated[
        int, typer.Option(min=1, help="Machines that run this command (docs/scaling.md).")
    ] = 1,
    strategy: Annotated[str, typer.Option(help="How they share the work: auto or ddp.")] = "auto",
    show: Annotated[
        bool, typer.Option("--show", help="Train nothing: print all that the recipe sets, as JSON.")
    ] = False,
) -> None:
    """Train a model from a recipe.

    Its best epoch is chosen on dev speakers, calibrated and exported. The test speakers are not
    looked at: measure them with serotone evaluate.
    """
    try:
        from serotone.training.datasets import read_corpora, split_of, with_labels
        from serotone.training.devices import Machines, is_main_process
        from serotone.training.recipe import load_recipe
        from serotone.training.save_model import publish
        from serotone.training.train import train
    except ModuleNotFoundError as error:
        raise MissingExtraError("Training", "train", str(error.name)) from None

    machines = Machines(devices=devices, nodes=nodes, strategy=strategy)
    loaded = load_recipe(recipe, assignments or ())
    if show:
        print(loaded.model_dump_json(indent=2))
        return
    found = read_corpora(loaded, _roots(loaded, root, corpora), on_problems=tell_problems)
    split = split_of(loaded, _readable(found))
    ready = with_labels(loaded, split)
    run = f"{ready.name}-{split.name}-{ready.seed}".replace(":", "-")
    folder = out or Path("runs") / run
    print(
        f"{ready.name}: {len(split.train)} clips teach, {len(split.dev)} choose, "
        f"{len(split.test)} wait for the test; logs in {folder / 'logs'}",
        file=sys.stderr,
    )
    try:
        with _bar("reading clips", len(split.train) + len(split.dev)) as on_clip:
            trained = train(
                ready, split, out=folder, resume=resume, on_clip=on_clip, machines=machines
            )
    except KeyboardInterrupt:
        print(f"stopped. The same command with --resume goes on in {folder}", file=sys.stderr)
        raise
    if not is_main_process():
        return
    info = publish(trained, ready, split, folder=folder / ready.name)
    judged = f"{trained.dev['uar']:.3f} on dev" if trained.dev else "no dev side"
    print(
        f"kept epoch {trained.epoch + 1}: UAR {trained.taught['uar']:.3f} on what it learned, "
        f"{judged}, "
        f"temperature {trained.temperature:.2f}, {trained.train_s:.0f} s",
        file=sys.stderr,
    )
    print(info.path)


def _roots(recipe: Recipe, root: Path | None, corpora: Path | None) -> Mapping[str, Path]:
    names = recipe.data.corpora
    if root is not None:
        if len(names) > 1:
            raise ConfigError(
                f"--root is for one corpus; recipe '{recipe.name}' needs {', '.join(names)}. "
                "Give --corpora DIR with a folder for each."
            )
        return {names[0]: root}
    if corpora is None:
        raise ConfigError(
            f"recipe '{recipe.name}' needs {', '.join(names)}. "
            "Give --root DIR for a single corpus, or --corpora DIR with a folder for each."
        )
    return {name: corpora / name for name in names if (corpora / name).exists()}


def _readable(utterances: Sequence[Utterance]) -> list[Utterance]:
    """Those that can be read; of the others a line each."""
    from serotone.training.data import readable

    with _bar("checking clips", len(utterances)) as on_clip:
        good, failures = readable(utterances, on_clip=on_clip)
    for failure in failures:
        print(failure.error, file=sys.stderr)
    if failures:
        print(f"left out {len(failures)} of {len(utterances)} clips", file=sys.stderr)
    return good


@contextlib.contextmanager
def _bar(what: str, n_clips: int) -> Iterator[Callable[[], None]]:
    """A bar on standard error, a step a clip, none where that is no terminal."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=n_clips)
        yield lambda: bar.advance(task)
