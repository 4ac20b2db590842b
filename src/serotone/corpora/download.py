"""A corpus from its owners' published addresses into a folder."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from serotone.corpora.csv_table import read_sheet
from serotone.corpora.fetch import (
    PATIENCE,
    Patience,
    Progress,
    Report,
    fetch,
    need_space,
    silent,
)
from serotone.corpora.reader import CorpusInfo, Source
from serotone.corpora.unpack import unpack
from serotone.errors import CorpusError

RECORD = ".serotone-download.json"
"""Says which sources a folder already holds."""

_AT_ONCE = 8
_CLIP_NAME = re.compile(r"[\w-]+")


def download(
    info: CorpusInfo,
    root: Path,
    *,
    report: Report = silent,
    patience: Patience = PATIENCE,
) -> None:
    """Fetch, check and unpack everything of a corpus that is not there yet.

    Run again after a cut it goes on where it stopped; run again when done it does nothing.

    Args:
        info: of the corpus.
        root: the corpus's own folder; made if need be.
        report: told of every piece that came.
        patience: with the server.

    Raises:
        CorpusError: when the owners give it out on request only, or as ``fetch`` and ``unpack``.
    """
    if not info.sources:
        raise CorpusError(f"{info.title} has no address to download from. {info.notes}")
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CorpusError(f"'{root}': {error.strerror}. Give another folder.") from None
    done = _recorded(root)
    waiting = [source for source in info.sources if source.url not in done]
    need_space(root, sum(source.size_bytes or 0 for source in waiting), info.title)
    for source in waiting:
        _take(source, root, report, patience)
        done.append(source.url)
        (root / RECORD).write_text(json.dumps(done, indent=1), encoding="utf-8")


def _recorded(root: Path) -> list[str]:
    path = root / RECORD
    if not path.is_file():
        return []
    try:
        return [str(url) for url in json.loads(path.read_text(encoding="utf-8"))]
    except ValueError:
        raise CorpusError(f"'{path}' is damaged. Remove it: what is there is kept.") from None


def _take(source: Source, root: Path, report: Report, patience: Patience) -> None:
    target = root / source.name
    fetch(
        source.url,
        target,
        size_bytes=source.size_bytes,
        checksum=source.checksum,
        report=report,
        patience=patience,
    )
    if source.unpack:
        unpack(target, root, strip=source.strip)
        target.unlink()
    if source.each:
        _take_each(source, root, report, patience)


def _take_each(source: Source, root: Path, report: Report, patience: Patience) -> None:
    """The clips that a table names, a few at once; those that are there are left alone."""
    names = [
        row[source.each_column] for row in read_sheet(root / source.name, [source.each_column])
    ]
    for name in names:
        if not _CLIP_NAME.fullmatch(name):
            raise CorpusError(f"{source.name}: '{name}' is no clip's name. Fetch the table again.")
    targets = {name: root / source.each_name.format(name) for name in names}
    waiting = [name for name, target in targets.items() if not target.is_file()]

    def take(name: str) -> None:
        fetch(source.each.format(name), targets[name], patience=patience)

    label, there = source.each_name.format("*"), len(names) - len(waiting)
    report(Progress(label, there, len(names), "files"))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for n_done, _ in enumerate(pool.map(take, waiting), start=there + 1):
            report(Progress(label, n_done, len(names), "files"))
