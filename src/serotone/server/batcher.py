"""Recordings of many requests, heard together."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from serotone.types import Audio, Prediction

MAX_BATCH = 16
"""Recordings that go through the model at once."""

MAX_BATCH_S = 96.0
"""Sound that goes through the model at once, so that nobody waits long behind it."""

Hear = Callable[[Sequence[Audio]], list[Prediction]]


@dataclass(frozen=True, slots=True)
class _Waiting:
    audio: Audio
    answer: asyncio.Future[Prediction]


class Batcher:
    """Runs the model in a few threads, each on what has come together meanwhile.

    Nothing is held back to fill a batch: under little load each recording goes alone and at once,
    under much load those that wait go together.

    Args:
        hear: the model; called in threads.
        n_threads: runs at a time.
    """

    def __init__(self, hear: Hear, n_threads: int) -> None:
        self._hear = hear
        self._n_free = n_threads
        self._pool = ThreadPoolExecutor(n_threads, thread_name_prefix="model")
        self._waiting: deque[_Waiting] = deque()
        self._running: set[asyncio.Task[None]] = set()

    @property
    def depth(self) -> int:
        """Recordings that wait for a run."""
        return len(self._waiting)

    async def predict(self, audio: Audio) -> Prediction:
        """Hear one recording, with others where there are some."""
        answer: asyncio.Future[Prediction] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(audio, answer))
        # After what is ready to come now, so that it goes together.
        asyncio.get_running_loop().call_soon(self._start)
        return await answer

    def stop(self) -> None:
        """End the threads; nothing waits any more."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _start(self) -> None:
        while self._n_free and (batch := self._take()):
            self._n_free -= 1
            task = asyncio.get_running_loop().create_task(self._run(batch))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    def _take(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        sound_s = 0.0
        while self._waiting and len(batch) < MAX_BATCH and sound_s < MAX_BATCH_S:
            item = self._waiting.popleft()
            # Nobody waits for the answer any more: the client left, or its time ran out.
            if item.answer.done():
                continue
            batch.append(item)
            sound_s += item.audio.duration_s
        return batch

    async def _run(self, batch: list[_Waiting]) -> None:
        loop = asyncio.get_running_loop()
        audios = [item.audio for item in batch]
        try:
            predictions = await loop.run_in_executor(self._pool, self._hear, audios)
        except Exception as error:  # noqa: BLE001 - whatever it is, each request must hear of it
            for item in batch:
                if not item.answer.done():
                    item.answer.set_exception(error)
        else:
            for item, prediction in zip(batch, predictions, strict=True):
                if not item.answer.done():
                    item.answer.set_result(prediction)
        finally:
            self._n_free += 1
            self._start()
