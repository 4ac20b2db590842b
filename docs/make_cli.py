"""Write ``docs/cli.md`` from the commands themselves: ``python docs/make_cli.py``.

With ``--check`` nothing is written, and the exit status is 1 where the page is not up to date.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Plain help, the same on every terminal. Read by typer when it is imported.
os.environ["TYPER_USE_RICH"] = "0"

import typer

from serotone.cli import COMMANDS, app, load

PAGE = Path(__file__).with_name("cli.md")
WIDTH = 88

HEAD = """# The command line

<!-- Made from the commands by `python docs/make_cli.py`: change those, not this page. -->

Answers go to standard output and nothing else does; progress and warnings go to standard error.
A mistake is one line on standard error that starts with `serotone:`, never a traceback.

| exit status | meaning |
|---|---|
| 0 | all done |
| 1 | it ran, and some files failed |
| 2 | an option, a file or a model cannot be used |
| 130 | interrupted with Ctrl-C |
"""


def page() -> str:
    """The whole page as Markdown."""
    top = _context(typer.main.get_command(app), "serotone", None)
    sections = [HEAD, _section(top)]
    for name in COMMANDS:
        sections += _sections(_context(load(name), name, top), 2)
    return "\n".join(sections)


def _context(command: Any, name: str, parent: Any) -> Any:
    return typer.Context(
        command,
        info_name=name,
        parent=parent,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        **command.context_settings,
    )


def _sections(context: Any, level: int) -> Iterator[str]:
    """The section of a command, then those of the commands below it."""
    yield _section(context, level)
    for name, below in getattr(context.command, "commands", {}).items():
        yield from _sections(_context(below, name, context), level + 1)


def _section(context: Any, level: int = 2) -> str:
    lines = (line.rstrip() for line in context.command.get_help(context).splitlines())
    text = "\n".join(lines).strip()
    return f"{'#' * level} `{context.command_path}`\n\n```text\n{text}\n```\n"


def main() -> int:
    """Write the page, or say whether it is up to date."""
    text = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    same = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text
    if not same:
        sys.stderr.write("docs/cli.md is not up to date. Run: python docs/make_cli.py\n")
    return int(not same)


if __name__ == "__main__":
    sys.exit(main())
