"""Endings of the files that hold sound, in lower case.

A file's first bytes tell what it is; its ending only tells whether a folder's search takes it.
"""

from __future__ import annotations

# fmt: off
AUDIO: frozenset[str] = frozenset({
    ".wav", ".wave", ".w64", ".rf64", ".aif", ".aiff", ".aifc", ".au", ".snd", ".caf",
    ".flac", ".ogg", ".oga", ".opus", ".mp3",
    ".m4a", ".aac", ".webm", ".mka", ".amr", ".wma",
})
# fmt: on
"""Sound alone, or mostly."""

FILM: frozenset[str] = frozenset({".mp4", ".mov", ".3gp"})
"""Sound and, mostly, pictures."""
