"""One recording: its emotion at once, then its course, then its words."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from serotone.audio.io import info, read
from serotone.errors import AudioError, SerotoneError
from serotone.server.page import view
from serotone.server.page.files import taken, without_place
from serotone.timeline.analyse import analyse
from serotone.timeline.strip import embedded_sound

if TYPE_CHECKING:
    from serotone.inference.multimodal import Listener
    from serotone.inference.recognizer import Recognizer
    from serotone.timeline.segments import Timeline
    from serotone.types import Prediction

RECORDED = "audio.wav"
"""What a browser calls that which it has recorded."""

WORDS_S = 60.0
"""Longer recordings are heard without their words: that takes about as long as they are."""

READY = "Drop a recording, record one, or press a sample: the emotion appears here."


@dataclass(frozen=True)
class Clips:
    """Hears recordings for the page.

    Attributes:
        recognizer: what hears.
        folder: where uploads lie.
        longest_s: longer ones are refused.
    """

    recognizer: Recognizer
    folder: Path
    longest_s: float = 600.0
    # The engine for words holds a state while it decodes.
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def can_words(self) -> bool:
        """Whether the package for words is installed."""
        return find_spec("pocketsphinx") is not None

    @cached_property
    def _listener(self) -> Listener:
        from serotone.inference.multimodal import Listener

        return Listener.open(self.recognizer)

    def upload(self, path: str | None, words: bool) -> Iterator[str]:
        """Hear what was dropped or recorded, and delete it."""
        if not path:
            yield view.hint(READY)
            return
        try:
            with taken([path], self.folder) as uploads:
                yield from self.file(uploads[0], words)
        except AudioError as error:
            yield view.failure(without_place(error, Path(path)))

    def file(self, path: Path, words: bool) -> Iterator[str]:
        """Hear a file and leave it; each answer is the one before with more below it."""
        try:
            for parts in self._parts(path, words):
                yield "".join(parts)
        except SerotoneError as error:
            yield view.failure(without_place(error, path))

    def _parts(self, path: Path, words: bool) -> Iterator[list[str]]:
        duration_s = info(path).duration_s
        if duration_s > self.longest_s:
            raise AudioError(
                f"{path}: {duration_s:.0f} s long, expected at most {self.longest_s:.0f} s. "
                "Use 'serotone predict --timeline' for long recordings."
            )
        labels = self.recognizer.labels
        audio = read(path, sample_rate=self.recognizer.sample_rate)
        title = "Your recording" if path.name == RECORDED else path.name
        prediction = self.recognizer.predict_audio(audio)
        parts: list[str] = [view.verdict(prediction, labels, title=title)]
        yield parts
        timeline = replace(analyse(path, self.recognizer), source=path.name)
        timeline = agreeing(timeline, prediction)
        parts.append(view.over_time(timeline, labels, sound=embedded_sound(path)))
        yield parts
        if words and self.can_words and duration_s <= WORDS_S:
            with self._lock:
                answer = self._listener.predict_audio(audio)
            parts.append(view.transcript(answer, labels))
            yield parts


def agreeing(timeline: Timeline, whole: Prediction) -> Timeline:
    """A timeline whose only stretch of speech says what the whole recording says.

    Two answers to the same words, a pause more or less heard with them, would only puzzle.
    """
    if len(timeline.speech) != 1:
        return timeline
    segments = (
        replace(
            segment,
            emotion=whole.label,
            probabilities=whole.probabilities,
            confidence=whole.confidence,
            intensity=whole.intensity,
        )
        if segment.speech
        else segment
        for segment in timeline.segments
    )
    return replace(timeline, segments=tuple(segments))
