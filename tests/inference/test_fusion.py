from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serotone.errors import ConfigError
from serotone.inference.fusion import Fusion, fuse
from serotone.labels import CANONICAL, UNCERTAIN
from serotone.types import Prediction

EKMAN = tuple(label for label in CANONICAL if label != "calm")
PLAIN = Fusion(
    voice_weight=1.0, words_weight=1.0, voice_temperature=1.0, words_temperature=1.0,
    neutral_voice=1.0, neutral_words=0.5, sharpness=2.0, least_confidence=0.2,
    words_prior={}, prior_share=1.0,
)  # fmt: skip


def predicted(
    shares: dict[str, float], labels: tuple[str, ...] = CANONICAL, *, text: str = ""
) -> Prediction:
    """Shares of some labels, the rest evenly on the others."""
    rest = (1 - sum(shares.values())) / max(1, len(labels) - len(shares))
    full = {label: shares.get(label, rest) for label in labels}
    best = max(full, key=full.__getitem__)
    return Prediction("a.wav", 1.0, 2.5, full, best, full[best], 0.7 if not text else 0.0, text)


def said(**shares: float) -> Prediction:
    return predicted(shares, EKMAN, text="some words")


def voiced(**shares: float) -> Prediction:
    return predicted(shares)


@st.composite
def distributions(draw: st.DrawFn, labels: tuple[str, ...], text: str) -> Prediction:
    shares = [draw(st.floats(0, 1)) + 1e-3 for _ in labels]
    total = sum(shares)
    return predicted(
        {label: share / total for label, share in zip(labels, shares, strict=True)},
        labels,
        text=text,
    )


@given(
    voice=distributions(CANONICAL, ""),
    words=distributions(EKMAN, "words"),
    confidence=st.floats(0, 1),
    neutral_words=st.floats(0, 1),
)
def test_always_a_distribution_of_the_voices_labels(
    voice: Prediction, words: Prediction, confidence: float, neutral_words: float
) -> None:
    fusion = replace(PLAIN, neutral_words=neutral_words)
    both = fuse(voice, words, transcript_confidence=confidence, fusion=fusion)
    assert tuple(both.probabilities) == CANONICAL
    assert sum(both.probabilities.values()) == pytest.approx(1)
    assert both.confidence == max(both.probabilities.values()) == both.probabilities[both.label]


def test_place_and_intensity_are_the_voices_and_the_text_is_the_words() -> None:
    both = fuse(voiced(happy=0.5), said(sad=0.9), fusion=PLAIN)
    assert (both.source, both.start_s, both.end_s) == ("a.wav", 1.0, 2.5)
    assert both.intensity == 0.7
    assert both.text == "some words"


def test_both_agree_and_grow_surer() -> None:
    voice, words = voiced(angry=0.6), said(angry=0.7)
    both = fuse(voice, words, fusion=PLAIN)
    assert both.label == "angry"
    assert both.confidence > max(voice.confidence, words.confidence)


def test_an_unsure_voice_follows_the_words_and_the_other_way_round() -> None:
    assert fuse(voiced(happy=0.2), said(sad=0.9), fusion=PLAIN).label == "sad"
    assert fuse(voiced(happy=0.9), said(sad=0.2), fusion=PLAIN).label == "happy"


def test_words_that_say_nothing_change_nothing() -> None:
    voice = voiced(fearful=0.55, sad=0.3)
    both = fuse(voice, said(), fusion=PLAIN)
    assert both.probabilities == pytest.approx(dict(voice.probabilities))


def test_words_that_say_what_was_to_be_expected_change_nothing() -> None:
    words = said(neutral=0.4, happy=0.3)
    fusion = replace(PLAIN, words_prior=words.probabilities)
    voice = voiced(fearful=0.55, sad=0.3)
    both = fuse(voice, words, fusion=fusion)
    assert both.probabilities == pytest.approx(dict(voice.probabilities))


