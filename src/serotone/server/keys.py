"""Keys that may ask: made at random, kept as hashes, compared in constant time.

The file has one key a line: a name, a space, and the SHA-256 of the key in hexadecimal. A key has
256 random bits, so a plain hash cannot be searched; a password would need a slow one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from serotone.errors import ConfigError

PREFIX = "st_"
"""By which a key is known when it turns up where it should not."""


@dataclass(frozen=True)
class Keys:
    """Hashes by name of their owner."""

    hashes: Mapping[str, str]

    @classmethod
    def read(cls, path: Path) -> Keys:
        """Read a key file.

        Raises:
            ConfigError: when it cannot be read, or a line is not a name and a hash.
        """
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not text"
            raise ConfigError(
                f"--key-file {path}: {reason}. Make one with --new-key NAME."
            ) from None
        hashes: dict[str, str] = {}
        for number, line in enumerate(lines, start=1):
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            if len(words) != 2 or len(words[1]) != 64 or not _is_hex(words[1]):
                raise ConfigError(
                    f"--key-file {path}: line {number} is not 'NAME SHA256'. "
                    "Make keys with --new-key NAME."
                )
            hashes[words[0]] = words[1].lower()
        if not hashes:
            raise ConfigError(f"--key-file {path}: holds no keys. Make one with --new-key NAME.")
        return cls(hashes)

    def owner(self, key: str) -> str | None:
        """Whose key this is, None for nobody's; a wrong key takes as long as a right one."""
        got = digest(key)
        found = None
        for name, known in self.hashes.items():
            if hmac.compare_digest(got, known):
                found = name
        return found


def digest(key: str) -> str:
    """The hash that a key file keeps of a key."""
    return hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()


def add_key(path: Path, name: str) -> str:
    """Make a key, keep its hash under ``name``, and return it; it cannot be had again.

    Raises:
        ConfigError: when the name is taken or has spaces, or the file cannot be written.
    """
    if not name or name.split() != [name] or name.startswith("#"):
        raise ConfigError(f"--new-key got '{name}', expected a name without spaces.")
    if path.exists() and path.stat().st_size and name in Keys.read(path).hashes:
        raise ConfigError(f"--new-key {name}: {path} has a key of that name. Choose another.")
    key = PREFIX + secrets.token_urlsafe(32)
    try:
        path.touch(mode=0o600)
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{name} {digest(key)}\n")
    except OSError as error:
        raise ConfigError(f"--key-file {path}: cannot be written: {error.strerror}.") from None
    return key


def sent_key(headers: Mapping[bytes, bytes]) -> str:
    """The key in a request's headers: ``X-API-Key``, a bearer token, or a Basic password."""
    if b"x-api-key" in headers:
        return headers[b"x-api-key"].decode("latin-1")
    scheme, _, rest = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(rest.strip(), validate=True).decode("latin-1").partition(":")[2]
        except (binascii.Error, ValueError):
            return ""
    return ""


def _is_hex(text: str) -> bool:
    return all(c in "0123456789abcdefABCDEF" for c in text)
