"""One file from an address to disk: resumed where it was cut, checked, and only then in place."""

from __future__ import annotations

import errno
import hashlib
import http.client
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from serotone import __version__
from serotone.errors import CorpusError


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one download is.

    Attributes:
        name: of what is fetched.
        done: how much of it is there.
        total: how much there is, None where the server does not say.
        unit: what both count.
    """

    name: str
    done: int
    total: int | None
    unit: Literal["bytes", "files"] = "bytes"


Report = Callable[[Progress], None]

_CHUNK = 1 << 18
_OF_THE_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS})
_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Patience:
    """How long to bear with a server.

    Attributes:
        timeout_s: of silence.
        attempts: in a row that bring not one byte.
        pause_s: before the second attempt; it doubles from then on.
    """

    timeout_s: float = 30.0
    attempts: int = 5
    pause_s: float = 1.0


PATIENCE = Patience()


class _Failed(Exception):
    """An attempt that may be made again. Its text says what went wrong."""


def silent(progress: Progress) -> None:
    """Report to nobody."""


def fetch(
    url: str,
    target: Path,
    *,
    size_bytes: int | None = None,
    checksum: str | None = None,
    report: Report = silent,
    patience: Patience = PATIENCE,
) -> None:
    """Download one file. What was there of it from an earlier run is kept, if it is the same file.

    Args:
        url: of the file, http or https.
        target: where it goes; until it is whole and checked it is ``.NAME.part`` beside it.
        size_bytes: that it must have.
        checksum: that it must have, as ``md5:…`` or ``sha256:…``.
        report: told of every piece.
        patience: with the server.

    Raises:
        CorpusError: when the file cannot be had, does not fit on the disk, or is not the right one.
    """
    if not url.startswith(("https://", "http://")):
        raise CorpusError(f"got the address '{url}', expected one of http or https.")
    if target.is_file() and not _wrong(target, size_bytes, checksum):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    tag = part.with_suffix(".tag")
    fruitless = 0
    while True:
        before = _size(part)
        try:
            _attempt(url, part, tag, checksum, patience.timeout_s, report, target.name)
            break
        except _Failed as error:
            fruitless = 0 if _size(part) > before else fruitless + 1
            if fruitless >= patience.attempts:
                raise CorpusError(
                    f"{url}: {error}, {fruitless} times in a row. What came is kept: run the "
                    "same command again later."
                ) from None
            time.sleep(patience.pause_s * 2 ** max(0, fruitless - 1))
    problem = _wrong(part, size_bytes, checksum)
    if problem:
        part.unlink()
        tag.unlink(missing_ok=True)
        raise CorpusError(f"{url}: {problem}. It was thrown away; run the same command again.")
    part.replace(target)
    tag.unlink(missing_ok=True)


def need_space(folder: Path, n_bytes: int, what: str) -> None:
    """Refuse what does not fit.

    Raises:
        CorpusError: when fewer than ``n_bytes`` are free where ``folder`` is.
    """
    free = shutil.disk_usage(folder).free
    if n_bytes > free:
        raise CorpusError(
            f"{what} needs {n_bytes / 1e6:,.0f} MB in '{folder}', {free / 1e6:,.0f} MB are free. "
            "Make room, or give another folder with --root."
        )


def _attempt(
    url: str,
    part: Path,
    tag: Path,
    checksum: str | None,
    timeout_s: float,
    report: Report,
    name: str,
) -> None:
    """Fetch what is missing of the part; returns when it is whole."""
    start = _size(part)
    validator = tag.read_text(encoding="utf-8") if tag.is_file() else ""
    if start and not validator and not checksum:
        # Nothing would tell that the two halves are of one file.
        start = 0
    request = urllib.request.Request(url, headers={"User-Agent": f"serotone/{__version__}"})
    if start:
        request.add_header("Range", f"bytes={start}-")
        if validator:
            request.add_header("If-Range", validator)
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as response:
            _receive(response, part, tag, start, report, name)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            if error.headers.get("Content-Range", "") == f"bytes */{start}":
                return
            part.unlink()
            raise _Failed("what was here did not belong to it") from None
        if error.code in _RETRIED:
            raise _Failed(f"the server answers {error.code}") from None
        raise CorpusError(
            f"{url}: the server answers {error.code} {error.reason}. "
            "Look on the corpus's page whether it has moved."
        ) from None
    except http.client.HTTPException as error:
        raise _Failed(f"no proper answer ({type(error).__name__})") from None
    except OSError as error:
        if error.errno in _OF_THE_DISK:
            raise CorpusError(f"'{part}': {error.strerror}. What came is kept.") from None
        raise _Failed(f"no answer ({getattr(error, 'reason', error)})") from None


def _receive(
    response: http.client.HTTPResponse,
    part: Path,
    tag: Path,
    start: int,
    report: Report,
    name: str,
) -> None:
    resumed = response.status == http.client.PARTIAL_CONTENT
    if resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
        raise CorpusError(f"{response.url}: the server sent another piece than was asked for.")
    done = start if resumed else 0
    length = response.headers.get("Content-Length")
    total = done + int(length) if length else None
    if total is not None:
        need_space(part.parent, total - done, name)
    validator = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
    # A weak tag promises the same meaning, not the same bytes.
    tag.write_text("" if validator.startswith("W/") else validator, encoding="utf-8")
    with part.open("ab" if resumed else "wb") as file:
        report(Progress(name, done, total))
        while chunk := response.read(_CHUNK):
            file.write(chunk)
            done += len(chunk)
            report(Progress(name, done, total))
    if total is not None and done < total:
        raise _Failed(f"cut after {done:,} of {total:,} bytes")


def _wrong(path: Path, size_bytes: int | None, checksum: str | None) -> str:
    """What is not as it should be, or nothing."""
    if size_bytes is not None and _size(path) != size_bytes:
        return f"got {_size(path):,} bytes, expected {size_bytes:,}"
    if checksum is None:
        return ""
    algorithm, _, expected = checksum.partition(":")
    # MD5 guards against damage here, not against an attacker: it is what the owners publish.
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    got = digest.hexdigest()
    return "" if got == expected else f"got {algorithm} {got}, expected {expected}"


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
