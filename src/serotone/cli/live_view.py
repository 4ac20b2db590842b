"""The live view of ``serotone listen``: level, emotion, bars, the last minute."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from serotone.audio.vad import Span
from serotone.cli.console import UP, emotion_style
from serotone.inference.stream import NO_SPEECH
from serotone.labels import UNCERTAIN
from serotone.types import Prediction

LEVEL_FLOOR_DB = -60.0
LEVEL_FALL_DB = 2.0
REMEMBERED_S = 60.0
REFRESH_HZ = 10


class View:
    """A few lines at the end of the terminal that change in place.

    Args:
        labels: the model's.
        name: of what is listened to.
        console: where to; the terminal where None.
    """

    def __init__(self, labels: Sequence[str], name: str, *, console: Console | None = None) -> None:
        self._labels, self._name = labels, name
        self._console = console or Console(highlight=False)
        self._level_db = LEVEL_FLOOR_DB
        self._now: Prediction | None = None
        self._past: deque[Prediction] = deque()
        self._n_skipped = 0
        # Drawn by its own thread, from whatever stands here then.
        self._live = Live(
            console=self._console,
            get_renderable=self.render,
            refresh_per_second=REFRESH_HZ,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> View:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def sound(self, signal: NDArray[np.float32]) -> None:
        """Move the level: up at once, down slowly."""
        rms = float(np.sqrt(np.mean(np.square(signal)))) if signal.size else 0.0
        level_db = 20 * np.log10(max(rms, 1e-6))
        self._level_db = max(level_db, self._level_db - LEVEL_FALL_DB, LEVEL_FLOOR_DB)

    def prediction(self, prediction: Prediction) -> None:
        """Show a new one."""
        self._now = prediction
        past = deque(p for p in self._past if prediction.end_s - p.end_s < REMEMBERED_S)
        past.append(prediction)
        self._past = past

    def skipped(self, _span: Span) -> None:
        """Count a stretch that was not heard."""
        self._n_skipped += 1

    def render(self) -> Group:
        """What stands on the terminal now."""
        width = max(20, min(60, self._console.width - 24))
        return Group(self._head(width), *self._bars(width), self._minute())

    def _head(self, width: int) -> Text:
        share = 1 - self._level_db / LEVEL_FLOOR_DB
        filled = round(share * width)
        colour = "red" if share > 0.95 else "green"
        head = Text("level      ", "dim")
        head.append("█" * filled, colour)
        head.append("·" * (width - filled), "dim")
        head.append(f" {self._level_db:4.0f} dB", "dim")
        return head

    def _bars(self, width: int) -> list[Text]:
        now = self._now
        if now is None:
            return [Text(f"listening to {self._name}; Ctrl-C ends", "dim")]
        speaking = now.label not in (NO_SPEECH, UNCERTAIN)
        title = Text(f"{now.end_s:7.1f} s  ", "dim")
        title.append(
            now.label, f"bold {emotion_style(now.label, self._labels)}" if speaking else "dim"
        )
        if speaking:
            title.append(f" {now.confidence:.0%}")
        if self._n_skipped:
            title.append(f"  late: {self._n_skipped} skipped", "red")
        rows = [title]
        for label in self._labels:
            share = now.probabilities[label]
            row = Text(f"{label:<10} ", "" if label == now.label else "dim")
            row.append(
                "█" * round(share * width),
                emotion_style(label, self._labels) if speaking else "dim",
            )
            row.append(f" {share:.0%}", "dim")
            rows.append(row)
        return rows

    def _minute(self) -> Text:
        """One upright bar a prediction, as high as it was sure; a dot where nobody spoke."""
        row = Text("minute     ", "dim")
        for prediction in list(self._past)[-60:]:
            if prediction.label in (NO_SPEECH, UNCERTAIN):
                row.append("·", "dim")
            else:
                row.append(
                    UP[max(1, round(prediction.confidence * 8))],
                    emotion_style(prediction.label, self._labels),
                )
        return row
