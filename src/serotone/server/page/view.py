"""What the page shows of a prediction, as HTML that needs nothing else."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from serotone.audio.sound_check import WARNINGS
from serotone.html.page import Fragment, banner
from serotone.inference.stream import NO_SPEECH
from serotone.labels import UNCERTAIN
from serotone.timeline.strip import clock, colour, strip
from serotone.types import Prediction

if TYPE_CHECKING:
    from serotone.inference.multimodal import TwoSenses
    from serotone.timeline.segments import Segment, Timeline

SOUNDS: Mapping[str, str] = {"disgust": "disgusted"}
"""Labels that are no adjectives, as one says that somebody sounds."""

SURE: Sequence[tuple[float, str]] = ((0.85, "Very sure"), (0.6, "Fairly sure"), (0.4, "Unsure"))
HARDLY_SURE = "Hardly more than a guess"

INTENSITIES: Sequence[tuple[float, str]] = ((0.66, "strong"), (0.33, "moderate"), (0.0, "weak"))

SHOWN_FROM = 0.5
"""Words that add at least so many nats to their label are shown in its colour."""


def failure(message: str) -> Fragment:
    """What went wrong, in one line."""
    return _box(banner(message), kind="wrong")


def hint(text: str) -> Fragment:
    """What stands where an answer will."""
    return _box(Fragment(f"<p>{html.escape(text)}</p>"), kind="hint")


def verdict(prediction: Prediction, labels: Sequence[str], *, title: str = "") -> Fragment:
    """The emotion in words, how sure, the bars and the intensity.

    Args:
        prediction: of a recording, or of a moment of a stream.
        labels: of the model, in the order of the bars.
        title: of what was heard.
    """
    name = f'<p class="st-name">{html.escape(title)}</p>' if title else ""
    shown = prediction.label if prediction.label in prediction.probabilities else UNCERTAIN
    return _box(
        Fragment(
            f'<div class="st-verdict" style="--emotion:{colour(shown, labels)}">{name}'
            f'<p class="st-word">{_headline(prediction.label)}</p>'
            f'<p class="st-sure">{html.escape(how_sure(prediction))}</p></div>'
        ),
        bars(prediction.probabilities, labels),
        intensity(prediction.intensity),
    )


def _headline(label: str) -> str:
    if label == NO_SPEECH:
        return "<b>Nobody speaks</b>"
    if label == UNCERTAIN:
        return "<b>Hard to say</b>"
    return f"Sounds <b>{html.escape(SOUNDS.get(label, label))}</b>"


def how_sure(prediction: Prediction) -> str:
    """How far to believe it, and what else it may be, in a sentence or two."""
    if prediction.label == NO_SPEECH:
        return "Waiting for a voice."
    ranked = sorted(prediction.probabilities.items(), key=lambda item: -item[1])
    sure = next((words for least, words in SURE if ranked[0][1] >= least), HARDLY_SURE)
    text = f"{sure}: {ranked[0][0]} {ranked[0][1]:.0%}"
    if len(ranked) > 1 and ranked[1][1] >= 0.1:
        text += f", or {ranked[1][0]} {ranked[1][1]:.0%}"
    warnings = "".join(f" Beware, {WARNINGS.get(w, w)}." for w in prediction.warnings)
    return f"{text}.{warnings}"


def bars(shares: Mapping[str, float], labels: Sequence[str]) -> Fragment:
    """A bar for each label, 0 to 1, as wide as it is likely."""
    best = max(shares, key=lambda label: shares[label], default="")
    rows = "".join(
        f"<li{' class=st-best' if label == best else ''}><span>{html.escape(label)}</span>"
        f'<span class="st-track"><i style="width:{100 * shares[label]:.1f}%;'
        f'background:{colour(label, labels)}"></i></span>'
        f'<span class="st-number">{shares[label]:.0%}</span></li>'
        for label in labels
        if label in shares
    )
    return Fragment(f'<ul class="st-bars">{rows}</ul>')


def intensity(value: float) -> Fragment:
    """How strong the emotion is, as a word and a meter; nothing where the model does not say."""
    if math.isnan(value):
        return Fragment("")
    word = intensity_word(value)
    return Fragment(
        f'<p class="st-intensity"><span>intensity</span><span class="st-track">'
        f'<i style="width:{100 * value:.0f}%"></i></span><span class="st-number">{word}</span></p>'
    )


def intensity_word(value: float) -> str:
    """Intensity 0 to 1 as a word; empty where the model does not say."""
    return next((word for least, word in INTENSITIES if value >= least), "")


def over_time(timeline: Timeline, labels: Sequence[str], *, sound: str) -> Fragment:
    """The player, the coloured waveform that jumps on click, and the stretches as buttons.

    Args:
        timeline: of the recording.
        labels: of the model.
        sound: address of the sound for the player.
    """
    used = list(dict.fromkeys(str(segment.emotion) for segment in timeline.speech))
    keys = "".join(
        f'<span class="st-key"><i style="background:{colour(label, labels)}"></i>'
        f"{html.escape(label)}</span>"
        for label in used
    )
    buttons = "".join(_jump(segment, labels) for segment in timeline.speech)
    spoken = f'<div class="st-jumps" role="group" aria-label="Stretches of speech">{buttons}</div>'
    return _box(
        Fragment("<h3>Over time</h3>"),
        banner(timeline.warning, kind="note"),
        Fragment(
            f'<audio controls preload="metadata" src="{html.escape(sound)}"></audio>'
            f'<div class="st-strip" data-length="{timeline.duration_s:.3f}">'
            f'{strip(timeline, labels)}<div class="st-needle"></div></div>'
            f'<p class="st-keys">{keys or "nobody speaks"}</p>'
        ),
        Fragment(spoken if len(timeline.speech) > 1 else ""),
        kind="time",
    )


def _jump(segment: Segment, labels: Sequence[str]) -> str:
    emotion = str(segment.emotion)
    return (
        f'<button type="button" class="st-jump" data-start="{segment.start_s:.2f}" '
        f'style="--emotion:{colour(emotion, labels)}">{clock(segment.start_s)[3:]} '
        f"{html.escape(emotion)}</button>"
    )


def transcript(answer: TwoSenses, labels: Sequence[str]) -> Fragment:
    """What was said, the words that tell in their emotion's colour, and what they add."""
    title = Fragment("<h3>Words</h3>")
    if not answer.text.strip():
        return _box(title, Fragment("<p>No words were understood.</p>"))
    quoted = Fragment(f'<p class="st-said">“{_marked(answer, labels)}”</p>')
    if answer.words is None:
        return _box(title, quoted, _soft("The text model does not know this language."))
    words, both = answer.words, answer
    said = (
        f"The words alone read as {words.label} ({words.confidence:.0%}). "
        f"Voice and words together: {both.label} ({both.confidence:.0%})."
    )
    return _box(
        title, quoted, _soft(f"{said} English only; a small recogniser, expect wrong words.")
    )


