"""The words under the segments of a timeline."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from serotone.audio.io import read
from serotone.timeline.segments import Timeline
from serotone.words.transcribe import POCKETSPHINX, open_transcriber


def add_words(timeline: Timeline, path: str | Path, transcriber: str = POCKETSPHINX) -> Timeline:
    """The same timeline, each segment of speech with what was said in it.

    A word belongs to the segment that its middle falls into; where channels were heard apart, each
    is transcribed by itself.

    Args:
        timeline: of the recording.
        path: the recording.
        transcriber: as ``words.transcribe.open_transcriber`` takes it.

    Raises:
        AudioError: when the recording cannot be read as a whole.
        MissingExtraError: when the engine is not installed.
        ModelError: when there is no such engine, or its weights cannot be had.
    """
    transcribe = open_transcriber(transcriber)
    channels = {segment.channel for segment in timeline.speech}
    transcripts = {channel: transcribe(read(path, channel=channel)) for channel in channels}
    segments = tuple(
        replace(s, text=transcripts[s.channel].between(s.start_s, s.end_s).text) if s.speech else s
        for s in timeline.segments
    )
    return replace(timeline, segments=segments)
