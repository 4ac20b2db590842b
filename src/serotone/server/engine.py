"""What answers: decoders, the model and the slow things, for every door of the service."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING, TypeVar

from serotone.inference.recognizer import LONGEST_S, Recognizer
from serotone.server.batcher import Batcher
from serotone.server.config import ServeConfig
from serotone.server.decode_pool import Decoders
from serotone.server.errors import Refusal
from serotone.server.metrics import Metrics
from serotone.server.options import Options, narrow
from serotone.timeline.segments import Timeline, TimelineConfig
from serotone.types import Audio, Prediction

if TYPE_CHECKING:
    from serotone.inference.multimodal import Listener

T = TypeVar("T")

NAME_LENGTH = 120
WITHIN_A_BATCH_S = 2 * LONGEST_S
"""Longer recordings are heard apart, so that short ones do not wait for them."""

PLAIN = Options()


class Engine:
    """One model and all that feeds it.

    Args:
        config: limits.

    Attributes:
        recognizer: the model.
        metrics: what was done.
        draining: set when the service is to end.

    Raises:
        ModelError: when there is no such model, or its files were altered.
    """

    def __init__(self, config: ServeConfig) -> None:
        self.config = config
        n_cores = os.cpu_count() or 1
        self._n_threads = config.n_threads or n_cores
        # One thread a run and a run a core: operators that wait for each other waste less so.
        self.recognizer = Recognizer.open(config.model, n_threads=1)
        self.metrics = Metrics()
        self.draining = asyncio.Event()
        self.ready = False
        self._n_slow = 0
        self._n_taken = 0

    async def start(self) -> None:
        """Start processes and threads, and run the model once."""
        self.decoders = Decoders(self.config, self.recognizer.sample_rate)
        self._batcher = Batcher(self.recognizer.predict_batch, self._n_threads)
        self._slow_pool = ThreadPoolExecutor(1, thread_name_prefix="slow")
        self.stream_pool = ThreadPoolExecutor(max(1, self._n_threads), thread_name_prefix="stream")
        self.metrics.watch(queue=lambda: self._batcher.depth, lost=lambda: self.decoders.n_lost)
        await self.decoders.start()
        self.ready = True

    async def stop(self) -> None:
        """End processes and threads."""
        self.ready = False
        await self.decoders.stop()
        self._batcher.stop()
        for pool in (self._slow_pool, self.stream_pool):
            pool.shutdown(wait=True, cancel_futures=True)

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """A place among the requests that are taken and not yet answered.

        Raises:
            Refusal: 429 when all are taken.
        """
        if self._n_taken >= self.config.max_waiting:
            raise Refusal(
                429,
                f"got {self._n_taken} requests that wait already, expected at most "
                f"{self.config.max_waiting}. Ask again later.",
                kind="queue-full",
                retry_after_s=1,
            )
        self._n_taken += 1
        try:
            yield
        finally:
            self._n_taken -= 1

    async def predict(
        self, sound: bytes | Audio, options: Options = PLAIN, *, name: str = "upload"
    ) -> Prediction:
        """Hear one recording; with words where the options ask for them.

        Args:
            sound: a file's bytes, or sound in memory.
            options: what to hear, ``timeline`` aside.
            name: of the file, for the answer alone.

        Raises:
            Refusal: when it cannot be heard; says with which status.
            LabelError: when the options name a label that the model does not know.
        """
        labels = options.chosen(self.recognizer.labels)
        audio = await self._audio(sound, options, name, self.config.max_duration_s)
        if options.words:
            prediction = await self._slowly(self._with_words, audio, labels, options)
        elif audio.duration_s > WITHIN_A_BATCH_S:
            said = await self._slowly(self.recognizer.predict_audio, audio)
            prediction = narrow(said, labels, options.min_confidence)
        else:
            said = await self._in_time(self._batcher.predict(audio), self.config.timeout_s)
            prediction = narrow(said, labels, options.min_confidence)
        self.metrics.heard(audio.duration_s, prediction.label)
        return prediction

    async def timeline(
        self, sound: bytes | Audio, options: Options = PLAIN, *, name: str = "upload"
    ) -> Timeline:
        """Hear who felt what, when. Arguments and errors as in ``predict``.

        Raises:
            MissingExtraError: without the package that detects speech.
        """
        labels = options.chosen(self.recognizer.labels)
        audio = await self._audio(sound, options, name, self.config.max_timeline_s)
        timeline = await self._slowly(self._timeline, audio, labels, options)
        for segment in timeline.speech:
            self.metrics.heard(segment.duration_s, segment.emotion or "")
        return timeline

    async def _audio(
        self, sound: bytes | Audio, options: Options, name: str, max_s: float
    ) -> Audio:
        if isinstance(sound, Audio):
            return sound
        return await self._in_time(
            self.decoders.decode(sound, source=tidy(name), channel=options.channel, max_s=max_s),
            self.config.timeout_s + self.config.decode_timeout_s,
        )

    async def _slowly(self, work: Callable[..., T], *args: object) -> T:
        if self._n_slow >= self.config.max_slow_waiting:
            raise Refusal(
                429,
                f"got {self._n_slow} long jobs already, expected at most "
                f"{self.config.max_slow_waiting}. Ask again later.",
                kind="queue-full",
                retry_after_s=10,
            )
        self._n_slow += 1
        loop = asyncio.get_running_loop()
        job = loop.run_in_executor(self._slow_pool, functools.partial(work, *args))
        # A thread cannot be stopped: it counts until it is done.
        job.add_done_callback(self._slow_done)
        return await self._in_time(job, self.config.slow_timeout_s)

    def _slow_done(self, job: asyncio.Future[T]) -> None:
        self._n_slow -= 1

    async def _in_time(self, waiting: Awaitable[T], limit_s: float) -> T:
        try:
            return await asyncio.wait_for(waiting, limit_s)
        except TimeoutError:
            raise Refusal(
                504,
                f"got no answer within {limit_s:g} s. Ask later, or send a shorter recording.",
                kind="timeout",
                retry_after_s=5,
            ) from None

    @functools.cached_property
    def listener(self) -> Listener:
        """Voice and words together; opened when first asked for."""
        from serotone.inference.multimodal import Listener

        return Listener.open(self.recognizer)

    def _narrowed(self, labels: tuple[str, ...], options: Options) -> Recognizer:
        return self.recognizer.narrow(labels).with_min_confidence(options.min_confidence)

    def _with_words(self, audio: Audio, labels: tuple[str, ...], options: Options) -> Prediction:
        listener = replace(self.listener, recognizer=self._narrowed(labels, options))
        return listener.predict_audio(audio)

    def _timeline(self, audio: Audio, labels: tuple[str, ...], options: Options) -> Timeline:
        from serotone.timeline.analyse import analyse

        config = TimelineConfig(n_speakers=options.speakers)
        timeline = analyse(audio, self._narrowed(labels, options), config)
        if not options.words:
            return timeline
        transcript = self.listener.transcriber(audio)
        segments = tuple(
            replace(s, text=transcript.between(s.start_s, s.end_s).text) if s.speech else s
            for s in timeline.segments
        )
        return replace(timeline, segments=segments)


def tidy(name: str) -> str:
    """A client's name of a file as it may stand in an answer; it never names a file here.

    Example:
        >>> tidy("../../etc/pass\\nwd"), tidy("")
        ('passwd', 'upload')
    """
    last = PurePath(name.replace("\\", "/")).name
    return "".join(c for c in last if c.isprintable())[:NAME_LENGTH] or "upload"
