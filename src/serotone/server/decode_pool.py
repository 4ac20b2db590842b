"""Processes that decode uploads, started again when one is lost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from typing import Any

import numpy as np

from serotone.server.config import ServeConfig
from serotone.server.decode_worker import LENGTHS, TOO_LARGE
from serotone.server.errors import Refusal
from serotone.types import Audio

ANSWER_BYTES = 1 << 20
"""Of an answer that are read before the loop is asked for more."""


class Decoders:
    """A few processes, each with one upload at a time.

    Args:
        config: how many, and how much a recording may hold.
        sample_rate: of what comes out, in Hz.

    Attributes:
        n_lost: processes that died or were ended for taking too long.
    """

    def __init__(self, config: ServeConfig, sample_rate: int) -> None:
        self._config = config
        self._sample_rate = sample_rate
        n_cores = os.cpu_count() or 1
        self._n = config.n_decoders or max(1, n_cores // 2)
        self._idle: asyncio.Queue[asyncio.subprocess.Process] = asyncio.Queue()
        self.n_lost = 0

    async def start(self) -> None:
        """Start all processes."""
        for _ in range(self._n):
            self._idle.put_nowait(await _process())

    async def stop(self) -> None:
        """End the processes; none is at work any more."""
        while not self._idle.empty():
            await _end(self._idle.get_nowait())

    async def decode(self, data: bytes, *, source: str, channel: int | None, max_s: float) -> Audio:
        """A recording as one channel at the model's rate.

        Raises:
            Refusal: 422 when it is not a recording that can be read, 413 when it is more than is
                taken, 422 when decoding it ended the process or took too long.
        """
        wanted = {
            "source": source,
            "channel": channel,
            "sample_rate": self._sample_rate,
            "max_s": max_s,
            "max_channels": self._config.max_channels,
        }
        process = await self._idle.get()
        whole = False
        try:
            async with asyncio.timeout(self._config.decode_timeout_s):
                header, body = await _ask(process, data, wanted)
            whole = True
        except TimeoutError:
            raise Refusal(
                422,
                f"{source}: decoding took longer than {self._config.decode_timeout_s:g} s. "
                "Convert it to WAV.",
                kind="decode-time",
            ) from None
        except (asyncio.IncompleteReadError, ConnectionError):
            raise Refusal(
                422,
                f"{source}: decoding it ended the decoder; the file is damaged. "
                "Export it again, as WAV.",
                kind="decode-crash",
            ) from None
        finally:
            if whole:
                self._idle.put_nowait(process)
            else:
                # Lost, or still busy with what nobody waits for.
                self.n_lost += 1
                process = await asyncio.shield(self._replace(process))
        if "error" in header:
            status = 413 if header["kind"] == TOO_LARGE else 422
            raise Refusal(status, header["error"], kind=header["kind"])
        return Audio(np.frombuffer(body, np.float32), header["sample_rate"], source)

    async def _replace(self, process: asyncio.subprocess.Process) -> asyncio.subprocess.Process:
        await _end(process)
        fresh = await _process()
        self._idle.put_nowait(fresh)
        return fresh


async def _process() -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "serotone.server.decode_worker",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=ANSWER_BYTES,
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()


async def _ask(
    process: asyncio.subprocess.Process, data: bytes, wanted: dict[str, Any]
) -> tuple[dict[str, Any], bytes]:
    requests, answers = process.stdin, process.stdout
    if requests is None or answers is None:
        raise ConnectionError
    text = json.dumps(wanted).encode()
    requests.write(LENGTHS.pack(len(text), len(data)) + text)
    requests.write(data)
    await requests.drain()
    n_header, n_body = LENGTHS.unpack(await answers.readexactly(LENGTHS.size))
    header: dict[str, Any] = json.loads(await answers.readexactly(n_header))
    return header, await answers.readexactly(n_body)
