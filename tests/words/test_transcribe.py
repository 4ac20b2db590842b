from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from serotone.audio.io import read
from serotone.errors import MissingExtraError, ModelError
from serotone.types import Audio
from serotone.words import transcribe
from serotone.words.transcribe import LONGEST_S, FasterWhisper, PocketSphinx, open_transcriber
from serotone.words.transcript import Transcript, Word

SAMPLE = Path(__file__).parents[2] / "samples" / "synthetic-en-slow-low.wav"


@pytest.fixture(scope="module")
def sphinx() -> PocketSphinx:
    return PocketSphinx()


@pytest.fixture(scope="module")
def clip() -> Audio:
    return read(SAMPLE)


def test_words_have_their_place_in_time(sphinx: PocketSphinx, clip: Audio) -> None:
    heard = sphinx(clip)
    assert heard.language == "en"
    assert heard.text == " ".join(word.text for word in heard.words) != ""
    times = [time for word in heard.words for time in (word.start_s, word.end_s)]
    assert times == sorted(times)
    assert times[0] >= 0 and times[-1] <= clip.duration_s
    assert all(0 <= word.confidence <= 1 for word in heard.words)
    assert heard.confidence == pytest.approx(np.mean([w.confidence for w in heard.words]))
    assert not any(set(word.text) & set("<>[]()+") for word in heard.words)


def test_the_same_words_whatever_was_heard_before(sphinx: PocketSphinx, clip: Audio) -> None:
    first = sphinx(clip)
    sphinx(read(SAMPLE.with_name("synthetic-de-fast.wav")))
    assert sphinx(clip) == first


def test_a_segment_keeps_its_place_in_the_source(sphinx: PocketSphinx, clip: Audio) -> None:
    whole, moved = sphinx(clip), sphinx(replace(clip, start_s=100.0))
    assert moved.text == whole.text
    starts = [word.start_s + 100 for word in whole.words]
    assert [word.start_s for word in moved.words] == pytest.approx(starts)


def test_other_rates_are_heard_too(sphinx: PocketSphinx, clip: Audio) -> None:
    from serotone.audio.dsp import to_rate

    assert sphinx(to_rate(clip, 44100)).words


@pytest.mark.parametrize("level", [0.0, 0.001])
def test_no_speech_no_words(sphinx: PocketSphinx, level: float) -> None:
    noise = np.random.default_rng(0).normal(0, level, 32000).astype(np.float32)
    assert sphinx(Audio(noise, 16000)) == Transcript("", "en", 0.0)


@pytest.mark.corpora
def test_a_sentence_of_ravdess(sphinx: PocketSphinx, corpora_root: Path) -> None:
    heard = sphinx(read(corpora_root / "ravdess/Actor_01/03-01-01-01-02-01-01.flac"))
    assert heard.text == "dogs are sitting by the door"
    assert 0.8 < heard.words[0].start_s < 1.2


def test_long_speech_is_cut_where_it_is_quietest() -> None:
    rate = 1000
    signal = np.ones(50 * rate, np.float32)
    signal[15 * rate : 15 * rate + 100] = 0
    signal[31 * rate : 31 * rate + 100] = 0
    cuts = list(transcribe._cuts(Audio(signal, rate), 0, len(signal)))
    assert [start for start, _ in cuts] == [0, *(end for _, end in cuts[:-1])]
    assert cuts[-1][1] == len(signal)
    assert all(0 < end - start <= LONGEST_S * rate for start, end in cuts)
    assert cuts[0][1] == pytest.approx(15.05 * rate, abs=50)
    assert cuts[1][1] == pytest.approx(31.05 * rate, abs=50)


def test_words_between_two_times() -> None:
    words = (Word("so", 0.0, 0.4, 0.9), Word("it", 0.9, 1.2, 0.5), Word("ends", 1.2, 2.0, 0.1))
    whole = Transcript.of(words, "en")
    assert whole.between(0, 9) == whole
    part = whole.between(1.0, 2.0)
    assert part == Transcript("it ends", "en", pytest.approx(0.3), words[1:])
    assert whole.between(5, 6) == Transcript("", "en", 0.0)


