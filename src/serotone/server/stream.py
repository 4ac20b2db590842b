"""WebSocket ``/v1/stream``: sound in as it happens, predictions out."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from functools import cache
from typing import Annotated, Literal

import numpy as np
import soundfile
from fastapi import FastAPI, Query, WebSocket
from numpy.typing import NDArray
from pydantic import Field
from starlette.websockets import WebSocketDisconnect

from serotone.config import Config
from serotone.errors import SerotoneError
from serotone.inference.stream import EmotionStream, StreamConfig
from serotone.server.engine import Engine
from serotone.server.errors import Refusal

CONTAINERS = {"ogg": "ogg", "webm": "matroska"}
"""FFmpeg's names of what browsers send."""

SAMPLE_BYTES = {"s16le": 2, "f32le": 4, "mulaw": 1, "alaw": 1}
"""Of codings whose samples are all alike."""

TELEPHONE = {"mulaw": "ULAW", "alaw": "ALAW"}
"""libsndfile's names of what telephone exchanges send (ITU-T G.711)."""

READ_BYTES = 65_536
END = "end"
POLICY, FINISHED = 1008, 1000


class StreamOptions(Config):
    """How a stream is to be heard."""

    format: Literal["s16le", "f32le", "mulaw", "alaw", "ogg", "webm"] = "s16le"
    sample_rate: int | None = Field(default=None, ge=8000, le=192_000)
    hop_s: float = Field(default=1.0, ge=0.1, le=10)
    labels: str = Field(default="", max_length=200)
    min_confidence: float = Field(default=0.0, ge=0, le=1)

    @property
    def rate_hz(self) -> int | None:
        """Of the samples that come, the usual one where none is given; None for a file."""
        if self.format in CONTAINERS:
            return None
        return self.sample_rate or (8_000 if self.format in TELEPHONE else 16_000)


def add_stream(app: FastAPI, engine: Engine) -> None:
    """Give the app its WebSocket."""
    by_client: Counter[str] = Counter()

    @app.websocket("/v1/stream")
    async def stream(socket: WebSocket, options: Annotated[StreamOptions, Query()]) -> None:
        client = socket.scope.get("state", {}).get("client", "")
        try:
            place = _place(engine, by_client, client)
        except Refusal as refusal:
            engine.metrics.refused(refusal.kind)
            if "websocket.http.response" in socket.scope.get("extensions", {}):
                await socket.send_denial_response(refusal.response())
            else:
                await socket.close(POLICY)
            return
        with place:
            await socket.accept()
            engine.metrics.streams.inc()
            try:
                await _Stream(socket, engine, options).run()
            except (WebSocketDisconnect, RuntimeError):
                # The client left; nobody is there to be told.
                return
            except SerotoneError as error:
                engine.metrics.refused("stream")
                with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                    await socket.send_text(json.dumps({"error": str(error)}))
                    await socket.close(POLICY)
            finally:
                engine.metrics.streams.dec()


def _place(
    engine: Engine, by_client: Counter[str], client: str
) -> contextlib.AbstractContextManager[None]:
    """A place among the open streams, taken at once and given back at the end of ``with``.

    Raises:
        Refusal: 429 when all are taken.
    """
    config = engine.config
    most = config.max_streams_per_client
    if by_client.total() >= config.max_streams or by_client[client] >= most:
        raise Refusal(
            429,
            f"got more streams than {config.max_streams}, or than {most} of one client. "
            "Close some, or ask again later.",
            kind="streams",
            retry_after_s=5,
        )
    by_client[client] += 1

    @contextlib.contextmanager
    def held() -> Iterator[None]:
        try:
            yield
        finally:
            by_client[client] -= 1
            if not by_client[client]:
                del by_client[client]

    return held()


