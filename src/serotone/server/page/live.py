"""The microphone of a visitor, heard as it comes.

The browser sends its sound over a WebSocket of the page's own: Gradio's stream writes each tenth
of a second to a file and, on a busy machine, drops what it has no time for.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np
from starlette.websockets import WebSocketDisconnect

from serotone.errors import AudioError, SerotoneError
from serotone.inference.stream import EmotionStream, StreamConfig
from serotone.server.page import view

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from starlette.websockets import WebSocket

    from serotone.inference.recognizer import Recognizer
    from serotone.types import Prediction

HOP_S = 0.5
N_PAST = 120
"""Answers that are shown: a minute of them."""

RATES_HZ = (8_000, 192_000)
"""Lowest and highest that a browser may send."""

MAX_CHUNK_BYTES = 400_000
IDLE_S = 10.0

MOST_WAITING_S, MOST_WAITING = 60.0, 1_000
"""Sound, and chunks. After a stall hops are skipped, so that a microphone never comes near it."""

READY = "Press Start and speak: the emotion follows your voice, twice a second."
END, BUSY, MISUSED = 1000, 1013, 1008
"""Codes that a WebSocket is closed with."""


class LiveSession:
    """One visitor's stream, from Start to Stop.

    Args:
        recognizer: what hears.
        sample_rate: of the chunks, in Hz.
    """

    def __init__(self, recognizer: Recognizer, sample_rate: int) -> None:
        self._labels, self._rate = recognizer.labels, sample_rate
        self._stream = EmotionStream(
            recognizer, StreamConfig(hop_s=HOP_S), sample_rate=sample_rate, source="microphone"
        )
        self._past: deque[Prediction] = deque(maxlen=N_PAST)
        self._n_taken = 0

    @property
    def taken_s(self) -> float:
        """Seconds of sound so far."""
        return self._n_taken / self._rate

    def hear(self, signal: NDArray[np.float32], *, late_s: float = 0.0) -> str:
        """Take the next samples (N,); return what to show, empty where nothing is new.

        Args:
            signal: float32.
            late_s: sound that waits behind it already, as in ``EmotionStream.push``.
        """
        self._n_taken += len(signal)
        new = self._stream.push(signal, late_s=late_s)
        if not new:
            return ""
        self._past.extend(new)
        return view.verdict(new[-1], self._labels) + view.minute(self._past, self._labels, n=N_PAST)


class Live:
    """The page's WebSocket: first ``{"token", "sample_rate"}``, then 16 bit PCM; HTML comes back.

    Args:
        recognizer: what hears.
        most: visitors at once.
        longest_s: of sound in a session.

    Attributes:
        token: only who has seen the page knows it, so that no other site's script can listen in.
    """

    def __init__(self, recognizer: Recognizer, *, most: int, longest_s: float) -> None:
        self.token = secrets.token_urlsafe(24)
        self._recognizer, self._most, self._longest_s = recognizer, most, longest_s
        self._n_open = 0

    async def serve(self, socket: WebSocket) -> None:
        """Hear one visitor until one side ends."""
        # Visitors leave when they like, also between a chunk and its answer.
        with contextlib.suppress(WebSocketDisconnect):
            await self._serve(socket)

    async def _serve(self, socket: WebSocket) -> None:
        await socket.accept()
        if self._n_open >= self._most:
            line = f"{self._most} visitors are being heard live already. Try again in a minute."
            await _end(socket, line, BUSY)
            return
        self._n_open += 1
        try:
            await self._hear(socket)
        except SerotoneError as error:
            await _end(socket, str(error), MISUSED)
        except TimeoutError:
            await _end(socket, f"No sound came for {IDLE_S:.0f} s. Press Start again.", END)
        finally:
            self._n_open -= 1

    async def _hear(self, socket: WebSocket) -> None:
        hello = await _next(socket)
        if hello is None:
            return
        rate = self._rate(hello.get("text") or "")
        session, waiting = LiveSession(self._recognizer, rate), _Waiting(rate)
        taking = asyncio.create_task(waiting.take(socket))
        try:
            while (signal := await waiting.next()) is not None:
                shown = await asyncio.to_thread(session.hear, signal, late_s=waiting.length_s)
                if shown:
                    await socket.send_text(shown)
                if session.taken_s > self._longest_s:
                    await socket.close(END)
                    return
            await taking
        finally:
            taking.cancel()
            await asyncio.gather(taking, return_exceptions=True)

    def _rate(self, hello: str) -> int:
        try:
            told = json.loads(hello)
            token, rate = str(told["token"]), int(told["sample_rate"])
        except (ValueError, TypeError, KeyError):
            raise AudioError("microphone: got no sample rate, expected one. Reload.") from None
        if not secrets.compare_digest(token.encode(), self.token.encode()):
            raise AudioError("the service was started anew since. Reload the page.")
        if not RATES_HZ[0] <= rate <= RATES_HZ[1]:
            raise AudioError(
                f"microphone: got {rate} Hz, expected {RATES_HZ[0]} to {RATES_HZ[1]} Hz. "
                "Choose another microphone."
            )
        return rate


class _Waiting:
    """Chunks that have come and are not heard yet, of ``rate`` samples a second.

    They are counted, not timed: a browser that loses sound, or whose clock is slow, is not late.
    """

    def __init__(self, rate: int) -> None:
        self._rate, self._n_samples = rate, 0
        self._chunks: asyncio.Queue[NDArray[np.float32] | None] = asyncio.Queue()

    @property
    def length_s(self) -> float:
        """Seconds of sound that wait."""
        return self._n_samples / self._rate

    async def take(self, socket: WebSocket) -> None:
        """Take what the visitor sends until there is no more.

        Raises:
            AudioError: when it is no sound, or far more than a microphone gives.
            TimeoutError: when nothing comes.
        """
        try:
            while (message := await _next(socket)) is not None:
                signal = _samples(message.get("bytes") or b"")
                self._n_samples += len(signal)
                self._chunks.put_nowait(signal)
                if self.length_s > MOST_WAITING_S or self._chunks.qsize() > MOST_WAITING:
                    raise AudioError(
                        f"microphone: got {self.length_s:.0f} s of sound in {self._chunks.qsize()} "
                        f"chunks that wait to be heard, expected at most {MOST_WAITING_S:.0f} s in "
                        f"{MOST_WAITING}. Press Start again."
                    )
        finally:
            self._chunks.put_nowait(None)

    async def next(self) -> NDArray[np.float32] | None:
        """The first that waits, None after the last."""
        signal = await self._chunks.get()
        self._n_samples -= 0 if signal is None else len(signal)
        return signal


def _samples(data: bytes) -> NDArray[np.float32]:
    if len(data) > MAX_CHUNK_BYTES or len(data) % 2:
        raise AudioError(
            f"microphone: got a chunk of {len(data)} bytes, expected 16 bit samples, at most "
            f"{MAX_CHUNK_BYTES} bytes. Reload the page."
        )
    return np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32768)


async def _next(socket: WebSocket) -> dict[str, Any] | None:
    """The next message, None once the visitor has gone."""
    message = dict(await asyncio.wait_for(socket.receive(), IDLE_S))
    return None if message["type"] == "websocket.disconnect" else message


async def _end(socket: WebSocket, line: str, code: int) -> None:
    await socket.send_text(view.failure(line))
    await socket.close(code)
