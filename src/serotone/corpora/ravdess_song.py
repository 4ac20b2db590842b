"""RAVDESS, the song: 23 of the 24 actors (18 has none), two sentences, six emotions.

Livingstone and Russo 2018, https://doi.org/10.1371/journal.pone.0196391
"""

from __future__ import annotations

from dataclasses import replace

from serotone.corpora.ravdess import EMOTIONS, NOTES, RAVDESS, Ravdess
from serotone.corpora.reader import Source

_INFO = replace(
    RAVDESS.info,
    name="ravdess-song",
    title="RAVDESS song",
    labels=EMOTIONS[:6],
    n_clips=1012,
    n_speakers=23,
    sources=(
        Source(
            "https://zenodo.org/records/1188976/files/Audio_Song_Actors_01-24.zip?download=1",
            "Audio_Song_Actors_01-24.zip",
            size_bytes=225_505_317,
            checksum="md5:5411230427d67a21e18aa4d466e6d1b9",
        ),
    ),
)

RAVDESS_SONG = Ravdess(_INFO, corpus="ravdess-song", channel="02", absent_actors=(18,))

RAVDESS_SONG_TRUNCATED = replace(
    RAVDESS_SONG,
    info=replace(
        _INFO,
        name="ravdess-song-truncated",
        title="RAVDESS song, the first 2.4 s of 1,009 of the 1,012 clips",
        n_clips=1009,
        url="",
        sources=(),
        notes=f"{NOTES} A cut copy, for protocols that mix speech and song. The owners publish "
        "whole clips: serotone corpus download ravdess-song.",
    ),
)
