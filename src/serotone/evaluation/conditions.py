"""What robustness is measured under: a name, and what it does to a clip.

A clip is altered in the same way whenever it is asked for: all that is drawn comes from its id.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from serotone.audio.find import find_files
from serotone.audio.io import read
from serotone.effects.degrade import add_noise, clipped, gain, in_room, lossy, loudest, telephone
from serotone.effects.noise_partition import is_held_out, noise_split
from serotone.errors import ConfigError
from serotone.evaluation.predict_utterances import Alter
from serotone.types import Audio

SNRS_DB = (20, 10, 5, 0)
KBIT_S = 16
GAIN_DB = 12.0
SHORT_S = 1.0


@dataclass(frozen=True, slots=True)
class Condition:
    """One way in which sound goes bad.

    Attributes:
        name: short, of results.
        title: for people.
        alter: what it does.
    """

    name: str
    title: str
    alter: Alter


def conditions(
    *, noise: Path | None = None, rooms: Path | None = None, seed: int = 0
) -> list[Condition]:
    """All conditions that can be made; those of noise and rooms need recordings.

    Args:
        noise: folder with a folder for each kind of noise; only kinds held out of training are
            taken (``serotone.effects.noise_partition``).
        rooms: folder of impulse responses, one room a file; all are taken, and named.
        seed: of what is drawn for a clip.

    Raises:
        ConfigError: when a folder has nothing fitting in it.
    """
    return [
        *(_noisy(noise, seed) if noise else ()),
        *(_reverberant(rooms) if rooms else ()),
        Condition("telephone", "telephone, 300–3,400 Hz, µ-law", lambda a, _: telephone(a)),
        Condition("mp3", f"MP3, {KBIT_S} kbit/s", lambda a, _: lossy(a, "mp3", kbit_s=KBIT_S)),
        Condition("opus", f"Opus, {KBIT_S} kbit/s", lambda a, _: lossy(a, "opus", kbit_s=KBIT_S)),
        Condition("louder", f"{GAIN_DB:+g} dB", lambda a, _: gain(a, GAIN_DB)),
        Condition("quieter", f"−{GAIN_DB:g} dB", lambda a, _: gain(a, -GAIN_DB)),
        Condition("clipped", f"clipped, {GAIN_DB:g} dB over", lambda a, _: clipped(a, GAIN_DB)),
        Condition("short", f"loudest {SHORT_S:g} s", lambda a, _: loudest(a, SHORT_S)),
    ]


def noise_kinds(folder: Path) -> list[str]:
    """The kinds of noise that a folder's conditions are made of."""
    return sorted({path.parent.name for path in noise_split(find_files([folder])).test})


def _noisy(folder: Path, seed: int) -> list[Condition]:
    files = noise_split(find_files([folder])).test if folder.is_dir() else ()
    if not files:
        raise ConfigError(
            f"--noise '{folder}': no recordings of a kind that is held out of training. "
            "Give a folder with a folder for each kind, as ESC-10 has."
        )
    return [
        Condition(
            f"noise-{snr_db}db", f"noise, {snr_db} dB", functools.partial(in_noise, files, seed,
                                                                          snr_db)
        )
        for snr_db in SNRS_DB
    ]  # fmt: skip


def in_noise(files: Sequence[Path], seed: int, snr_db: int, audio: Audio, clip: str) -> Audio:
    """A clip with a part of one of these recordings of noise; its id and the seed decide which."""
    # The same noise at every ratio, so that a curve shows the ratio alone.
    digest = hashlib.sha256(f"{seed}\n{clip}".encode()).digest()
    file = files[int.from_bytes(digest[:4]) % len(files)]
    offset = int.from_bytes(digest[4:8]) / 2**32
    return add_noise(audio, _recording(file), snr_db=snr_db, offset=offset)


def _reverberant(folder: Path) -> list[Condition]:
    files = find_files([folder]) if folder.is_dir() else []
    if not files:
        raise ConfigError(f"--rooms '{folder}': no impulse responses, expected one file a room.")
    return [_room(file) for file in files]


def _room(file: Path) -> Condition:
    name = file.stem.replace("_", " ")
    title = name if is_held_out(file.stem) else f"{name} (open to training)"
    return Condition(f"room-{file.stem}", title, lambda audio, _: in_room(audio, _recording(file)))


@functools.lru_cache(maxsize=256)
def _recording(file: Path) -> Audio:
    return read(file)
