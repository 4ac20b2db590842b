from __future__ import annotations

import io as std_io
import os
import re
import struct
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from serotone.audio import io
from serotone.audio.decode import open_sound
from serotone.audio.safe_file import LIMITS
from serotone.errors import AudioError
from serotone.types import Audio

RATE = 16000
TONE = (0.3 * np.sin(2 * np.pi * 220 * np.arange(2 * RATE) / RATE)).astype(np.float32)


def wav_bytes(
    signal: NDArray[np.float32] = TONE,
    *,
    size: int | None = None,
    rate: int = RATE,
    channels: int = 1,
) -> bytes:
    """A 16-bit WAV whose header may claim anything."""
    data = (signal * 32767).astype("<i2").tobytes()
    block = 2 * channels
    header = struct.pack(
        "<IHHIIHH", 16, 1, channels & 0xFFFF, rate, rate * block & 0xFFFFFFFF, block & 0xFFFF, 16
    )
    claimed = len(data) if size is None else size
    riff = min(36 + claimed, 0xFFFFFFFF)
    return (
        b"RIFF"
        + struct.pack("<I", riff)
        + b"WAVEfmt "
        + header
        + b"data"
        + struct.pack("<I", claimed)
        + data
    )


def encoded(
    container: str,
    coding: str,
    *,
    channels: int = 1,
    rate: int = 48000,
    bits_per_s: int | None = None,
) -> bytes:
    """The tone through one of FFmpeg's encoders."""
    import av

    layout = "mono" if channels == 1 else "stereo"
    out = std_io.BytesIO()
    with av.open(out, "w", format=container) as target:
        track = target.add_stream(coding, rate=rate, layout=layout)
        if bits_per_s:
            track.bit_rate = bits_per_s
        samples = np.repeat(TONE[None], channels, axis=0)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), "fltp", layout)
        frame.sample_rate = RATE
        convert = av.AudioResampler(track.format, layout, rate)
        fifo = av.AudioFifo()
        for part in [*convert.resample(frame), *convert.resample(None)]:
            fifo.write(part)
        while piece := fifo.read(track.codec_context.frame_size or 1024, partial=True):
            target.mux(track.encode(piece))
        target.mux(track.encode(None))
    return out.getvalue()


def through_soundfile(container: str, coding: str) -> bytes:
    out = std_io.BytesIO()
    soundfile.write(out, TONE, RATE, coding, format=container)
    return out.getvalue()


def similarity(heard: NDArray[np.float32], lag: int = 2000) -> float:
    """The highest correlation with the tone within a coder's delay."""
    reference = TONE[4000:24000]
    return max(
        float(np.corrcoef(heard[4000 + d : 24000 + d], reference)[0, 1]) for d in range(0, lag, 7)
    )


@pytest.mark.parametrize(
    ("coding", "step"),
    [
        ("PCM_U8", 2**-7),
        ("PCM_16", 2**-15),
        ("PCM_24", 2**-23),
        ("PCM_32", 2**-24),
        ("FLOAT", 0.0),
        ("DOUBLE", 0.0),
    ],
)
def test_every_width_of_wav_reads_to_its_own_precision(
    tmp_path: Path, coding: str, step: float
) -> None:
    path = tmp_path / "tone.wav"
    soundfile.write(path, TONE, RATE, coding)
    audio = io.read(path)
    assert audio.signal.dtype == np.float32
    assert (audio.sample_rate, audio.source, audio.start_s) == (RATE, str(path), 0.0)
    np.testing.assert_allclose(audio.signal, TONE, atol=step)


