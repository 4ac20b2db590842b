"""What every page shows of a timeline: coloured waveforms, and the sound itself."""

from __future__ import annotations

import base64
import contextlib
import html
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from serotone.errors import AudioError
from serotone.html.page import Fragment
from serotone.html.palette import colour
from serotone.timeline.formats import words
from serotone.timeline.segments import Segment, Timeline
from serotone.types import Audio

OPUS_RATE_HZ = 24_000

_ROW_HEIGHT = 100


def strip(timeline: Timeline, labels: Sequence[str]) -> Fragment:
    """The waveform of each channel with its segments of speech over it, each an SVG.

    A segment is ``rect.seg`` with ``data-start``, ``data-end`` and ``data-words``, the waveform
    ``path.wave``; the page that takes it in says how tall they are and how strong their colour.

    Args:
        timeline: with peaks.
        labels: all that are shown, for the colours of those without one of their own.
    """
    rows = (
        _row(timeline, index, channel, labels) for index, channel in enumerate(timeline.channels)
    )
    return Fragment("".join(rows))


def _row(timeline: Timeline, index: int, channel: int | None, labels: Sequence[str]) -> str:
    length_s = max(timeline.duration_s, 1e-3)
    rects = "".join(
        f'<rect class="seg" x="{1000 * s.start_s / length_s:.3f}" y="0" height="{_ROW_HEIGHT}" '
        f'width="{1000 * s.duration_s / length_s:.3f}" fill="{colour(str(s.emotion), labels)}" '
        f'data-start="{s.start_s:.2f}" data-end="{s.end_s:.2f}" data-words="{_words(s)}">'
        f"<title>{clock(s.start_s)} {_words(s)}</title></rect>"
        for s in timeline.speech
        if s.channel == channel
    )
    outline = _outline(timeline.peaks[index]) if index < len(timeline.peaks) else ""
    name = "Waveform" if channel is None else f"Waveform of channel {channel + 1}"
    return (
        f'<svg viewBox="0 0 1000 {_ROW_HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{name}, coloured by emotion"><path class="wave" d="{outline}"/>{rects}</svg>'
    )


def _outline(peaks: Sequence[float]) -> str:
    """A closed path around the middle: there along the top, back along the bottom."""
    if not peaks:
        return ""
    middle, width = _ROW_HEIGHT / 2, 1000 / len(peaks)
    loudest = max(max(peaks), 1e-3)
    tops = [(width * (i + 0.5), middle * 0.96 * peak / loudest) for i, peak in enumerate(peaks)]
    there = "L".join(f"{x:.1f} {middle - y:.1f}" for x, y in tops)
    back = "L".join(f"{x:.1f} {middle + y:.1f}" for x, y in reversed(tops))
    return f"M{there}L{back}Z"


def embedded_sound(path: str | Path, *, channel: int | None = None) -> str:
    """A recording as an address that holds its sound, as Opus; up to its damage where it has any.

    Args:
        path: of a recording up to ``EMBED_S`` long.
        channel: which one, from 0; None takes the mean of all.

    Raises:
        AudioError: when it cannot be read at all.
    """
    import numpy as np
    import soundfile

    from serotone.audio.io import stream

    heard = stream(path, block_s=10, channel=channel, sample_rate=OPUS_RATE_HZ)
    blocks = [block.signal for block in _before_damage(heard)]
    file = io.BytesIO()
    soundfile.write(file, np.concatenate(blocks), OPUS_RATE_HZ, format="OGG", subtype="OPUS")
    return f"data:audio/ogg;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"


def _before_damage(blocks: Iterator[Audio]) -> Iterator[Audio]:
    with contextlib.suppress(AudioError):
        yield from blocks


def _words(segment: Segment) -> str:
    return html.escape(words(segment), quote=True)


def clock(time_s: float) -> str:
    """A time as ``00:01:05``."""
    whole_s = int(time_s)
    return f"{whole_s // 3600:02}:{whole_s // 60 % 60:02}:{whole_s % 60:02}"