def test_pocketsphinx_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    with pytest.raises(MissingExtraError, match=r"'pocketsphinx'.*serotone\[words\]"):
        open_transcriber("pocketsphinx")


def test_faster_whisper_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(MissingExtraError, match=r"'faster-whisper'.*serotone\[whisper\]"):
        open_transcriber("whisper")


@pytest.mark.parametrize("name", ["sphinx", "pocketsphinx:large", ""])
def test_an_unknown_engine(name: str) -> None:
    with pytest.raises(ModelError, match=r"unknown transcriber .* expected pocketsphinx, whisper"):
        open_transcriber(name)


@dataclass
class FakeWhisperModel:
    """What faster-whisper 1.2 takes and gives: a generator of segments, and what it found out."""

    model_size_or_path: str
    device: str = "auto"
    compute_type: str = "default"

    def transcribe(
        self,
        audio: np.ndarray,
        language: str | None = None,
        *,
        word_timestamps: bool = False,
        vad_filter: bool = False,
    ) -> tuple[object, object]:
        assert audio.dtype == np.float32 and word_timestamps and vad_filter
        self.n_samples = len(audio)
        timed = [
            SimpleNamespace(word=" Das", start=0.1, end=0.3, probability=0.8),
            SimpleNamespace(word=" geht.", start=0.3, end=0.9, probability=0.6),
        ]
        segments = [
            SimpleNamespace(text=" Das geht.", start=0.1, end=0.9, avg_logprob=-0.2, words=timed),
            SimpleNamespace(text=" Ja.", start=1.0, end=1.2, avg_logprob=0.0, words=None),
            SimpleNamespace(text="", start=1.2, end=1.3, avg_logprob=-1.0, words=[]),
        ]
        return (s for s in segments), SimpleNamespace(language=language or "de")


@pytest.fixture
def faster_whisper(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("faster_whisper")
    module.WhisperModel = FakeWhisperModel  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "faster_whisper", module)
    return module


@pytest.mark.usefixtures("faster_whisper")
def test_whisper_through_the_same_interface() -> None:
    engine = open_transcriber("whisper:small")
    assert isinstance(engine, FasterWhisper)
    heard = engine(Audio(np.zeros(16000, np.float32) + 0.1, 8000, start_s=10.0))
    assert heard.text == "Das geht. Ja."
    assert heard.language == "de"
    assert [word.text for word in heard.words] == ["Das", "geht.", "Ja."]
    assert [word.start_s for word in heard.words] == pytest.approx([10.1, 10.3, 11.0])
    assert heard.confidence == pytest.approx((0.8 + 0.6 + 1.0) / 3)
    model = engine._model
    assert (model.model_size_or_path, model.device, model.compute_type) == ("small", "cpu", "int8")
    assert model.n_samples == 32000


@pytest.mark.usefixtures("faster_whisper")
def test_whisper_in_a_given_language() -> None:
    heard = FasterWhisper("tiny", language="nl")(Audio(np.full(1600, 0.1, np.float32), 16000))
    assert heard.language == "nl"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ConnectionError("Name or service not known"), "cannot be fetched .Name or service"),
        (RuntimeError("Unable to open file 'model.bin'\nmore"), "cannot be fetched .Unable"),
        (ValueError("Invalid model size 'smal', expected one of: tiny"), "Invalid model size"),
    ],
)
def test_whisper_without_weights(
    faster_whisper: ModuleType, error: Exception, message: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    faster_whisper.WhisperModel = refuse  # type: ignore[attr-defined]
    with pytest.raises(ModelError, match=message) as raised:
        open_transcriber("whisper:smal")
    assert "\n" not in str(raised.value)


@pytest.mark.usefixtures("faster_whisper")
def test_a_folder_that_holds_no_whisper(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no model\.bin, expected a Whisper model"):
        open_transcriber(f"whisper:{tmp_path}")