@pytest.mark.parametrize(
    ("suffix", "make"),
    [
        ("flac", lambda: through_soundfile("FLAC", "PCM_16")),
        ("ogg", lambda: through_soundfile("OGG", "VORBIS")),
        ("opus", lambda: through_soundfile("OGG", "OPUS")),
        ("mp3", lambda: through_soundfile("MP3", "MPEG_LAYER_III")),
        ("aiff", lambda: through_soundfile("AIFF", "PCM_16")),
        ("m4a", lambda: encoded("ipod", "aac")),
        ("mp4", lambda: encoded("mp4", "aac", rate=44100, channels=2)),
        ("webm", lambda: encoded("webm", "libopus")),
        ("mka", lambda: encoded("matroska", "flac")),
        ("aac", lambda: encoded("adts", "aac")),
        ("mp3", lambda: encoded("mp3", "libmp3lame", rate=44100)),
        ("wma", lambda: encoded("asf", "wmav2", rate=44100, bits_per_s=64_000)),
        ("wav", lambda: encoded("wav", "g722", rate=16000)),
        ("wav", lambda: encoded("wav", "libmp3lame", rate=16000)),
        ("wav", lambda: through_soundfile("WAV", "GSM610")),
        ("wav", lambda: through_soundfile("WAVEX", "ULAW")),
    ],
)
def test_every_format_sounds_like_the_original(
    tmp_path: Path, suffix: str, make: Callable[[], bytes]
) -> None:
    path = tmp_path / f"tone.{suffix}"
    path.write_bytes(make())
    audio = io.read(path, sample_rate=RATE)
    assert audio.sample_rate == RATE
    assert audio.duration_s == pytest.approx(2.0, abs=0.1)
    assert similarity(np.pad(audio.signal, (0, 2000))) > 0.99
    assert io.info(path).duration_s == pytest.approx(2.0, abs=0.1)
    assert io.read_bytes(path.read_bytes(), source="upload").duration_s == pytest.approx(
        2.0, abs=0.1
    )


@pytest.mark.parametrize(("coding", "bits_per_s"), [("g726", 32_000), ("g723_1", 6_300)])
def test_a_wav_of_a_telephone_coding_is_read(coding: str, bits_per_s: int) -> None:
    data = encoded("wav", coding, rate=8000, bits_per_s=bits_per_s)
    with pytest.raises(soundfile.LibsndfileError):
        soundfile.SoundFile(std_io.BytesIO(data))
    audio = io.read_bytes(data, source="call")
    assert (audio.sample_rate, audio.duration_s) == (8000, pytest.approx(2.0, abs=0.05))
    assert similarity(np.repeat(np.pad(audio.signal, (0, 1000)), 2)) > 0.9


def test_pauses_of_a_call_in_amr_are_read() -> None:
    import av

    out = std_io.BytesIO()
    with av.open(out, "w", format="amr") as target:
        track = target.add_stream("libopencore_amrnb", rate=8000, layout="mono")
        track.bit_rate = 12_200
        track.options = {"dtx": "1"}
        for spoken in [True] * 100 + [False] * 100:
            samples = (TONE[:320:2] * spoken * 32767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(samples[None], "s16", "mono")
            frame.sample_rate = 8000
            target.mux(track.encode(frame))
        target.mux(track.encode(None))
    with av.open(std_io.BytesIO(out.getvalue())) as opened:
        sizes = [packet.size for packet in opened.demux() if packet.size]
    assert min(sizes) < 10 < max(sizes)
    audio = io.read_bytes(out.getvalue(), source="call.amr")
    assert audio.duration_s == pytest.approx(4.0, abs=0.05)
    assert np.abs(audio.signal[:14_000]).mean() > 20 * np.abs(audio.signal[18_000:]).mean()


def test_a_wrong_suffix_does_not_mislead(tmp_path: Path) -> None:
    for name, data in [("a.raw", wav_bytes()), ("a.txt", encoded("ipod", "aac")), ("b", TAGGED)]:
        (tmp_path / name).write_bytes(data)
        assert io.read(tmp_path / name).duration_s == pytest.approx(2.0, abs=0.1)


TAG = b"ID3\x03\x00\x00\x00\x00\x00\x0a" + bytes(10)
TAGGED = TAG + through_soundfile("MP3", "MPEG_LAYER_III")


def test_a_tag_before_flac_is_passed_over() -> None:
    data = TAG + through_soundfile("FLAC", "PCM_16")
    assert io.read_bytes(data, source="x").duration_s == 2.0


def test_info_tells_the_header(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros((8820, 2)), 44100, "PCM_24")
    assert io.info(path) == io.AudioInfo(0.2, 44100, 2, "WAV PCM_24")


def test_info_counts_where_no_header_tells(tmp_path: Path) -> None:
    path = tmp_path / "a.aac"
    path.write_bytes(encoded("adts", "aac"))
    assert io.info(path).duration_s == pytest.approx(2.0, abs=0.1)


def test_stereo_is_the_mean_or_the_chosen_channel(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    left, right = TONE, 0.5 * TONE[::-1]
    soundfile.write(path, np.stack([left, right], axis=1), RATE, "FLOAT")
    np.testing.assert_allclose(io.read(path).signal, (left + right) / 2, atol=1e-6)
    np.testing.assert_array_equal(io.read(path, channel=0).signal, left)
    np.testing.assert_array_equal(io.read(path, channel=1).signal, right)
    for channel in (2, -1):
        with pytest.raises(AudioError, match=f"got channel {channel}, expected 0 to 1"):
            io.read(path, channel=channel)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 24414, 44100, 48000, 96000])
