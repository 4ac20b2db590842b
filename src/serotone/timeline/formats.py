"""A timeline as text that other programs read: JSON, CSV, subtitles, RTTM, Audacity labels.

Subtitles, RTTM and labels hold speech alone; JSON and CSV hold the pauses too.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from serotone.timeline.segments import Segment, Timeline
from serotone.timeline.summary import summarise
from serotone.types import Failure


def to_json(timelines: Sequence[Timeline | Failure]) -> str:
    """A JSON array: one object a recording, with ``segments`` and ``summary``, or its ``error``."""
    return json.dumps([_object(timeline) for timeline in timelines], indent=2) + "\n"


def to_jsonl(timelines: Iterable[Timeline | Failure]) -> str:
    """One JSON object a segment and line, with the recording's ``path``; or its ``error``."""
    rows = itertools.chain.from_iterable(map(_rows, timelines))
    return "".join(json.dumps(row) + "\n" for row in rows)


def to_csv(timelines: Sequence[Timeline]) -> str:
    """A header and one row a segment; the probability of ``happy`` is in column ``p_happy``."""
    sound = ("start_s", "end_s", "speech", "label", "confidence", "intensity")
    plain = (*sound, "channel", "speaker", "text")
    labels = list(dict.fromkeys(label for t in timelines for label in t.labels))
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["path", *plain, *(f"p_{label}" for label in labels)])
    for timeline in timelines:
        for segment in timeline.segments:
            row = segment.to_dict() | {"speech": int(segment.speech)}
            shares = row["probabilities"] or {}
            cells = [row[key] for key in plain] + [shares.get(label) for label in labels]
            writer.writerow([timeline.source, *cells])
    return file.getvalue()


def to_srt(timeline: Timeline) -> str:
    """SubRip subtitles."""
    cues = enumerate(_by_time(timeline), start=1)
    return "\n".join(
        f"{number}\n{_clock(s.start_s, ',')} --> {_clock(s.end_s, ',')}\n"
        f"{words(s)}\n{_line(s.text)}"
        for number, s in cues
    )


def to_vtt(timeline: Timeline) -> str:
    """WebVTT subtitles; a voice tag where people or channels were told apart."""
    cues = (
        f"{_clock(s.start_s, '.')} --> {_clock(s.end_s, '.')}\n"
        + (f"<v {who(s)}>" if who(s) else "")
        + f"{_feeling(s)}\n{_line(s.text)}"
        for s in _by_time(timeline)
    )
    return "\n".join(["WEBVTT\n", *cues])


def to_rttm(timelines: Iterable[Timeline]) -> str:
    """Rich Transcription Time Marked lines, the emotion in the place of the speaker's name.

    Ten fields, as NIST's evaluation plan of 2009 has them: type, file, channel from 1, begin,
    duration, two that are not used, name, confidence, one that is not used.
    """
    return "".join(
        f"SPEAKER {_one_word(Path(timeline.source).stem)} {(s.channel or 0) + 1} {s.start_s:.3f} "
        f"{s.duration_s:.3f} <NA> <NA> {_one_word(str(s.emotion))} {s.confidence:.4f} <NA>\n"
        for timeline in timelines
        for s in _by_time(timeline)
    )


def to_audacity(timeline: Timeline) -> str:
    """A label track for Audacity (File, Import, Labels)."""
    return "".join(f"{s.start_s:.6f}\t{s.end_s:.6f}\t{words(s)}\n" for s in _by_time(timeline))


def words(segment: Segment) -> str:
    """A segment in words: ``channel 1: angry 87 %``."""
    name = who(segment)
    return (f"{name}: " if name else "") + _feeling(segment)


def who(segment: Segment) -> str:
    """Whose voice a segment is, empty where nobody was told apart; channels count from 1 here."""
    channel = "" if segment.channel is None else f"channel {segment.channel + 1}"
    return " ".join(filter(None, (channel, segment.speaker)))


def _line(text: str) -> str:
    return f"{text}\n" if text else ""


def _feeling(segment: Segment) -> str:
    return f"{segment.emotion} {segment.confidence:.0%}".replace("%", " %")


def _rows(timeline: Timeline | Failure) -> list[dict[str, object]]:
    if isinstance(timeline, Failure):
        return [{"path": timeline.source, "error": timeline.error}]
    path = {"path": timeline.source}
    return [{**path, **segment.to_dict(), "error": None} for segment in timeline.segments]


def _object(timeline: Timeline | Failure) -> dict[str, object]:
    if isinstance(timeline, Failure):
        return {"path": timeline.source, "error": timeline.error}
    return {
        "path": timeline.source,
        "duration_s": round(timeline.duration_s, 3),
        "labels": list(timeline.labels),
        "channels": list(timeline.channels),
        "error": timeline.warning or None,
        "summary": summarise(timeline).to_dict(),
        "segments": [segment.to_dict() for segment in timeline.segments],
    }


def _by_time(timeline: Timeline) -> list[Segment]:
    return sorted(timeline.speech, key=lambda segment: (segment.start_s, segment.channel or 0))


def _clock(time_s: float, point: str) -> str:
    whole_ms = round(time_s * 1000)
    minutes, ms = divmod(whole_ms, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{ms // 1000:02}{point}{ms % 1000:03}"


def _one_word(text: str) -> str:
    return "_".join(text.split()) or "_"
