"""Files by path or by URI: ``s3://``, ``gs://``, ``https://``, ``file://`` and more, by fsspec."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

from serotone.audio.find import SUFFIXES
from serotone.audio.io import read, read_bytes
from serotone.cluster.entry import Entry
from serotone.errors import AudioError, ConfigError, did_you_mean
from serotone.types import Audio


def is_uri(word: str) -> bool:
    """Whether a word of the command line names an object store rather than a path.

    Example:
        >>> is_uri("s3://calls/2026/a.flac"), is_uri("calls/a.flac")
        (True, False)
    """
    return "://" in word


def file_system(place: str) -> tuple[Any, str]:
    """The file system of a path or URI, as fsspec has it, and the name of the place in it.

    Raises:
        ConfigError: when fsspec knows no such protocol, or the package for it is not installed.
    """
    import fsspec
    from fsspec.registry import known_implementations

    protocol = place.partition("://")[0] if is_uri(place) else "file"
    try:
        system, name = fsspec.core.url_to_fs(place)
    except ImportError as error:
        module = known_implementations.get(protocol, {}).get("class", "").partition(".")[0]
        package = error.name if module in ("", "fsspec") and error.name else module
        raise ConfigError(
            f"{protocol}:// needs the package '{package}', which is not installed. "
            f"Install it on every machine with: pip install {package}"
        ) from None
    except ValueError:
        hint = did_you_mean(protocol, known_implementations)
        raise ConfigError(f"{place}: no object store '{protocol}://'. {hint}") from None
    return system, str(name)


def find_objects(uri: str) -> list[str]:
    """Recordings that a URI means: a glob, a folder, or the object itself, sorted.

    Raises:
        ConfigError: when the store cannot be used.
    """
    system, name = file_system(uri)
    try:
        if any(letter in name for letter in "*?["):
            names = system.glob(name)
        elif system.isdir(name):
            names = system.find(name)
        else:
            return [uri]
    except OSError as error:
        raise ConfigError(f"{uri}: cannot be listed: {error}.") from None
    recordings = (n for n in sorted(names) if PurePosixPath(n).suffix.lower() in SUFFIXES)
    return [system.unstrip_protocol(n) for n in recordings]


def check_protocols(places: Iterable[str]) -> None:
    """Find out before a long run whether all object stores can be used.

    Raises:
        ConfigError: when one cannot.
    """
    for uri in {p.partition("://")[0]: p for p in places if is_uri(p)}.values():
        file_system(uri)


def fetch(uri: str) -> bytes:
    """All bytes of an object.

    Raises:
        AudioError: when it is not there or cannot be read.
    """
    system, name = file_system(uri)
    try:
        data: bytes = system.cat_file(name)
    except FileNotFoundError:
        raise AudioError(f"{uri}: no such file, expected a recording. Check the path.") from None
    except Exception as error:  # noqa: BLE001 - the stores' errors share no base but Exception
        reason = " ".join(str(error).split()) or type(error).__name__
        raise AudioError(f"{uri}: cannot be fetched: {reason}. Check it and its rights.") from None
    return data


class Reader:
    """Reads entries of a manifest; a file of many segments is decoded once if they follow on.

    Args:
        sample_rate: in Hz, that sound is resampled to.
    """

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._last: Audio | None = None

    def read(self, entry: Entry) -> Audio:
        """The sound of an entry, which knows where in its file it begins.

        Raises:
            AudioError: when it cannot be read, or ends before the entry begins.
        """
        if entry.is_whole:
            return self._whole(entry.path)
        if self._last is None or self._last.source != entry.path:
            self._last = self._whole(entry.path)
        audio, rate = self._last, self._sample_rate
        end = None if entry.end_s is None else round(entry.end_s * rate)
        signal = audio.signal[round(entry.start_s * rate) : end]
        if not signal.size:
            raise AudioError(
                f"{entry.path}: {audio.duration_s:.2f} s long, expected sound at "
                f"{entry.start_s:g} s. Correct the manifest."
            )
        return dataclasses.replace(audio, signal=signal, start_s=entry.start_s)

    def _whole(self, path: str) -> Audio:
        if is_uri(path):
            return read_bytes(fetch(path), source=path, sample_rate=self._sample_rate)
        return read(path, sample_rate=self._sample_rate)
