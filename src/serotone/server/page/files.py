"""What visitors send: where it lies for the moment, and that it does not stay there."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from serotone.errors import AudioError

SAMPLES_FOLDERS = (
    Path(__file__).resolve().parents[2] / "samples",
    Path(__file__).resolve().parents[4] / "samples",
)
"""Inside an installed package, or beside its source."""

STRAY_S = 60.0


def private_folder() -> Path:
    """A new folder that only this user may enter, given to Gradio, gone when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="serotone-page-"))
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@contextlib.contextmanager
def taken(paths: Sequence[str], folder: Path) -> Iterator[list[Path]]:
    """Uploads for as long as they are heard; then they are deleted, whatever happened.

    Args:
        paths: what Gradio hands over.
        folder: where uploads lie; a path outside is refused, and stays.

    Raises:
        AudioError: when a path lies elsewhere, or somebody has heard the very same just now.
    """
    uploads = [Path(path).resolve() for path in paths]
    if not all(upload.is_relative_to(folder.resolve()) for upload in uploads):
        raise AudioError("this is no upload. Drop a recording or record one.")
    # Out of the place that follows from the content: two visitors may send the same.
    with tempfile.TemporaryDirectory(dir=folder, prefix="heard-") as place:
        yield [_move(upload, Path(place) / str(n)) for n, upload in enumerate(uploads)]
    _sweep(folder)


def _sweep(folder: Path) -> None:
    """Delete the empty files that Gradio leaves beside each file of several."""
    for stray in folder.glob("tmp*"):
        # Young ones may be uploads that have just begun.
        with contextlib.suppress(OSError):
            status = stray.stat()
            if status.st_size == 0 and time.time() - status.st_mtime > STRAY_S:
                stray.unlink()


def _move(upload: Path, place: Path) -> Path:
    place.mkdir()
    try:
        moved = upload.rename(place / upload.name)
    except FileNotFoundError:
        raise AudioError(f"{upload.name}: is gone from the server. Send it again.") from None
    with contextlib.suppress(OSError):
        upload.parent.rmdir()
    return moved


def samples() -> list[Path]:
    """The recordings that come with serotone, English first; none where they were left out."""
    folder = next((folder for folder in SAMPLES_FOLDERS if folder.is_dir()), None)
    found = sorted(folder.glob("*.wav")) if folder else []
    return sorted(found, key=lambda path: "-en-" not in path.name)


def without_place(error: Exception, path: Path) -> str:
    """The line of an error, with the name of a file and not where it lies on this machine."""
    return str(error).replace(str(path), path.name)
