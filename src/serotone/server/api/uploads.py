"""Bodies of requests, held in memory, counted as they come, given up when they are slow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from serotone.server.config import ServeConfig
from serotone.server.errors import Refusal

HEADER_BYTES = 8192
"""Of the headers of one part of a form."""

FORM_SLACK_BYTES = 65_536
"""What a form may hold beside its files."""


@dataclass(slots=True)
class Upload:
    """One file of a request. ``name`` is what the client calls it, and names nothing here."""

    name: str = ""
    data: bytearray = field(default_factory=bytearray)


class Bodies:
    """Takes in bodies within limits.

    Args:
        config: the limits.

    Attributes:
        held: bytes of all bodies that are in memory now.
    """

    def __init__(self, config: ServeConfig) -> None:
        self._config = config
        self.held = 0

    def give_back(self, n_bytes: int) -> None:
        """Bytes that are no longer held."""
        self.held -= n_bytes

    async def receive(
        self, request: Request, held: list[int], *, max_files: int, max_bytes: int
    ) -> list[Upload]:
        """All files of a request: the parts of a form that are files, or the body itself.

        Args:
            request: its body not yet read.
            held: what was taken of ``held`` so far is kept here, to be given back.
            max_files: more are refused.
            max_bytes: of the whole body.

        Raises:
            Refusal: 408 too slow, 413 too large, 422 not a form or no file in it, 503 when all
                bodies together hold too much.
        """
        kind, parameters = parse_options_header(request.headers.get("content-type", ""))
        is_form = kind == b"multipart/form-data"
        blocks = self._blocks(request, held, max_bytes + (FORM_SLACK_BYTES if is_form else 0))
        if not is_form:
            upload = Upload()
            async for block in blocks:
                upload.data += block
            return [upload]
        return await _read_form(blocks, parameters, max_files, self._config.max_upload_bytes)

    async def _blocks(
        self, request: Request, held: list[int], max_bytes: int
    ) -> AsyncIterator[bytes]:
        claimed = request.headers.get("content-length", "")
        if claimed.isdigit() and int(claimed[:20]) > max_bytes:
            raise too_large(int(claimed[:20]), max_bytes)
        config, loop = self._config, asyncio.get_running_loop()
        end = loop.time() + config.body_timeout_s
        parts, n_bytes = request.stream().__aiter__(), 0
        while True:
            limit_s = min(config.idle_timeout_s, end - loop.time())
            try:
                async with asyncio.timeout(max(0.001, limit_s)):
                    block = await anext(parts)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise Refusal(
                    408,
                    f"got {n_bytes} bytes of the body and then nothing in time, expected all of it "
                    f"within {config.body_timeout_s:g} s and no pause beyond "
                    f"{config.idle_timeout_s:g} s. Send it faster.",
                    kind="slow-client",
                ) from None
            except ClientDisconnect:
                raise Refusal(400, "the client left before its body.", kind="gone") from None
            n_bytes += len(block)
            if n_bytes > max_bytes:
                raise too_large(n_bytes, max_bytes)
            if self.held + len(block) > config.max_held_bytes:
                raise Refusal(
                    503,
                    f"all requests together hold {self.held} bytes, expected at most "
                    f"{config.max_held_bytes}. Ask again later.",
                    kind="memory",
                    retry_after_s=2,
                )
            self.held += len(block)
            held[0] += len(block)
            yield block


def too_large(n_bytes: int, limit: int) -> Refusal:
    """More bytes than are taken."""
    return Refusal(
        413,
        f"got {n_bytes} bytes or more, expected at most {limit}. Send a shorter recording, or "
        "one in FLAC or Opus.",
        kind="too-large",
    )


class _Form:
    """Collects the files of a form as its bytes come."""

    def __init__(self, max_files: int, max_bytes: int) -> None:
        self._max_files, self._max_bytes = max_files, max_bytes
        self.files: list[Upload] = []
        self._upload: Upload | None = None
        self._field, self._value, self._n_headers = b"", b"", 0
        self._disposition = b""

    def callbacks(self) -> Any:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._data,
        }

    def _begin(self) -> None:
        self._upload, self._disposition, self._n_headers = None, b"", 0

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += self._counted(data[start:end])

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += self._counted(data[start:end])

    def _counted(self, data: bytes) -> bytes:
        self._n_headers += len(data)
        if self._n_headers > HEADER_BYTES:
            raise _not_a_form(f"a part with more than {HEADER_BYTES} bytes of headers")
        return data

    def _header_end(self) -> None:
        if self._field.lower() == b"content-disposition":
            self._disposition = self._value
        self._field, self._value = b"", b""

    def _headers_finished(self) -> None:
        _, parameters = parse_options_header(self._disposition)
        if b"filename" not in parameters and parameters.get(b"name") not in (b"file", b"files"):
            return
        if len(self.files) == self._max_files:
            raise Refusal(
                413,
                f"got more files than {self._max_files}, expected at most so many. "
                "Send several requests.",
                kind="too-large",
            )
        name = parameters.get(b"filename", b"").decode("utf-8", "replace")
        self._upload = Upload(name)
        self.files.append(self._upload)

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._upload is None:
            return
        self._upload.data += data[start:end]
        if len(self._upload.data) > self._max_bytes:
            raise too_large(len(self._upload.data), self._max_bytes)


async def _read_form(
    blocks: AsyncIterator[bytes], parameters: dict[bytes, bytes], max_files: int, max_bytes: int
) -> list[Upload]:
    form = _Form(max_files, max_bytes)
    try:
        parser = MultipartParser(parameters.get(b"boundary", b""), form.callbacks())
        async for block in blocks:
            parser.write(block)
        parser.finalize()
    except (FormParserError, ValueError) as error:
        raise _not_a_form(str(error)) from None
    if not form.files:
        raise _not_a_form("no file in it")
    return form.files


def _not_a_form(reason: str) -> Refusal:
    return Refusal(
        422,
        f"got a form that cannot be used ({reason}), expected multipart/form-data with a file. "
        "Send it as curl -F file=@clip.wav does.",
        kind="form",
    )
