"""Puts the page of ``web/`` into the wheel and the source archive, built where npm is there."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LEAST_NODE = (20, 19)
"""That Vite runs on."""

LIMIT_S = 600
NOT_SOURCES = ("node_modules", "dist")


class PageHook(BuildHookInterface):  # type: ignore[type-arg]
    """Builds the page where it is older than its sources, and adds it to what is built."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        # An editable install serves the page from where it is built.
        if version == "editable":
            return
        web = Path(self.root) / "web"
        built = web / "dist"
        if _is_stale(web, built) and (why := _build(web)):
            self.app.display_warning(f"the page of 'serotone serve' is left out: {why}")
        if not (built / "index.html").is_file():
            return
        if self.target_name == "wheel":
            build_data["force_include"][str(built)] = "serotone/page"
        else:
            build_data["artifacts"].append("web/dist/**")


def _is_stale(web: Path, built: Path) -> bool:
    page = built / "index.html"
    sources = [
        path
        for path in web.rglob("*")
        if path.is_file() and path.relative_to(web).parts[0] not in NOT_SOURCES
    ]
    if not sources:
        return False
    return not page.is_file() or page.stat().st_mtime < max(s.stat().st_mtime for s in sources)


def _build(web: Path) -> str:
    """Build the page; why it could not be, empty where it was."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        return "npm is not installed. Install Node.js, or run 'make web' first."
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = tuple(int(part) for part in re.findall(r"\d+", told)[:2])
    if found < LEAST_NODE:
        return f"Node.js is {told.strip()}, expected at least {LEAST_NODE[0]}.{LEAST_NODE[1]}."
    for command in (("ci", "--no-audit", "--no-fund", "--fetch-retries=1"), ("run", "build")):
        try:
            subprocess.run(
                [npm, *command],
                cwd=web,
                check=True,
                capture_output=True,
                text=True,
                timeout=LIMIT_S,
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            last = (str(error.stderr or "").strip().splitlines() or ["no answer"])[-1]
            return f"'npm {command[0]}' failed: {last}"
    return ""