def test_any_rate_becomes_the_wanted_one(tmp_path: Path, rate: int) -> None:
    time_s = np.arange(rate) / rate
    path = tmp_path / "a.wav"
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * 440 * time_s), rate, "FLOAT")
    audio = io.read(path, sample_rate=RATE)
    assert abs(len(audio.signal) - RATE) <= 1
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    np.testing.assert_allclose(audio.signal[2000:-2000], expected[2000:14000], atol=2e-3)


def test_floats_beyond_full_scale_are_clipped_but_integers_as_floats_refused(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, 4 * TONE, RATE, "FLOAT")
    np.testing.assert_array_equal(io.read(path).signal, np.clip(4 * TONE, -1, 1))
    soundfile.write(path, 32768 * TONE, RATE, "FLOAT")
    with pytest.raises(AudioError, match=r"reach 9\.83e\+03, expected within \[-1, 1\]"):
        io.read(path)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFF000, 0x80000000])
def test_a_wav_written_to_a_pipe_is_whole(size: int) -> None:
    audio = io.read_bytes(wav_bytes(size=size), source="pipe")
    np.testing.assert_allclose(audio.signal, TONE, atol=2**-14)


def test_a_wav_header_may_count_itself() -> None:
    assert io.read_bytes(wav_bytes(size=2 * len(TONE) + 44), source="x").duration_s == 2.0


