from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from serotone.inference.fusion import Fusion
from serotone.inference.multimodal import Listener, TwoSenses
from serotone.timeline import captions
from serotone.timeline.captions import add_words
from serotone.timeline.segments import Segment, Timeline
from serotone.types import Audio, Failure, Prediction
from serotone.words.embedded import Embedded
from serotone.words.transcript import Transcript, Word
from tests.pitch_recognizer import RATE, PitchRecognizer, tone


@dataclass
class Parrot:
    """Hears the same words in everything."""

    words: tuple[Word, ...]
    language: str = "en"

    def __call__(self, audio: Audio) -> Transcript:
        return Transcript.of(self.words, self.language)


def sure(text: str, confidence: float = 0.95) -> tuple[Word, ...]:
    return tuple(Word(w, float(n), n + 0.9, confidence) for n, w in enumerate(text.split()))


def listener(text: str, *, language: str = "en", confidence: float = 0.95) -> Listener:
    heard = Parrot(sure(text, confidence), language)
    return Listener(PitchRecognizer(), heard, Embedded(), Fusion(words_weight=1.0))


@pytest.fixture
def happy_tone() -> Audio:
    return Audio(tone("happy", 1.0), RATE, "tone.wav", 3.0)


def test_each_sense_is_told_apart(happy_tone: Audio) -> None:
    heard = listener("i hate you get out").predict_audio(happy_tone)
    assert heard.voice is not None and heard.voice.label == "happy"
    assert heard.words is not None and heard.words.label == "angry"
    assert heard.text == heard.words.text == "i hate you get out"
    assert set(heard.probabilities) == set(heard.voice.probabilities)
    assert heard.probabilities["angry"] > heard.voice.probabilities["angry"]
    assert (heard.source, heard.start_s, heard.end_s) == ("tone.wav", 3.0, 4.0)
    telling = max(heard.contributions, key=lambda c: c.weight)
    assert heard.text[telling.start : telling.end] == "hate"


@pytest.mark.parametrize(
    ("text", "language", "confidence"), [("", "en", 0.9), ("ich hasse dich", "de", 0.9)]
)
def test_voice_alone(happy_tone: Audio, text: str, language: str, confidence: float) -> None:
    heard = listener(text, language=language, confidence=confidence).predict_audio(happy_tone)
    assert heard.words is None and heard.contributions == ()
    assert heard.voice is not None
    assert heard.probabilities == pytest.approx(dict(heard.voice.probabilities))
    assert heard.text == text
    assert heard.transcript is not None and heard.transcript.language == language


def test_an_unsure_transcript_changes_nothing(happy_tone: Audio) -> None:
    heard = listener("i hate you", confidence=0.05).predict_audio(happy_tone)
    assert heard.words is not None and heard.voice is not None
    assert heard.probabilities == pytest.approx(dict(heard.voice.probabilities))


def test_json_keeps_the_contract_and_adds_the_senses(happy_tone: Audio) -> None:
    heard = listener("what a lovely day").predict_audio(happy_tone)
    row = json.loads(json.dumps(heard.to_dict()))
    assert list(row) == [*Prediction.to_dict(heard), "senses"]
    senses = row["senses"]
    assert list(senses) == ["voice", "words", "both", "transcript", "contributions"]
    for name in ("voice", "words", "both"):
        assert sum(senses[name]["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert senses["both"]["probabilities"] == row["probabilities"]
    assert row["text"] == senses["transcript"]["text"] == "what a lovely day"
    assert [word["text"] for word in senses["transcript"]["words"]] == row["text"].split()
    assert [part["text"] for part in senses["contributions"]] == row["text"].split()


def test_json_without_words(happy_tone: Audio) -> None:
    row = listener("").predict_audio(happy_tone).to_dict()
    assert row["text"] is None
    assert row["senses"]["words"] is None  # type: ignore[index]


def test_files_one_bad(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.wav", tmp_path / "bad.wav"
    soundfile.write(good, tone("sad", 0.5), RATE)
    bad.write_bytes(b"RIFF")
    first, second = listener("").predict_files([bad, good])
    assert isinstance(first, Failure)
    assert isinstance(second, TwoSenses) and second.label == "sad"


def test_the_threshold_is_the_recognisers(happy_tone: Audio) -> None:
    strict = replace(listener(""), recognizer=PitchRecognizer(min_confidence=0.9))
    assert strict.predict_audio(happy_tone).label == "uncertain"


def test_words_under_the_segments_they_fall_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "call.wav"
    soundfile.write(path, np.stack([tone("sad", 4.0)] * 2, axis=1), RATE)
    words = {0: sure("so it ends here"), 1: sure("yes")}
    levels: list[int | None] = []

    def read(_: str, *, channel: int | None = None) -> Audio:
        levels.append(channel)
        return Audio(np.full(RATE, 0.1 * (channel or 0) + 0.1, np.float32), RATE)

    def hear(audio: Audio) -> Transcript:
        return Transcript.of(words[round(audio.signal[0] * 10) - 1], "en")

    monkeypatch.setattr(captions, "read", read)
    monkeypatch.setattr(captions, "open_transcriber", lambda name: hear)
    shares = {"sad": 1.0}
    segments = (
        Segment(0.0, 2.0, True, "sad", shares, 1.0, channel=0),
        Segment(2.0, 3.0, channel=0),
        Segment(3.0, 4.0, True, "sad", shares, 1.0, channel=0),
        Segment(0.0, 4.0, True, "sad", shares, 1.0, channel=1),
    )
    timeline = Timeline(str(path), 4.0, ("sad",), (0, 1), segments)
    captioned = add_words(timeline, str(path))
    assert [segment.text for segment in captioned.segments] == ["so it", "", "here", "yes"]
    assert captioned.segments[0].to_dict()["text"] == "so it"
    assert captioned.segments[1].to_dict()["text"] is None
    assert set(levels) == {0, 1}
