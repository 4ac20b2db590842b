"""What a speaker's recordings have in common goes, what tells them apart stays."""

from __future__ import annotations

import numpy as np
import pytest

from serotone.audio.preprocess import PrepareConfig, prepare
from serotone.audio.speaker_normalisation import LEVEL_DB, voice_of, without_voice
from serotone.errors import AudioError
from serotone.types import Audio

RATE = 16_000


def recordings(*, gain: float, darkness: float, seed: int = 0) -> list[Audio]:
    """Three noises, the second 10 dB louder, of a voice with its own level and timbre."""
    generator = np.random.default_rng(seed)
    found = []
    for loudness in (0.02, 0.02 * 10**0.5, 0.02):
        noise = generator.normal(0, loudness * gain, RATE)
        dark = np.empty_like(noise)
        dark[0] = noise[0]
        for i in range(1, RATE):
            dark[i] = (1 - darkness) * noise[i] + darkness * dark[i - 1]
        found.append(Audio(dark.astype(np.float32), RATE))
    return found


def level_db(audio: Audio) -> float:
    return float(10 * np.log10(np.mean(np.square(audio.signal, dtype=np.float64))))


def bands_db(audio: Audio) -> np.ndarray:
    power = np.abs(np.fft.rfft(audio.signal)) ** 2
    return np.array([10 * np.log10(part.mean()) for part in np.array_split(power[200:], 12)])


def test_two_voices_become_one() -> None:
    one = recordings(gain=1.0, darkness=0.2)
    other = recordings(gain=0.3, darkness=0.6)
    assert np.abs(bands_db(one[0]) - bands_db(other[0])).max() > 8
    equal = [[without_voice(a, voice_of(theirs)) for a in theirs] for theirs in (one, other)]
    for a, b in zip(*equal, strict=True):
        assert np.abs(bands_db(a) - bands_db(b)).max() < 1.5


def test_a_speakers_loud_recording_stays_louder() -> None:
    theirs = recordings(gain=0.5, darkness=0.4)
    voice = voice_of(theirs)
    quiet, loud, _ = (level_db(without_voice(a, voice)) for a in theirs)
    assert loud - quiet == pytest.approx(10, abs=0.5)
    assert quiet < LEVEL_DB < loud


def test_length_and_place_are_kept_also_of_a_very_short_one() -> None:
    theirs = recordings(gain=1.0, darkness=0.2)
    voice = voice_of(theirs)
    for n_samples in (1, 40, 700, 5001):
        piece = Audio(theirs[0].signal[:n_samples], RATE, "x", start_s=2.0)
        done = without_voice(piece, voice)
        assert len(done.signal) == n_samples
        assert (done.start_s, done.source) == (2.0, "x")
        assert np.isfinite(done.signal).all()
    click = np.zeros(2000, np.float32)
    click[1000] = 0.5
    assert np.abs(without_voice(Audio(click, RATE), voice).signal).argmax() == 1000


def test_without_the_speaker_a_clip_is_all_that_is_known() -> None:
    quiet, loud, _ = recordings(gain=1.0, darkness=0.2)
    steps = PrepareConfig(equalise_speaker=True)
    assert level_db(prepare(loud, steps)) == pytest.approx(level_db(prepare(quiet, steps)), abs=1)
    told = prepare(loud, steps, voice=voice_of([quiet, loud]))
    assert level_db(told) > level_db(prepare(loud, steps)) + 3


def test_silence_is_no_obstacle() -> None:
    silence = Audio(np.zeros(3000, np.float32), RATE)
    assert not without_voice(silence, voice_of([silence])).signal.any()


def test_recordings_must_be_there_and_of_one_rate() -> None:
    clip = recordings(gain=1.0, darkness=0.2)[0]
    with pytest.raises(AudioError, match="expected some of one speaker"):
        voice_of([])
    with pytest.raises(AudioError, match="at one rate"):
        voice_of([clip, Audio(clip.signal, 8000)])
    with pytest.raises(AudioError, match="got 8000 Hz, expected 16000 Hz"):
        without_voice(Audio(clip.signal, 8000), voice_of([clip]))
