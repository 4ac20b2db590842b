"""A corpus is counted, measured and shown as it is, its faults included."""

from __future__ import annotations

import base64
import io
import math
import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from serotone.cli.corpus import app
from serotone.corpora import CORPORA, Reading, read
from serotone.errors import AudioError, ConfigError
from serotone.explore import augment
from serotone.explore.clips import excerpt, mp3, one_of_each
from serotone.explore.corpus_page import explore, explore_page, write_page
from serotone.explore.findings import Explored, findings
from serotone.explore.measure import Clip, measure, measure_all
from serotone.explore.pitch import pitch
from serotone.types import Audio, Utterance
from tests.html.test_page import Balance

RATE = 16_000


def voice(hz: float = 150.0, *, length_s: float = 0.5, peak: float = 0.2) -> np.ndarray:
    times_s = np.arange(round(length_s * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * hz * k * times_s) / k for k in range(1, 6))
    return (peak * tone / np.abs(tone).max()).astype(np.float32)


def utterance(path: Path, **fields: object) -> Utterance:
    row: dict[str, object] = {"id": f"toy/{path.stem}", "path": path, "corpus": "toy"}
    return Utterance(**{**row, "speaker": "toy-1", "label": "happy", **fields})


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder per class of a person's own, with what goes wrong in such folders."""
    root = tmp_path_factory.mktemp("corpus") / "recordings"
    for label, n, hz in (("joy", 2, 220.0), ("my <b>class", 4, 110.0)):
        (root / label).mkdir(parents=True)
        for index in range(n):
            file = root / label / f"anna_{index}.wav"
            soundfile.write(file, voice(hz, length_s=0.3 + 0.1 * index), RATE)
    (root / "joy" / "broken_1.wav").write_bytes(b"no sound at all")
    soundfile.write(root / "joy" / "mute_1.wav", np.zeros(800), RATE)
    soundfile.write(root / "loose.wav", voice(), RATE)
    return root


@pytest.fixture(scope="module")
def look() -> Callable[..., Explored]:
    def explored(root: Path, **options: str) -> Explored:
        return explore(CORPORA.get("folder").info, root, read("folder", root, **options))

    return explored


@pytest.fixture(scope="module")
def document(recordings: Path, look: Callable[..., Explored]) -> str:
    return explore_page([look(recordings)])


def test_length_level_and_silence_are_measured(tmp_path):
    file = tmp_path / "half.wav"
    square = 0.5 * np.sign(np.sin(2 * np.pi * 100 * (np.arange(RATE) + 0.5) / RATE))
    soundfile.write(file, np.concatenate([square, np.zeros(3 * RATE)]), RATE, subtype="FLOAT")
    clip = measure(utterance(file))
    assert clip.duration_s == 4.0
    assert clip.peak_db == pytest.approx(20 * math.log10(0.5), abs=1e-3)
    assert clip.rms_db == pytest.approx(20 * math.log10(0.5) - 20 * math.log10(2), abs=1e-3)
    assert clip.silence == pytest.approx(0.75, abs=0.01)
    assert clip.format == "WAV FLOAT, 16,000 Hz, mono"
    assert not clip.touches_full_scale


def test_a_clip_longer_than_a_block_measures_the_same_as_in_one_piece(tmp_path):
    file = tmp_path / "long.wav"
    signal = np.random.default_rng(0).normal(0, 0.1, 25 * RATE).clip(-1, 1)
    signal[: 5 * RATE] = 0
    soundfile.write(file, signal, RATE, subtype="FLOAT")
    clip = measure(utterance(file))
    assert clip.duration_s == 25.0
    assert clip.rms_db == pytest.approx(10 * math.log10(np.mean(signal**2)), abs=1e-4)
    assert clip.silence == pytest.approx(0.2, abs=0.01)