@pytest.mark.parametrize("neutral_words", [0.0, 0.5])
def test_neutral_words_speak_more_softly(neutral_words: float) -> None:
    voice, words = voiced(angry=0.6, neutral=0.2), said(neutral=0.95)
    loud = fuse(voice, words, fusion=replace(PLAIN, neutral_words=1.0))
    soft = fuse(voice, words, fusion=replace(PLAIN, neutral_words=neutral_words))
    assert soft.probabilities["angry"] > loud.probabilities["angry"]


@pytest.mark.parametrize("neutral", ["neutral", "calm"])
def test_a_neutral_voice_speaks_more_softly(neutral: str) -> None:
    voice, words = voiced(**{neutral: 0.9}), said(angry=0.5)
    loud = fuse(voice, words, fusion=PLAIN)
    soft = fuse(voice, words, fusion=replace(PLAIN, neutral_voice=0.1))
    assert loud.label == neutral
    assert soft.label == "angry"


def test_words_cannot_tell_calm_from_neutral() -> None:
    voice = voiced(calm=0.4, neutral=0.2)
    both = fuse(voice, said(happy=0.6), fusion=PLAIN)
    before, after = voice.probabilities, both.probabilities
    assert after["calm"] / after["neutral"] == pytest.approx(before["calm"] / before["neutral"])


def test_words_leave_a_label_they_lack_to_the_voice() -> None:
    voice = predicted({"bored": 0.5, "happy": 0.3, "sad": 0.2}, ("bored", "happy", "sad"))
    both = fuse(voice, said(), fusion=PLAIN)
    assert both.probabilities == pytest.approx(dict(voice.probabilities))
    assert fuse(voice, said(sad=0.99), fusion=PLAIN).label == "sad"


def test_less_confident_transcripts_weigh_less() -> None:
    voice, words = voiced(happy=0.5), said(sad=0.9)
    shares = [
        fuse(voice, words, transcript_confidence=c, fusion=PLAIN).probabilities["sad"]
        for c in (1.0, 0.6, 0.3, 0.1)
    ]
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] == pytest.approx(voice.probabilities["sad"])


def test_without_words_the_voice_stands() -> None:
    voice = voiced(happy=0.5)
    for words in (None, replace(said(sad=0.9), text=" ")):
        both = fuse(voice, words, fusion=PLAIN)
        assert both.probabilities == pytest.approx(dict(voice.probabilities))
        assert both.label == "happy"


def test_without_a_voice_the_words_stand() -> None:
    words = said(sad=0.9)
    both = fuse(None, words, fusion=PLAIN)
    assert both.probabilities == pytest.approx(dict(words.probabilities))
    assert both.text == "some words"


def test_without_either() -> None:
    with pytest.raises(ConfigError, match="neither voice nor words"):
        fuse(None, None)


def test_temperature_flattens_one_sense() -> None:
    voice, words = voiced(happy=0.8), said(sad=0.8)
    plain = fuse(voice, words, fusion=PLAIN).probabilities
    hot_voice = fuse(voice, words, fusion=replace(PLAIN, voice_temperature=3.0)).probabilities
    hot_words = fuse(voice, words, fusion=replace(PLAIN, words_temperature=3.0)).probabilities
    assert hot_voice["happy"] < plain["happy"] < hot_words["happy"]
    assert hot_words["sad"] < plain["sad"] < hot_voice["sad"]


def test_the_defaults_let_the_sense_that_shows_emotion_speak() -> None:
    assert fuse(voiced(neutral=0.8), said(sad=0.7)).label == "sad"
    assert fuse(voiced(angry=0.8), said(neutral=0.8)).label == "angry"
    assert fuse(voiced(neutral=0.8), said(neutral=0.8)).label == "neutral"


def test_below_the_threshold_it_is_uncertain() -> None:
    both = fuse(voiced(happy=0.3), None, fusion=PLAIN, min_confidence=0.5)
    assert both.label == UNCERTAIN
    assert both.confidence == pytest.approx(0.3)


def test_a_certain_sense_does_not_forbid() -> None:
    voice = predicted({"happy": 1.0, "sad": 0.0}, ("happy", "sad"))
    both = fuse(voice, said(sad=0.999), fusion=PLAIN)
    assert 0 < both.probabilities["sad"] < 1
