from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from serotone.audio import live
from serotone.audio.io import read, write
from serotone.audio.live import Device, Microphone, choose, devices, play
from serotone.errors import AudioError, MissingExtraError
from serotone.types import Audio


class PortAudioError(Exception):
    pass


class FakeStream:
    """Sends so many blocks from a thread of its own, as PortAudio does."""

    n_blocks = 5
    refuse = ""
    latency = 0.02

    def __init__(self, *, callback: Callable[..., None], blocksize: int, **options: Any) -> None:
        if self.refuse:
            raise PortAudioError(self.refuse)
        self.options, self._callback, self._size = options, callback, blocksize
        self.closed = False

    def start(self) -> None:
        thread = threading.Thread(target=self._send)
        thread.start()
        thread.join()

    def _send(self) -> None:
        for index in range(self.n_blocks):
            block = np.full((self._size, 1), index / 1000, np.float32)
            self._callback(block, self._size, None, None)

    def stop(self) -> None:
        """As PortAudio's."""

    def close(self) -> None:
        FakeStream.last_closed = True


def entry(name: str, n_channels: int, rate: float = 48_000.0) -> dict[str, Any]:
    return {"name": name, "max_input_channels": n_channels, "default_samplerate": rate}


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A sounddevice with a speaker and two microphones."""
    module = SimpleNamespace(
        entries=[entry("Speakers", 0), entry("Built-in Mic", 2), entry("USB Mic", 1, 16_000.0)],
        default=SimpleNamespace(device=(2, 0)),
        PortAudioError=PortAudioError,
        InputStream=FakeStream,
    )
    module.query_devices = lambda: module.entries
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    monkeypatch.setattr(FakeStream, "n_blocks", 5)
    monkeypatch.setattr(FakeStream, "refuse", "")
    return module


def test_devices_are_the_inputs(fake: SimpleNamespace) -> None:
    assert devices() == [
        Device(1, "Built-in Mic", 2, 48_000, False),
        Device(2, "USB Mic", 1, 16_000, True),
    ]


@pytest.mark.parametrize(("said", "index"), [(None, 2), ("1", 1), ("usb", 2), ("Built-in Mic", 1)])
def test_a_device_is_chosen_by_number_or_name(
    fake: SimpleNamespace, said: str | None, index: int
) -> None:
    assert choose(said).index == index


def test_without_a_default_the_first_is_taken(fake: SimpleNamespace) -> None:
    fake.default.device = (-1, -1)
    assert choose(None).index == 1


@pytest.mark.parametrize(
    ("said", "message"), [("mic", "several inputs fit"), ("radio", "no input fits"), ("0", "no ")]
)
def test_a_wrong_choice_names_the_right_ones(
    fake: SimpleNamespace, said: str, message: str
) -> None:
    with pytest.raises(AudioError, match=message) as caught:
        choose(said)
    assert "USB Mic" in str(caught.value)


def test_no_input_is_one_clear_line(fake: SimpleNamespace) -> None:
    fake.entries = [entry("Speakers", 0)]
    with pytest.raises(AudioError, match=r"no microphone.*--source"):
        choose(None)


def test_no_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(MissingExtraError, match=r"serotone\[mic\]"):
        devices()


def test_no_portaudio_names_the_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # As sounddevice does when it does not find the library.
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(AudioError, match="libportaudio2"):
        devices()


def test_a_failing_sound_system_is_one_clear_line(fake: SimpleNamespace) -> None:
    def query() -> list[Any]:
        raise PortAudioError("no host")

    fake.query_devices = query
    with pytest.raises(AudioError, match="cannot be listed: no host"):
        devices()


def test_a_microphone_gives_its_blocks_in_order(fake: SimpleNamespace) -> None:
    with Microphone(choose("usb"), block_s=0.1) as microphone:
        assert microphone.sample_rate == 16_000 and microphone.latency_s == 0.02
        chunks = list(itertools.islice(microphone, 5))
    assert [round(float(c.signal[0]) * 1000) for c in chunks] == [0, 1, 2, 3, 4]
    assert all(c.signal.shape == (1600,) and c.signal.dtype == np.float32 for c in chunks)
    # What waits behind each, in blocks.
    assert [round(c.late_s / 0.1) for c in chunks] == [4, 3, 2, 1, 0]
    assert FakeStream.last_closed


def test_what_does_not_fit_is_counted(
    fake: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MAX_WAITING_S", 0.3)
    with Microphone(choose("usb"), block_s=0.1) as microphone:
        chunks = iter(microphone)
        assert [next(chunks).n_lost for _ in range(3)] == [0, 0, 0]
        microphone._take(np.ones((1600, 1), np.float32), 1600, None, None)
        assert next(chunks).n_lost == 2 * 1600


def test_a_microphone_that_falls_silent_is_an_error(
    fake: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "STALLED_S", 0.05)
    monkeypatch.setattr(FakeStream, "n_blocks", 0)
    with (
        Microphone(choose(None)) as microphone,
        pytest.raises(AudioError, match=r"sent nothing for 0\.05 s"),
    ):
        next(iter(microphone))


def test_a_busy_microphone_is_an_error(
    fake: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeStream, "refuse", "Device unavailable")
    with pytest.raises(AudioError, match="'USB Mic' cannot be opened: Device unavailable"):
        Microphone(choose(None))


class Clock:
    """Time that goes on only where somebody waits."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def now(self) -> float:
        return self.now_s

    def sleep(self, time_s: float) -> None:
        self.now_s += time_s


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.wav"
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 16_000).astype(np.float32)
    write(path, Audio(noise, 16_000))
    return path


def test_a_played_file_is_whole_and_in_time(clip: Path) -> None:
    clock, at_s = Clock(), []
    chunks = []
    for chunk in play(clip, sample_rate=16_000, block_s=0.25, now=clock.now, sleep=clock.sleep):
        at_s.append(clock.now() - 100)
        chunks.append(chunk)
    assert at_s == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert [c.late_s for c in chunks] == [0, 0, 0, 0]
    joined = np.concatenate([c.signal for c in chunks])
    assert (joined == read(clip).signal).all()


def test_who_takes_too_long_is_told_so(clip: Path) -> None:
    clock = Clock()
    late: list[float] = []
    for chunk in play(clip, sample_rate=16_000, block_s=0.25, now=clock.now, sleep=clock.sleep):
        late.append(round(chunk.late_s, 3))
        clock.sleep(0.6)
    assert late == [0.0, 0.35, 0.7, 1.05]


def test_unpaced_it_waits_for_nobody_and_is_never_late(clip: Path) -> None:
    def never(_time_s: float) -> None:
        raise AssertionError

    chunks: Iterator[Any] = play(clip, sample_rate=8000, paced=False, sleep=never)
    assert sum(len(c.signal) + c.late_s for c in chunks) == 8000


def test_no_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="no such file"):
        next(play(tmp_path / "none.wav", sample_rate=16_000))
