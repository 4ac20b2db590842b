"""The command line: one file per command, imported only when that command runs."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperGroup

from serotone import __version__
from serotone.errors import SerotoneError

FAILED = 1
"""Exit status when something ran and some of it failed."""

MISUSED = 2
"""Exit status when an option, a configuration or a model cannot be used."""


class Command(NamedTuple):
    """Where a command lives, as ``module:attribute``, and its line in ``serotone --help``."""

    target: str
    summary: str


COMMANDS: Mapping[str, Command] = {
    "predict": Command("serotone.cli.predict:predict", "Hear the emotion in recordings."),
    "record": Command("serotone.cli.record:record", "Record a clip and say its emotion."),
    "listen": Command("serotone.cli.listen:listen", "Hear emotions live from the microphone."),
    "models": Command("serotone.cli.models:models", "List the models that are there."),
    "corpus": Command("serotone.cli.corpus:app", "Look at corpora and at splits of them."),
    "features": Command(
        "serotone.cli.features:features", "Write features of recordings to a Parquet table."
    ),
    "train": Command("serotone.cli.train:train", "Train a model from a recipe."),
    "benchmark": Command("serotone.cli.benchmark:benchmark", "Train and measure many recipes."),
    "adapt": Command("serotone.cli.adapt:adapt", "Fit a model to a voice, without labels."),
    "ensemble": Command("serotone.cli.ensemble:ensemble", "Put several models into one."),
    "export": Command("serotone.cli.export:export", "Turn a model into another form."),
    "serve": Command("serotone.cli.serve:serve", "Answer requests over HTTP, with a page."),
    "evaluate": Command("serotone.cli.evaluate:evaluate", "Measure a model on a corpus."),
    "calibrate": Command(
        "serotone.cli.calibrate:calibrate", "Fit how large sets of labels must be."
    ),
    "card": Command("serotone.cli.card:card", "Write a model's card from its results."),
}


class LazyGroup(TyperGroup):
    """Shows every command by its line; imports one only when it runs."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, stub, rest = super().resolve_command(ctx, args)
        return name, stub if name is None else load(name), rest


def load(name: str) -> Any:
    """Import a command and return it as what the group invokes.

    Raises:
        KeyError: when there is no such command.
    """
    module, _, attribute = COMMANDS[name].target.partition(":")
    found = getattr(importlib.import_module(module), attribute)
    if not isinstance(found, typer.Typer):
        command = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        command.command(name)(found)
        found = command
    loaded = typer.main.get_command(found)
    loaded.name = name
    return loaded


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _stub() -> None:
    """Holds a command's place in the help; ``LazyGroup`` swaps the command in."""


for _name, _command in COMMANDS.items():
    app.command(_name, help=_command.summary)(_stub)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"serotone {__version__}")
        raise typer.Exit


@app.callback()
def _serotone(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Hear how something is said: emotions in speech, with honest figures."""


def main(args: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status.

    Args:
        args: the words after ``serotone``; those of this process where None.

    Returns:
        0 done, 1 some files failed or could not be written, 2 misused, 130 interrupted. A user's
        mistake is one line on standard error, never a traceback, and so is a full disk; a closed
        pipe ends the run without a word.
    """
    try:
        status = _run(args)
        sys.stdout.flush()
    except BrokenPipeError:
        _leave_standard_output()
        return FAILED
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(
            f"serotone: {place}{error.strerror or error}. Mend that and run the command again.",
            file=sys.stderr,
        )
        _leave_standard_output()
        return FAILED
    return status


def _run(args: Sequence[str] | None) -> int:
    try:
        app(args=args, prog_name="serotone")
    except SerotoneError as error:
        print(f"serotone: {error}", file=sys.stderr)
        return MISUSED
    except KeyboardInterrupt:
        return 130
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else MISUSED
    return 0


def _leave_standard_output() -> None:
    """What waits to be written goes nowhere; written at the exit it would fail once more."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