def broken_files() -> dict[str, tuple[bytes, str]]:
    flac, mp3 = through_soundfile("FLAC", "PCM_16"), through_soundfile("MP3", "MPEG_LAYER_III")
    ogg, webm, m4a = (
        through_soundfile("OGG", "VORBIS"),
        encoded("webm", "libopus"),
        encoded("ipod", "aac"),
    )
    wav = wav_bytes()
    g722, mp3_wav = (encoded("wav", coding, rate=RATE) for coding in ("g722", "libmp3lame"))
    noise = np.random.default_rng(0).bytes(9000)
    nan = TONE.copy()
    nan[20000] = np.nan
    infinite = TONE.copy()
    infinite[5] = -np.inf
    out_nan, out_inf = std_io.BytesIO(), std_io.BytesIO()
    soundfile.write(out_nan, nan, RATE, "FLOAT", format="WAV")
    soundfile.write(out_inf, infinite, RATE, "FLOAT", format="WAV")
    return {
        "empty": (b"", r"empty \(0 bytes\)"),
        "no samples": (wav_bytes(TONE[:0]), "no samples"),
        "no samples, a comment": (wav_bytes(TONE[:0]) + b"LIST\4\0\0\0INFO", "no samples"),
        "cut wav": (wav[: len(wav) // 2], r"cut: the header promises 2\.00 s, 1\.00 s are there"),
        "cut wav header": (wav[:30], "not a recording"),
        "cut wav of G.722": (g722[: len(g722) // 2], r"cut: the header promises 2\.0"),
        "cut wav of MP3": (mp3_wav[: len(mp3_wav) // 2], r"cut: the header promises 2\."),
        "a wav of no coding": (wav[:20] + b"\x34\x12" + wav[22:], "not a recording"),
        "cut flac": (flac[: len(flac) // 2], "damaged or cut"),
        "cut ogg": (ogg[: len(ogg) // 2], "not a recording|no samples"),
        "cut mp3": (mp3[: len(mp3) // 2], "cut: the header promises 2.00 s"),
        "cut m4a": (m4a[: len(m4a) // 2], "not a recording|cut"),
        "cut webm": (webm[: len(webm) // 2], "cut: the header promises 2.0"),
        "mp3 with a hole": (mp3[:1000] + noise[:4000] + mp3[5000:], "cut"),
        "mp3 of zeros": (mp3[:1000] + bytes(5000), "cut"),
        "mp3 headers alone": (b"\xff\xfb\x90\x00" * 500, "not a recording"),
        "a tag alone": (TAG + bytes(2000), "not a recording"),
        "text": (b"It was a bright cold day in April.\n" * 50, "not a recording"),
        "picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + noise, "not a recording"),
        "noise": (noise, "not a recording"),
        "one byte": (b"\xff", "not a recording"),
        "playlist": (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "not a recording"),
        "not a number": (out_nan.getvalue(), "no numbers"),
        "infinite": (out_inf.getvalue(), "no numbers"),
        "silent": (wav_bytes(0 * TONE), "only silence"),
        "silent but for an offset": (wav_bytes(0 * TONE + 0.01), "only silence"),
        "1 GHz": (wav_bytes(rate=10**9), "claims 1000000000 Hz"),
        "1 Hz": (wav_bytes(rate=1), "claims 1 Hz"),
        "60000 channels": (wav_bytes(channels=60000), "not a recording"),
        "1000 channels": (wav_bytes(channels=1000), "claims 1000 channels"),
        "no channel": (wav_bytes(channels=0), "not a recording"),
        "no rate": (wav_bytes(rate=0), "not a recording"),
        "a billion samples": (wav_bytes(size=2 * 10**9), "cut: the header promises 62500.00 s"),
    }


BROKEN = broken_files()


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_one_clear_line(
    tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    data, reason = BROKEN[name]
    path = tmp_path / "broken.wav"
    path.write_bytes(data)
    for attempt in (
        lambda: io.read(path, sample_rate=RATE),
        lambda: io.read_bytes(data, source=str(path)),
    ):
        with pytest.raises(AudioError) as caught:
            attempt()
        message = str(caught.value)
        assert message.startswith(f"{path}: ")
        assert "\n" not in message
        assert re.search(reason, message), message
    assert capfd.readouterr() == ("", "")


def test_a_header_that_lies_costs_no_memory() -> None:
    for data in (wav_bytes(size=0x7FFFFFF0), wav_bytes(channels=64), wav_bytes(size=2 * 10**9)):
        tracemalloc.start()
        try:
            io.read_bytes(data, source="x", allow_silence=True)
        except AudioError:
            pass
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert peak < 40e6


def mutations() -> list[tuple[str, bytes]]:
    """Recordings with a few bytes changed, most of them in the header, some cut as well."""
    seeds = {
        "wav": wav_bytes(),
        "aiff": through_soundfile("AIFF", "PCM_16"),
        "flac": through_soundfile("FLAC", "PCM_16"),
        "ogg": through_soundfile("OGG", "VORBIS"),
        "opus": through_soundfile("OGG", "OPUS"),
        "mp3": through_soundfile("MP3", "MPEG_LAYER_III"),
        "m4a": encoded("ipod", "aac"),
        "aac": encoded("adts", "aac"),
        "webm": encoded("webm", "libopus"),
    }
    random = np.random.default_rng(7)
    made = []
    for name, data in seeds.items():
        for _ in range(25):
            changed = bytearray(data)
            reach = len(changed) if random.random() < 0.4 else 200
            for at in random.integers(0, reach, random.integers(1, 12)):
                changed[at] = random.integers(256)
            kept = random.integers(1, len(changed)) if random.random() < 0.3 else len(changed)
            made.append((name, bytes(changed[:kept])))
    return made


def test_a_frame_of_many_channels_reads_its_own_memory_alone() -> None:
    import av

    out = std_io.BytesIO()
    with av.open(out, "w", format="matroska") as target:
        track = target.add_stream("pcm_f32le", rate=RATE, layout="16 channels")
        for _ in range(20):
            samples = np.tile(np.arange(1, 17, dtype=np.float32) / 32, 1024)[None]
            frame = av.AudioFrame.from_ndarray(samples, "flt", "16 channels")
            frame.sample_rate = RATE
            target.mux(track.encode(frame))
        target.mux(track.encode(None))
    for channel in (0, 15):
        audio = io.read_bytes(out.getvalue(), source="x", channel=channel, allow_silence=True)
        assert audio.signal == pytest.approx((channel + 1) / 32)


def test_any_damage_is_one_line_and_silent(capfd: pytest.CaptureFixture[str]) -> None:
    outcomes = set()
    for name, data in mutations():
        try:
            audio = io.read_bytes(data, source=name, sample_rate=RATE)
        except AudioError as error:
            assert "\n" not in str(error)
            outcomes.add("refused")
        else:
            assert np.isfinite(audio.signal).all()
            assert np.abs(audio.signal).max() <= 1
            outcomes.add("read")
    assert outcomes == {"refused", "read"}
    assert capfd.readouterr() == ("", "")


class FailingDisk(std_io.BytesIO):
    """Reads well up to a place, then fails as a bad disk does."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() > 20_000:
            raise OSError(5, "Input/output error")
        return super().read(size)


@pytest.mark.parametrize("data", [wav_bytes(), encoded("matroska", "flac")])
def test_a_disk_that_fails_is_told(data: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with (
        pytest.raises(AudioError, match=r"damaged \(Input/output error\)"),
        open_sound(FailingDisk(data), "x") as sound,
    ):
        list(sound.blocks())
    assert capfd.readouterr() == ("", "")


def test_flac_of_unknown_length_is_counted(tmp_path: Path) -> None:
    data = bytearray(through_soundfile("FLAC", "PCM_16"))
    # The lower 36 of these bits are the number of samples; zero stands for unknown.
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    path = tmp_path / "a.flac"
    path.write_bytes(data)
    assert io.read(path).duration_s == 2.0
    assert io.info(path).duration_s == 2.0


def test_endless_empty_chunks_cost_no_time() -> None:
    began_s = time.process_time()
    with pytest.raises(AudioError, match="not a recording"):
        io.read_bytes(b"RIFF\0\0\0\0WAVE" + bytes(30_000_000), source="x")
    assert time.process_time() - began_s < 2


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="no such file"):
        io.read(tmp_path / "none.wav")
    with pytest.raises(AudioError, match="is a folder"):
        io.read(tmp_path)
    with pytest.raises(AudioError, match="cannot be opened"):
        io.read("a\0b.wav")
    with pytest.raises(AudioError, match="cannot be opened: File name too long"):
        io.info("x" * 5000)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(AudioError, match="a device or a pipe"):
        io.read(tmp_path / "pipe")


def test_a_file_that_may_not_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes())

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    # Root may read everything, so the refusal is played.
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(AudioError, match="may not be read"):
        io.read(path)


def test_silence_is_accepted_when_asked_for() -> None:
    audio = io.read_bytes(wav_bytes(0 * TONE), source="x", allow_silence=True)
    assert not audio.signal.any()


def test_a_recording_too_long_for_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serotone.audio.io.LIMITS", type(LIMITS)(max_read_s=1.0))
    with pytest.raises(AudioError, match=r"longer than .* hours"):
        io.read_bytes(wav_bytes(), source="x")


@pytest.mark.parametrize("block_s", [0.01, 0.3, 0.7, 1.0, 5.0])
@pytest.mark.parametrize("rate", [None, 8000])
def test_a_stream_joined_is_what_is_read(tmp_path: Path, block_s: float, rate: int | None) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.stack([TONE, -0.2 * TONE], axis=1), RATE)
    whole = io.read(path, sample_rate=rate)
    blocks = list(io.stream(path, block_s=block_s, sample_rate=rate))
    np.testing.assert_array_equal(np.concatenate([b.signal for b in blocks]), whole.signal)
    n_block = round(block_s * whole.sample_rate)
    assert all(len(b.signal) == n_block for b in blocks[:-1])
    for i, block in enumerate(blocks):
        assert block.start_s == pytest.approx(i * n_block / whole.sample_rate)


@pytest.mark.parametrize("block_s", [0.3, 30.0])
def test_a_cut_file_streams_what_is_there_before_it_fails(tmp_path: Path, block_s: float) -> None:
    path = tmp_path / "a.wav"
    data = wav_bytes()
    path.write_bytes(data[: len(data) // 2])
    blocks = []
    with pytest.raises(AudioError, match="cut"):
        for block in io.stream(path, block_s=block_s):
            blocks.append(block)
    assert sum(b.duration_s for b in blocks) == pytest.approx(1.0, abs=0.01)


def test_a_stream_takes_constant_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", 48000, 1, "PCM_16") as file:
        for _ in range(600):
            file.write(np.resize(TONE, 48000))
    tracemalloc.start()
    n_samples = sum(len(b.signal) for b in io.stream(path, block_s=1.0, sample_rate=RATE))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert abs(n_samples - 600 * RATE) <= 1
    assert peak < 5e6


def test_blocks_need_a_length(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="expected more than 0"):
        next(io.stream(tmp_path, block_s=0))


@pytest.mark.parametrize(
    ("suffix", "tolerance"), [(".wav", 2**-15), (".flac", 2**-15), (".ogg", 0.1), (".mp3", 0.1)]
)
def test_what_is_written_reads_back(
    tmp_path: Path, tone: Audio, suffix: str, tolerance: float
) -> None:
    path = tmp_path / f"tone{suffix}"
    io.write(path, tone)
    back = io.read(path)
    assert back.sample_rate == tone.sample_rate
    np.testing.assert_allclose(back.signal, tone.signal, atol=tolerance)


def test_writing_says_what_it_cannot(tmp_path: Path, tone: Audio) -> None:
    with pytest.raises(AudioError, match=r"cannot write '\.xyz', expected one of \.wav"):
        io.write(tmp_path / "a.xyz", tone)
    with pytest.raises(AudioError, match="cannot be written: No such file"):
        io.write(tmp_path / "none" / "a.wav", tone)
    with pytest.raises(AudioError, match="OGG does not take 12345 Hz"):
        io.write(tmp_path / "a.opus", Audio(tone.signal, 12345))


def test_files_folders_and_globs_are_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ["b.wav", "a.FLAC", "notes.txt", ".hidden.wav", "sub/c.mp3", ".git/d.wav", "e.xyz"]:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)

    def names(*paths: str) -> list[str]:
        return [p.as_posix() for p in io.find_files(paths)]

    assert names(".") == ["a.FLAC", "b.wav", "sub/c.mp3"]
    assert names("e.xyz", "b.wav", ".") == ["e.xyz", "b.wav", "a.FLAC", "sub/c.mp3"]
    assert names("*") == ["a.FLAC", "b.wav"]
    assert names("**/*.mp3", "none.wav") == ["sub/c.mp3", "none.wav"]
    assert names("none*.wav") == ["none*.wav"]
    assert io.find_files([tmp_path]) == [tmp_path / n for n in ["a.FLAC", "b.wav", "sub/c.mp3"]]


def test_a_name_with_brackets_is_a_file_first(tmp_path: Path) -> None:
    path = tmp_path / "take[1].wav"
    path.touch()
    assert io.find_files([path]) == [path]


def test_reading_wav_imports_little(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes())
    code = (
        "import sys; from serotone.audio import io; io.read(sys.argv[1]); "
        "heavy = {'av', 'soxr', 'torch', 'librosa', 'scipy', 'pandas', 'pydantic'}; "
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.corpora
def test_real_speech_in_flac_and_opus_reads(corpora_root: Path) -> None:
    flac = sorted((corpora_root / "ravdess").rglob("*.flac"))[:5]
    opus = sorted((corpora_root / "tess").rglob("*.opus"))[:5]
    assert len(flac) == len(opus) == 5
    for path in [*flac, *opus]:
        audio = io.read(path, sample_rate=RATE)
        assert 0.5 < audio.duration_s < 10
        assert audio.duration_s == pytest.approx(io.info(path).duration_s, abs=0.01)
        expected, rate = soundfile.read(path, dtype="float32", always_2d=True)
        assert rate == RATE
        np.testing.assert_allclose(audio.signal, expected.mean(axis=1), atol=1e-6)
