"""Archives of strangers: unpacked beside their place, and moved there only when all was well."""

from __future__ import annotations

import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from serotone.corpora.fetch import need_space
from serotone.errors import CorpusError

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz")
_CHUNK = 1 << 18


@dataclass(frozen=True)
class Limits:
    """Beyond these an archive is taken for a bomb.

    Attributes:
        ratio: bytes out per byte in; sound hardly packs below a third.
        n_bytes: out in all.
        n_files: out in all.
    """

    ratio: int = 100
    n_bytes: int = 200 * 10**9
    n_files: int = 500_000


LIMITS = Limits()


@dataclass(frozen=True)
class _Member:
    path: PurePosixPath
    size: int
    content: IO[bytes]


class _Budget:
    """Counts what really comes out: what an archive says of itself is not believed."""

    def __init__(self, archive: Path, limits: Limits) -> None:
        self._archive = archive
        self._bytes = min(limits.n_bytes, limits.ratio * archive.stat().st_size)
        self._files = limits.n_files

    def spend(self, n_bytes: int, n_files: int = 0) -> None:
        self._bytes -= n_bytes
        self._files -= n_files
        if self._bytes < 0 or self._files < 0:
            raise CorpusError(
                f"{self._archive.name}: unpacks to far more than a corpus would; it was refused. "
                "Fetch it again from the corpus's own page."
            )


def unpack(archive: Path, folder: Path, *, strip: int = 0, limits: Limits = LIMITS) -> None:
    """Unpack a zip or tar archive, and archives directly inside it, into ``folder``.

    Nothing is moved to its place before all of it is unpacked; files of the same name are
    replaced, others stay.

    Args:
        archive: ending in one of ``ENDINGS``.
        folder: where to; made if need be.
        strip: leading folders of each path to leave out.
        limits: beyond which it is refused.

    Raises:
        CorpusError: when it is damaged, does not fit on the disk, or would write outside
            ``folder``, make links or devices, or swell beyond the limits.
    """
    folder.mkdir(parents=True, exist_ok=True)
    budget = _Budget(archive, limits)
    with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=folder) as name:
        inside = Path(name)
        _extract(archive, inside, strip, budget)
        for inner in sorted(p for p in inside.rglob("*") if _is_archive(p)):
            _extract(inner, inner.parent, 0, budget)
            inner.unlink()
        _move(inside, folder)


def _move(inside: Path, folder: Path) -> None:
    for path in sorted(p for p in inside.rglob("*") if p.is_file()):
        target = folder / path.relative_to(inside)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
        except OSError as error:
            raise CorpusError(f"'{target}': {error.strerror}. Give an empty folder.") from None


def _is_archive(path: Path) -> bool:
    return path.name.lower().endswith(ENDINGS) and path.is_file()


def _extract(archive: Path, folder: Path, strip: int, budget: _Budget) -> None:
    members = _zip_members if archive.suffix.lower() == ".zip" else _tar_members
    try:
        for member in members(archive):
            parts = member.path.parts[strip:]
            if not parts:
                continue
            need_space(folder, member.size, archive.name)
            _write(member.content, folder.joinpath(*parts), budget)
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError) as error:
        why = str(error).partition("\n")[0]
        raise CorpusError(f"{archive.name}: cannot be unpacked ({why}). Fetch it again.") from None
    except (NotImplementedError, RuntimeError) as error:
        # Encrypted, or packed in a way that Python does not know.
        raise CorpusError(f"{archive.name}: cannot be unpacked here ({error}).") from None


def _write(content: IO[bytes], target: Path, budget: _Budget) -> None:
    budget.spend(0, n_files=1)
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        while chunk := content.read(_CHUNK):
            budget.spend(len(chunk))
            file.write(chunk)


def _zip_members(archive: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            # The upper half holds the Unix mode, where the archive was made on one.
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _refused(archive, info.filename, "is a link or device")
            path = _safe(archive, info.filename)
            if not info.is_dir():
                with opened.open(info) as content:
                    yield _Member(path, info.file_size, content)


def _tar_members(archive: Path) -> Iterator[_Member]:
    with tarfile.open(archive) as opened:
        for info in opened:
            if not (info.isfile() or info.isdir()):
                raise _refused(archive, info.name, "is a link or device")
            path = _safe(archive, info.name)
            content = opened.extractfile(info) if info.isfile() else None
            if content is not None:
                with content:
                    yield _Member(path, info.size, content)
        # A compressed file's own checksum stands at its end, which tar does not read.
        while opened.fileobj and opened.fileobj.read(_CHUNK):
            pass


def _safe(archive: Path, name: str) -> PurePosixPath:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in name or "\0" in name:
        raise _refused(archive, name, "points outside the folder")
    return path


def _refused(archive: Path, name: str, why: str) -> CorpusError:
    return CorpusError(
        f"{archive.name}: '{name}' {why}; the archive was refused, nothing was written. "
        "Fetch it again from the corpus's own page."
    )
