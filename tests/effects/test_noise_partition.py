"""The sides of noise and rooms: no kind on both, and the same wherever the files lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from serotone.effects.noise_partition import is_held_out, noise_split, room_split

KINDS = ("rain", "sea-waves", "dog-bark", "helicopter", "fire-crackling")
FILES = [Path(f"noise/{kind}/{number}.opus") for kind in KINDS for number in range(3)]


def test_no_kind_of_noise_is_on_both_sides() -> None:
    split = noise_split(FILES)
    kinds = [{path.parent.name for path in side} for side in split]
    assert kinds == [{"rain", "sea-waves", "dog-bark"}, {"helicopter", "fire-crackling"}]
    assert sorted((*split.train, *split.test)) == sorted(FILES)


def test_the_side_depends_neither_on_order_nor_on_place_nor_on_the_other_files() -> None:
    split = noise_split(FILES)
    assert noise_split(reversed(FILES)) == split
    assert noise_split(FILES[:4]).train == tuple(sorted(FILES[:4]))
    moved = noise_split(Path("/elsewhere") / path for path in FILES)
    assert [path.name for path in moved.test] == [path.name for path in split.test]


def test_rooms_go_by_the_name_of_the_file() -> None:
    split = room_split(Path(f"rooms/{room}.flac") for room in ("hall", "small_room", "medium_room"))
    assert [path.stem for path in split.train] == ["medium_room"]
    assert [path.stem for path in split.test] == ["hall", "small_room"]


def test_unknown_kinds_fall_on_both_sides_by_name() -> None:
    sides = [is_held_out(f"kind {number}") for number in range(400)]
    assert sum(sides) / len(sides) == pytest.approx(0.4, abs=0.08)
    assert is_held_out("Kind 7") == is_held_out("kind 7")