class _Stream:
    def __init__(self, socket: WebSocket, engine: Engine, options: StreamOptions) -> None:
        self._socket, self._engine, self._options = socket, engine, options
        labels = options.labels.split(",") if options.labels else engine.recognizer.labels
        recognizer = engine.recognizer.narrow([name.strip() for name in labels])
        self._heard = EmotionStream(
            recognizer.with_min_confidence(options.min_confidence),
            StreamConfig(hop_s=options.hop_s),
            sample_rate=options.rate_hz,
            source="stream",
        )

    async def run(self) -> None:
        """Answer until the client sends ``end`` or leaves.

        Raises:
            Refusal: when nothing comes, too much comes, or it cannot be decoded.
            AudioError: when samples are not finite.
            WebSocketDisconnect: when the client leaves.
        """
        if self._options.format in CONTAINERS:
            await self._follow_file()
        else:
            rest = b""
            n_sample = SAMPLE_BYTES[self._options.format]
            async for message in self._messages():
                data = rest + message
                whole = len(data) - len(data) % n_sample
                rest = data[whole:]
                await self._push(_samples(data[:whole], self._options.format))
        end = {"event": END, "heard_s": round(self._heard.heard_s, 3)}
        await self._socket.send_text(json.dumps(end))
        await self._socket.close(FINISHED)

    async def _messages(self) -> AsyncIterator[bytes]:
        limit_s = self._engine.config.idle_timeout_s
        while True:
            try:
                async with asyncio.timeout(limit_s):
                    message = await self._socket.receive()
            except TimeoutError:
                raise Refusal(
                    408,
                    f"got nothing for {limit_s:g} s, expected sound. Connect again.",
                    kind="slow-client",
                ) from None
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1000))
            if message.get("text") is not None:
                if message["text"].strip() == END:
                    return
                raise Refusal(
                    422,
                    "got text, expected sound in binary messages, or the text 'end'.",
                    kind="stream",
                )
            yield message.get("bytes") or b""

    async def _push(self, signal: NDArray[np.float32]) -> None:
        if not len(signal):
            return
        loop, config = asyncio.get_running_loop(), self._engine.config
        before_s = self._heard.heard_s
        predictions = await loop.run_in_executor(self._engine.stream_pool, self._heard.push, signal)
        for prediction in predictions:
            await self._socket.send_text(json.dumps(prediction.to_dict()))
            self._engine.metrics.heard(prediction.end_s - prediction.start_s, prediction.label)
        if before_s > config.max_stream_s:
            raise Refusal(
                413,
                f"got more than {config.max_stream_s:g} s of sound. Connect again.",
                kind="too-large",
            )

    async def _follow_file(self) -> None:
        """Chunks of a file go to a process of their own, and samples come back."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "serotone.server.decode_worker",
            CONTAINERS[self._options.format],
            str(self._engine.recognizer.sample_rate),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        feeding = asyncio.create_task(self._feed(process))
        listening = asyncio.create_task(self._listen(process))
        try:
            done, _ = await asyncio.wait({feeding, listening}, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
            if await process.wait():
                raise Refusal(
                    422,
                    f"got chunks that are no {self._options.format} with sound. Send a whole "
                    "recording from its beginning, in order.",
                    kind="audio",
                )
        finally:
            for task in (feeding, listening):
                task.cancel()
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _feed(self, process: asyncio.subprocess.Process) -> None:
        if process.stdin is None:
            return
        # A decoder that gave up reads no more; its status says so.
        with contextlib.suppress(ConnectionError):
            async for message in self._messages():
                process.stdin.write(message)
                await process.stdin.drain()
            process.stdin.close()

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        if process.stdout is None:
            return
        rest = b""
        while block := await process.stdout.read(READ_BYTES):
            data = rest + block
            whole = len(data) - len(data) % 4
            rest = data[whole:]
            await self._push(np.frombuffer(data[:whole], "<f4"))


def _samples(data: bytes, format: str) -> NDArray[np.float32]:
    if format == "f32le":
        return np.frombuffer(data, "<f4").astype(np.float32)
    if format in TELEPHONE:
        return _expanded(format)[np.frombuffer(data, np.uint8)]
    return np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32768)


@cache
def _expanded(format: str) -> NDArray[np.float32]:
    """The sample that each byte of a telephone coding stands for, shape (256,)."""
    every = io.BytesIO(bytes(range(256)))
    samples: NDArray[np.float32] = soundfile.read(
        every,
        samplerate=8_000,
        channels=1,
        format="RAW",
        subtype=TELEPHONE[format],
        dtype="float32",
    )[0]
    return samples
