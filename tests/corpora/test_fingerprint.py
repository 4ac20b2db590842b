from __future__ import annotations

import numpy as np
import pytest
import soundfile
import soxr

from serotone.audio.io import read
from serotone.corpora import read as read_corpus
from serotone.corpora.fingerprint import Fingerprint, digest, fingerprint
from serotone.corpora.near_duplicates import THRESHOLD, Match, candidates, compare, near_duplicates

RATE = 16000


def voice(seed: int, *, duration_s: float = 2.5, rate: int = RATE) -> np.ndarray:
    """Harmonics of a wandering pitch below a wandering envelope: another seed, another take."""
    random = np.random.default_rng(seed)
    n = int(duration_s * rate)
    knots = np.linspace(0, n, 16)

    def wander(low: float, high: float) -> np.ndarray:
        return np.interp(np.arange(n), knots, random.uniform(low, high, len(knots)))

    phase = 2 * np.pi * np.cumsum(wander(190, 240)) / rate
    formant_hz, level = wander(400, 2500), wander(0.3, 1.0)
    signal = np.zeros(n)
    for k in range(1, 13):
        pitch_hz = k * np.gradient(phase) * rate / (2 * np.pi)
        signal += np.exp(-(((pitch_hz - formant_hz) / 500) ** 2)) * np.sin(k * phase)
    signal = level * signal + 0.003 * random.standard_normal(n)
    return (0.5 * signal / np.abs(signal).max()).astype(np.float32)


def matched(first: Fingerprint, second: Fingerprint) -> Match:
    """How the second lies on the first, of two that have enough in common to say."""
    match = compare(first, second)
    assert match is not None, "too little in common"
    return match


def test_the_digest_is_of_the_sound_and_its_rate(tmp_path):
    signal = np.round(32768 * voice(1)).astype(np.int16)
    for ending in ("wav", "flac"):
        soundfile.write(tmp_path / f"a.{ending}", signal, RATE, "PCM_16")
    wav, flac = (read(tmp_path / f"a.{ending}") for ending in ("wav", "flac"))
    assert digest(wav.signal, RATE) == digest(flac.signal, RATE)
    assert digest(wav.signal, RATE) != digest(wav.signal, 8000)
    louder = np.asarray(wav.signal * 1.1, np.float32)
    assert digest(louder, RATE) != digest(wav.signal, RATE)


def test_the_digest_forgives_less_than_half_a_step_of_16_bits():
    signal = (np.arange(-1000, 1000) / 32768).astype(np.float32)
    assert digest(signal, RATE) == digest(signal + np.float32(0.4 / 32768), RATE)
    assert digest(signal, RATE) != digest(signal + np.float32(0.6 / 32768), RATE)


def test_the_picture_does_not_know_the_level_and_the_level_does():
    signal = voice(2)
    loud, quiet = fingerprint(signal, RATE), fingerprint(0.1 * signal, RATE)
    np.testing.assert_allclose(loud.picture.astype(float), quiet.picture.astype(float), atol=0.01)
    assert loud.level_db - quiet.level_db == pytest.approx(20, abs=0.01)
    assert np.linalg.norm(loud.summary) == pytest.approx(1, abs=1e-5)


def noisy(signal: np.ndarray, snr_db: float) -> np.ndarray:
    random = np.random.default_rng(9)
    deviation = np.sqrt(np.mean(signal**2) / 10 ** (snr_db / 10))
    return (signal + deviation * random.standard_normal(len(signal))).astype(np.float32)


ALTERED = {
    "itself": lambda x: (x, RATE),
    "resampled down": lambda x: (soxr.resample(x, RATE, 8000), 8000),
    "resampled up": lambda x: (soxr.resample(x, RATE, 44100), 44100),
    "re-gained": lambda x: (0.03 * x, RATE),
    "padded": lambda x: (np.pad(x, (7000, 20000)), RATE),
    "trimmed": lambda x: (x[6000:-6000], RATE),
    "noise": lambda x: (noisy(x, 10), RATE),
    "trimmed, quiet and noisy": lambda x: (0.1 * noisy(x[9000:], 15), RATE),
}


@pytest.mark.parametrize("name", ALTERED)
def test_an_altered_copy_is_found(name):
    signal = voice(3)
    match = matched(fingerprint(signal, RATE), fingerprint(*ALTERED[name](signal)))
    assert match.is_copy


@pytest.mark.parametrize("semitones", [-2.0, -1.0, 0.7, 2.0])
def test_a_pitch_shifted_copy_is_found_and_the_shift_is_told(semitones):
    librosa = pytest.importorskip("librosa")
    signal = voice(4)
    shifted = librosa.effects.pitch_shift(signal, sr=RATE, n_steps=semitones)
    match = matched(fingerprint(signal, RATE), fingerprint(shifted, RATE))
    assert match.is_copy
    assert match.pitch_semitones == pytest.approx(semitones, abs=0.15)
    assert f"{semitones:+.1f} semitones" in match.change


