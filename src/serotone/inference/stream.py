"""Live sound: chunks of any size in, a prediction every hop out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from serotone.audio.dsp import resampler
from serotone.audio.vad import VAD_RATE_HZ, Span, SpeechDetector, VadConfig
from serotone.config import Config
from serotone.errors import AudioError
from serotone.inference.smoothing import blend
from serotone.labels import UNCERTAIN
from serotone.types import Audio, Prediction

if TYPE_CHECKING:
    from serotone.inference.recognizer import Recognizer

NO_SPEECH = "no-speech"
"""The label of a hop in which nobody spoke; its probabilities are those of the last that was heard,
equal before the first."""


class StreamConfig(Config):
    """How a stream is heard.

    Attributes:
        window_s: speech that a prediction hears, up to now.
        hop_s: from prediction to prediction.
        warm_up_s: speech that must have been heard before the first prediction of an utterance.
        context_s: of the pause before an utterance that is heard with it.
        margin_s: of silence put around what the model hears, as in ``WindowConfig``.
        max_late_s: with more sound than this waiting, hops are skipped until it has caught up.
        dwell_s: how long an emotion lasts on average; a prediction leans so much on those before.
            0 turns smoothing off.
        vad: what counts as speech.
    """

    window_s: float = Field(default=3.0, gt=0)
    hop_s: float = Field(default=1.0, gt=0)
    warm_up_s: float = Field(default=0.5, gt=0)
    context_s: float = Field(default=0.2, ge=0)
    margin_s: float = Field(default=0.6, ge=0)
    max_late_s: float = Field(default=1.0, gt=0)
    dwell_s: float = Field(default=1.0, ge=0)
    vad: VadConfig = VadConfig()

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.warm_up_s > self.window_s:
            raise ValueError(
                f"warm_up_s ({self.warm_up_s}) must not exceed window_s ({self.window_s})"
            )
        return self


class EmotionStream:
    """Hears a signal that arrives in chunks, in constant memory.

    The predictions are the same whatever the size of the chunks. Time is counted in samples, so
    it does not drift.

    Args:
        recognizer: what hears.
        config: windows, hop and smoothing.
        sample_rate: of the chunks, in Hz; the recognizer's where None.
        source: name in predictions.
        on_skip: told of each stretch that was skipped because the stream was late.

    Attributes:
        n_skipped: hops skipped so far.

    Raises:
        MissingExtraError: without the package that detects speech, extra ``timeline``.

    Example:
        >>> from serotone.inference.recognizer import Recognizer
        >>> stream = EmotionStream(Recognizer.open())
        >>> [p.label for p in stream.push(np.zeros(32000, np.float32))]
        ['no-speech', 'no-speech']
    """

    def __init__(
        self,
        recognizer: Recognizer,
        config: StreamConfig | None = None,
        *,
        sample_rate: int | None = None,
        source: str = "live",
        on_skip: Callable[[Span], None] | None = None,
    ) -> None:
        self._recognizer = recognizer
        self._config = config or StreamConfig()
        self._rate = recognizer.sample_rate
        self._source = source
        self._on_skip = on_skip
        self._convert = resampler(sample_rate or self._rate, self._rate)
        self._to_vad = resampler(self._rate, VAD_RATE_HZ)
        self._detector = SpeechDetector(self._config.vad)
        self._n_hop = max(1, round(self._config.hop_s * self._rate))
        self._ring = np.zeros(round(self._config.window_s * self._rate), np.float32)
        self._waiting = np.empty(0, np.float32)
        self._n_heard = 0
        self._believed = np.full(len(recognizer.labels), 1 / len(recognizer.labels))
        self._believed_at_s = -math.inf
        self.n_skipped = 0

    @property
    def heard_s(self) -> float:
        """Seconds of sound that predictions have been made of."""
        return self._n_heard / self._rate

    def push(self, signal: NDArray[np.float32], *, late_s: float = 0.0) -> list[Prediction]:
        """Take the next samples.

        Args:
            signal: float32 of shape (N,), any N, finite.
            late_s: sound that waits behind this chunk already. Above ``max_late_s`` the hops in
                this chunk are skipped: listened to for speech, but not given to the model.

        Returns:
            One prediction for each hop that ended within the chunk and was not skipped. Its times
            are the hop's; its label is ``no-speech`` where nobody spoke.

        Raises:
            AudioError: when samples are not finite or not in one channel.
        """
        if signal.ndim != 1 or not np.isfinite(signal).all():
            raise AudioError(
                f"{self._source}: got a chunk of shape {signal.shape}, expected one channel of "
                "finite samples. Check the microphone."
            )
        ready = np.clip(self._convert(np.asarray(signal, np.float32), last=False), -1, 1)
        joined = np.concatenate([self._waiting, ready])
        n_hops = len(joined) // self._n_hop
        # A copy, so that a long chunk is not kept alive by its end.
        self._waiting = joined[n_hops * self._n_hop :].copy()
        late = late_s > self._config.max_late_s
        predictions = []
        for hop in joined[: n_hops * self._n_hop].reshape(n_hops, self._n_hop):
            speech_from = self._listen(hop)
            if late:
                self._skip()
            else:
                predictions.append(self._predict(speech_from))
        return predictions

    def _listen(self, hop: NDArray[np.float32]) -> float | None:
        """Take one hop in; return where the latest speech in it began, None without any."""
        self._ring = np.concatenate([self._ring, hop])[-len(self._ring) :]
        self._n_heard += len(hop)
        spans = self._detector.push(self._to_vad(hop, last=False))
        if self._detector.open:
            return self._detector.open.start_s
        return spans[-1].start_s if spans else None

    def _predict(self, speech_from: float | None) -> Prediction:
        config = self._config
        heard_s = 0.0 if speech_from is None else self.heard_s - speech_from
        if speech_from is None or heard_s < config.warm_up_s:
            return self._answer(NO_SPEECH if speech_from is None else UNCERTAIN, math.nan)
        n_samples = round(min(config.window_s, heard_s + config.context_s) * self._rate)
        window = np.pad(self._ring[-n_samples:], round(config.margin_s * self._rate))
        said = self._recognizer.predict_audio(Audio(window, self._rate, self._source))
        row = np.array([said.probabilities[label] for label in self._recognizer.labels])
        gap_s = self.heard_s - self._believed_at_s
        self._believed = blend(self._believed, row, gap_s, dwell_s=config.dwell_s)
        self._believed_at_s = self.heard_s
        return self._answer(None, said.intensity)

    def _answer(self, label: str | None, intensity: float) -> Prediction:
        labels = self._recognizer.labels
        best = int(self._believed.argmax())
        confidence = float(self._believed[best])
        sure = confidence >= self._recognizer.min_confidence
        return Prediction(
            source=self._source,
            start_s=(self._n_heard - self._n_hop) / self._rate,
            end_s=self.heard_s,
            probabilities=dict(zip(labels, self._believed.tolist(), strict=True)),
            label=label or (labels[best] if sure else UNCERTAIN),
            confidence=confidence,
            intensity=intensity,
        )

    def _skip(self) -> None:
        self.n_skipped += 1
        if self._on_skip:
            self._on_skip(Span((self._n_heard - self._n_hop) / self._rate, self.heard_s))