def test_a_part_of_a_file_is_measured_and_heard_alone(tmp_path):
    file = tmp_path / "dialogue.wav"
    signal = np.concatenate([voice(peak=0.9), voice(peak=0.01, length_s=14), voice(peak=0.9)])
    soundfile.write(file, signal, RATE)
    clip = measure(utterance(file, start_s=2.0, end_s=12.5))
    assert clip.duration_s == pytest.approx(10.5)
    assert clip.peak_db == pytest.approx(-40, abs=0.2)
    assert excerpt(clip).duration_s == pytest.approx(8.0)
    assert np.abs(excerpt(clip).signal).max() < 0.02
    with pytest.raises(AudioError, match=r"nothing from 99.0 s"):
        measure(utterance(file, start_s=99.0))


def test_what_cannot_be_read_is_a_failure_and_the_rest_go_on(recordings):
    told = []
    reading = read("folder", recordings)
    clips, failures = measure_all(reading.utterances, progress=lambda *n: told.append(n))
    assert len(clips) == 6
    assert sorted(Path(f.source).name for f in failures) == ["broken_1.wav", "mute_1.wav"]
    assert "only silence" in next(f.error for f in failures if "mute" in f.source)
    assert told[-1] == (8, 8)


@pytest.mark.parametrize("hz", [80.0, 123.4, 220.0, 431.0, 580.0])
def test_pitch_of_a_tone_with_harmonics_is_its_fundamental(hz):
    times_s, found = pitch(Audio(voice(hz), RATE))
    assert len(times_s) == len(found) == 50
    inner = found[5:-5]
    assert np.abs(inner / hz - 1).max() < 0.01


def test_noise_and_silence_have_no_pitch():
    noise = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    assert np.isnan(pitch(Audio(noise, RATE))[1]).mean() > 0.99
    _, hz = pitch(Audio(np.concatenate([voice(200), np.zeros(RATE, np.float32)]), RATE))
    assert np.isnan(hz[60:]).all()


def clip(speaker: str, label: str, sentence: str = "a", **fields: float) -> Clip:
    row = utterance(
        Path(f"{speaker}-{label}-{sentence}-{fields}.wav"),
        speaker=speaker,
        label=label,
        sentence=sentence,
        intensity=fields.get("intensity", math.nan),
    )
    values = {"duration_s": 1.0, "rms_db": -20.0, "peak_db": -3.0, "silence": 0.1}
    return Clip(row, **{**values, **{k: v for k, v in fields.items() if k in values}}, format="WAV")


def test_examples_share_voice_and_sentence_where_they_can_and_are_the_strongest():
    clips = [
        clip("a", "happy"),
        clip("a", "sad", "b"),
        clip("b", "happy", "b"),
        clip("b", "happy", "b", intensity=1.0),
        clip("b", "sad", "b"),
        clip("b", "bored", "c"),
        clip("c", "angry", "d", duration_s=9.0),
        clip("c", "angry", "d", duration_s=1.1),
        clip("a", "angry", "d", duration_s=1.0),
    ]
    chosen = one_of_each(clips)
    assert list(chosen) == ["happy", "sad", "angry", "bored"]
    assert {k: c.utterance.speaker for k, c in chosen.items() if k != "angry"} == dict.fromkeys(
        ("happy", "sad", "bored"), "b"
    )
    assert chosen["happy"].utterance.intensity == 1.0
    assert chosen["angry"].duration_s == 1.1


def test_mp3_is_small_and_sounds_like_the_clip():
    signal = voice(200, length_s=2)
    data = mp3(Audio(signal, RATE))
    assert len(data) < signal.nbytes / 8
    decoded, rate = soundfile.read(io.BytesIO(data), dtype="float32")
    assert rate == RATE and abs(len(decoded) - len(signal)) < 0.2 * RATE
    assert np.sqrt(np.mean(decoded**2)) == pytest.approx(np.sqrt(np.mean(signal**2)), rel=0.1)