def test_a_match_tells_lag_and_gain():
    signal = voice(5)
    match = matched(fingerprint(signal, RATE), fingerprint(0.1 * signal[8000:], RATE))
    assert match.lag_s == pytest.approx(0.5, abs=0.01)
    assert match.gain_db == pytest.approx(-20, abs=0.5)
    assert match.pitch_semitones == pytest.approx(0, abs=0.05)
    assert match.change == f"begins 0.50 s later, {match.gain_db:+.1f} dB"
    turned = matched(fingerprint(0.1 * signal[8000:], RATE), fingerprint(signal, RATE))
    assert "begins 0.50 s earlier" in turned.change


def test_another_recording_is_no_copy():
    matches = [
        compare(fingerprint(voice(6), RATE), fingerprint(voice(7 + i), RATE)) for i in range(5)
    ]
    assert not any(match and match.is_copy for match in matches)


def test_a_take_whose_timing_wanders_is_no_copy():
    signal = voice(20, duration_s=3.0)
    place = np.arange(len(signal))
    wander = 700 * np.sin(2 * np.pi * place / RATE / 1.1)
    other = np.interp(place + wander, place, signal).astype(np.float32)
    match = compare(fingerprint(signal, RATE), fingerprint(other, RATE))
    assert match is None or match.score < THRESHOLD


@pytest.mark.parametrize(
    "signal",
    [np.zeros(32000), np.full(32000, 0.5), np.zeros(1), np.eye(1, 32000)[0]],
    ids=["silence", "constant", "one sample", "click"],
)
def test_a_recording_with_nothing_in_it_matches_nothing(signal):
    empty = fingerprint(signal.astype(np.float32), RATE)
    full = fingerprint(voice(8), RATE)
    assert np.isfinite(empty.summary).all()
    assert not near_duplicates([empty, full, fingerprint(noisy(voice(9), 20), RATE)])


def test_too_little_in_common_is_no_match():
    signal = voice(10)
    assert compare(fingerprint(signal, RATE), fingerprint(signal[:8000], RATE)) is None


def test_candidates_are_across_sides_and_ordered():
    prints = [fingerprint(voice(s), RATE) for s in (11, 11, 12, 12)]
    summaries = np.stack([p.summary for p in prints])
    everywhere = candidates(summaries)
    assert {(0, 1), (2, 3)} <= set(everywhere)
    assert everywhere == sorted(everywhere)
    assert all(i < j for i, j in everywhere)
    across = candidates(summaries, np.array([0, 0, 1, 1]))
    assert all((i < 2) != (j < 2) for i, j in across)


def test_the_search_finds_the_copies_and_nothing_else():
    originals = [voice(s) for s in range(30, 40)]
    copies = [noisy(0.2 * x[3000:], 15) for x in originals[:4]]
    prints = [fingerprint(x, RATE) for x in originals + copies]
    found = near_duplicates(prints, n_threads=2)
    assert [(i, j) for i, j, _ in found] == [(k, 10 + k) for k in range(4)]
    sides = [0] * 10 + [0, 0, 1, 1]
    assert [(i, j) for i, j, _ in near_duplicates(prints, sides)] == [(2, 12), (3, 13)]
    assert near_duplicates(prints[:1]) == []
    assert near_duplicates([]) == []


@pytest.mark.corpora
def test_takes_of_one_sentence_by_one_actor_are_told_apart_from_copies(corpora_root):
    librosa = pytest.importorskip("librosa")
    utterances = [
        u for u in read_corpus("ravdess", corpora_root / "ravdess") if u.speaker == "ravdess-20"
    ]
    assert len(utterances) == 60
    sounds = [read(u.path, sample_rate=RATE).signal for u in utterances]
    altered = [
        noisy(librosa.effects.pitch_shift(x, sr=RATE, n_steps=0.7), 20) for x in sounds[::10]
    ]
    prints = [fingerprint(x, RATE) for x in sounds + altered]
    found = {(i, j) for i, j, _ in near_duplicates(prints)}
    assert found == {(10 * k, 60 + k) for k in range(6)}


@pytest.mark.corpora
def test_ravdess_holds_one_recording_twice(corpora_root):
    names = ("03-01-03-01-02-01-07", "03-01-03-01-02-02-07")
    folder = corpora_root / "ravdess" / "Actor_07"
    first, second = (read(next(folder.glob(f"{name}.*"))) for name in names)
    one, other = (fingerprint(a.signal, a.sample_rate) for a in (first, second))
    assert one.digest == other.digest
    match = matched(one, other)
    assert match.score > 0.99