def _marked(answer: TwoSenses, labels: Sequence[str]) -> str:
    words = answer.words
    if words is None:
        return html.escape(answer.text)
    parts, at = [], 0
    for part in answer.contributions:
        if part.weight < SHOWN_FROM:
            continue
        parts.append(html.escape(answer.text[at : part.start]))
        inside = html.escape(answer.text[part.start : part.end])
        parts.append(
            f'<mark style="--emotion:{colour(words.label, labels)}" '
            f'title="{html.escape(words.label)}">{inside}</mark>'
        )
        at = part.end
    return "".join([*parts, html.escape(answer.text[at:])])


def minute(past: Iterable[Prediction], labels: Sequence[str], *, n: int) -> Fragment:
    """The last ``n`` answers of a stream, each as high as it was sure; low and grey in pauses."""
    shown = list(past)[-n:]
    width = 1000 / n
    rects = "".join(
        _upright(prediction, (n - len(shown) + index) * width, width - 3, labels)
        for index, prediction in enumerate(shown)
    )
    return _box(
        Fragment(
            '<h3>The last minute</h3><svg class="st-minute" viewBox="0 0 1000 100" '
            f'preserveAspectRatio="none" role="img" aria-label="Emotions so far">{rects}</svg>'
        ),
        kind="time",
    )


def _upright(prediction: Prediction, left: float, width: float, labels: Sequence[str]) -> str:
    heard = prediction.label in prediction.probabilities
    height = 100 * prediction.confidence if heard else 4
    fill = colour(prediction.label if heard else UNCERTAIN, labels)
    return (
        f'<rect x="{left:.1f}" y="{100 - height:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'fill="{fill}"><title>{clock(prediction.end_s)[3:]} {html.escape(prediction.label)}'
        "</title></rect>"
    )


def _soft(text: str) -> Fragment:
    return Fragment(f'<p class="st-soft">{html.escape(text)}</p>')


def _box(*blocks: Fragment, kind: str = "answer") -> Fragment:
    return Fragment(f'<div class="st-box st-{kind}">{"".join(blocks)}</div>')