def test_each_augmentation_does_what_it_says():
    audio = Audio(voice(200, length_s=1), RATE)
    done = {a.name: a.apply(audio) for a in augment.AUGMENTATIONS}
    again = {a.name: a.apply(audio) for a in augment.AUGMENTATIONS}
    power = np.mean(audio.signal**2)
    assert np.array_equal(done["as recorded"].signal, audio.signal)
    added = done["noise"].signal - audio.signal
    assert 10 * np.log10(power / np.mean(added**2)) == pytest.approx(10, abs=0.2)
    assert done["stretch"].duration_s == pytest.approx(1.25, abs=0.02)
    assert np.nanmedian(pitch(done["stretch"])[1]) == pytest.approx(200, rel=0.02)
    assert np.nanmedian(pitch(done["pitch"])[1]) == pytest.approx(200 * 2 ** (3 / 12), rel=0.02)
    assert np.nanmedian(pitch(done["speed"])[1]) == pytest.approx(230, rel=0.02)
    assert not done["shift"].signal[:6400].any()
    assert np.array_equal(done["shift"].signal[6400:], audio.signal[:-6400])
    assert 20 * np.log10(np.abs(done["gain"].signal).max() / 0.2) == pytest.approx(-12, abs=0.1)
    assert done["room"].duration_s == pytest.approx(1.6)
    tail = done["room"].signal[RATE:]
    assert np.mean(tail[:1600] ** 2) > 1000 * np.mean(tail[-1600:] ** 2)
    spectrum = np.abs(np.fft.rfft(done["codec"].signal))
    assert spectrum[4200:].max() < 0.01 * spectrum.max()
    for name, altered in done.items():
        assert altered.signal.dtype == np.float32 and np.abs(altered.signal).max() <= 1
        assert np.array_equal(altered.signal, again[name].signal), name


def test_a_short_clip_can_be_shifted():
    assert len(augment.shift(Audio(voice(length_s=0.1), RATE)).signal) == 1600


def test_findings_name_what_is_uneven(recordings, look):
    text = "\n".join(findings([look(recordings)]))
    assert "2 files could not be used" in text
    assert "1 file missing, misnamed" in text
    assert "nothing says who speaks" in text.lower()
    assert "From 2 clips of “happy” to 4 of “my <b>class”, 2.0 " in text
    assert "right in 66.7% of them but find only 50.0%" in text


def toy(clips: list[Clip]) -> Explored:
    reading = Reading(tuple(c.utterance for c in clips))
    return Explored(CORPORA.get("folder").info, Path("toy"), reading, clips, [])


def test_findings_tell_when_length_or_level_gives_the_emotion_away():
    rng = np.random.default_rng(0)

    def noisy(label: str, **base: float) -> list[Clip]:
        return [
            clip(f"s{i % 8}", label, **{k: v + rng.normal(0, 0.2) for k, v in base.items()})
            for i in range(40)
        ]

    same = noisy("sad", duration_s=3, rms_db=-20) + noisy("happy", duration_s=3, rms_db=-20)
    assert not [t for t in findings([toy(same)]) if "alone tells" in t]
    apart = noisy("sad", duration_s=3, rms_db=-21) + noisy("happy", duration_s=3, rms_db=-20)
    told = [t for t in findings([toy(apart)]) if "alone tells" in t]
    assert len(told) == 1 and told[0].startswith("The level alone")


def test_findings_tell_when_clips_were_cut_to_one_length():
    cut = [clip(f"s{i}", "sad", duration_s=2.0) for i in range(30)]
    assert any("100% of the clips are exactly 2 s long" in t for t in findings([toy(cut)]))
    free = [clip(f"s{i}", "sad", duration_s=2 + i / 100) for i in range(30)]
    assert not any("exactly" in t for t in findings([toy(free)]))


def test_findings_of_several_corpora_name_each_and_what_some_lack():
    first, second = [clip("a", "sad"), clip("a", "happy")], [clip("b", "sad"), clip("b", "angry")]
    told = findings([toy(first), toy(second)])
    assert told[0].startswith("Not every corpus has “angry”, “happy”")
    assert all(text.startswith("toy: ") for text in told[1:]) and len(told) > 1


def test_the_page_stands_alone_and_holds_every_sound(document, recordings):
    Balance(document)
    assert "<script" not in document
    assert not re.search(r'(src|href)="(?!data:|#)', document)
    assert "my &lt;b&gt;class" in document and "<b>class" not in document
    sounds = re.findall(r'src="data:audio/mpeg;base64,([^"]+)"', document)
    assert len(sounds) == 2 + len(augment.AUGMENTATIONS)
    for sound in sounds:
        assert soundfile.info(io.BytesIO(base64.b64decode(sound))).frames > 0
    for name in ("broken_1.wav", "mute_1.wav", "loose.wav"):
        assert name in document
    assert str(recordings) not in document
    assert document.count('role="img"') == 3 + 2 * 2 + len(augment.AUGMENTATIONS) + 2


def test_names_of_parts_are_unique_over_all_pictures(document):
    names = re.findall(r'\bid="([^"]+)"', document)
    assert len(names) == len(set(names))


def test_equal_corpora_give_equal_pages(document, recordings, look):
    assert explore_page([look(recordings)]) == document


def test_speakers_sex_and_corpora_are_counted(recordings, look, monkeypatch):
    named = look(recordings, speaker="([a-z]+)_")
    assert named.speakers_known and not look(recordings).speakers_known
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    document = explore_page([named, look(recordings, corpus="other", speaker="([a-z]+)_")])
    assert "folder-anna" in document and "other-anna" in document
    assert "By corpus:" in document


def test_without_the_extra_the_page_has_its_tables_and_sounds(recordings, look, monkeypatch):
    for package in ("matplotlib", "torch", "audiomentations"):
        monkeypatch.setitem(sys.modules, package, None)
    document = explore_page([look(recordings)])
    assert "No pictures: drawing pictures needs the package" in document
    assert "stretching and pitch needs the package" in document
    n_left = len(augment.AUGMENTATIONS) - 2
    assert document.count("data:audio/mpeg") == 2 + n_left
    assert "<svg" not in document and "mean level, dBFS" in document


def test_a_corpus_of_broken_files_still_has_a_page(tmp_path, look):
    (tmp_path / "joy").mkdir()
    (tmp_path / "joy" / "a.wav").write_bytes(b"no sound")
    document = explore_page([look(tmp_path)])
    assert "Not used" in document and "a.wav" in document


def test_a_place_that_cannot_be_written_is_one_line(recordings, look, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("serotone.explore.corpus_page.explore_page", lambda _: "page")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_page([look(recordings)], tmp_path / "file" / "page.html")


def test_the_command_writes_the_page_and_says_where(recordings, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    out = tmp_path / "new" / "page.html"
    words = ["explore", "folder", "--root", str(recordings), "--out", str(out)]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 1
    assert result.stdout.strip() == str(out)
    assert "2 file(s) could not be read" in result.stderr
    assert out.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_one_root_is_for_one_corpus(recordings):
    result = CliRunner().invoke(app, ["explore", "folder", "tess", "--root", str(recordings)])
    assert isinstance(result.exception, ConfigError)


@pytest.mark.corpora
def test_pitch_agrees_with_pyin_on_real_voices(corpora_root):
    import librosa

    files = sorted((corpora_root / "ravdess").rglob("*.flac"))[::480]
    near = n_both = 0
    for file in files:
        signal, rate = soundfile.read(file, dtype="float32")
        _, hz = pitch(Audio(signal, rate))
        reference, voiced, _ = librosa.pyin(
            signal, fmin=65, fmax=600, sr=rate, frame_length=1024, hop_length=160
        )
        n = min(len(hz), len(reference))
        both = voiced[:n] & ~np.isnan(hz[:n])
        near += int((np.abs(hz[:n][both] / reference[:n][both] - 1) < 0.1).sum())
        n_both += int(both.sum())
    assert n_both > 100
    assert near / n_both > 0.95


@pytest.mark.corpora
def test_a_real_corpus_is_measured_whole(corpora_root):
    root = corpora_root / "emodb"
    explored = explore(CORPORA.get("emodb").info, root, read("emodb", root))
    assert len(explored.clips) == 535 and not explored.failures
    assert all(-60 < c.rms_db < 0 and 0 <= c.silence < 1 for c in explored.clips)
