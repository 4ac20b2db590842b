"""What of Gradio's many routes the page lets a browser reach.

Gradio would also fetch addresses for its clients, hand out files of its cache, keep links to
sessions on disk and offer an API of its own. The page needs none of it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

API = "/gradio_api/"

NEEDED = (
    "app_id",
    "cancel",
    "heartbeat/",
    "queue/data",
    "queue/join",
    "reset",
    "startup-events",
    "stream/",
    "theme.css",
    "upload",
)
"""What the browser's side of the page asks for below ``gradio_api``; all else is not there."""

REFUSED = ("api/", "call/", "custom_component/", "deep_link", "file=", "file/", "monitoring")
REFUSED_TOO = ("proxy=", "run/", "mcp", "component_server", "vibe", "dev/", "process_recording")

LARGEST_JOB = 1_000_000
"""Bytes of a request for work; sound travels by ``upload``."""


class PageGuard:
    """Answers 404 to what the page does not need, 403 to work on files that are elsewhere.

    Args:
        app: what is guarded: Gradio's part of the service.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if not needed(path):
            await _refuse(send, 404, "Not Found")
            return
        if scope["method"] == "POST" and not path.startswith(f"{API}upload"):
            body = await _body(receive)
            if body is None or names_elsewhere(body):
                await _refuse(send, 403, "Only what was uploaded here can be heard.")
                return
            receive = _again(body, receive)
        await self._app(scope, receive, send)


def needed(path: str) -> bool:
    """Whether the page has a use for a path below its own."""
    if path.startswith(API):
        return path.removeprefix(API).startswith(NEEDED)
    return not path.lstrip("/").startswith(REFUSED + REFUSED_TOO)


def names_elsewhere(body: bytes) -> bool:
    """Whether a request for work names a file by an address: Gradio would fetch it."""
    try:
        return _elsewhere(json.loads(body))
    except ValueError:
        # No JSON (a log-in form): Gradio reads no files from it.
        return False


def _elsewhere(value: Any) -> bool:
    if isinstance(value, dict):
        path = value.get("path")
        named = isinstance(path, str) and "://" in path
        return named or any(_elsewhere(item) for item in value.values())
    return isinstance(value, list) and any(_elsewhere(item) for item in value)


async def _body(receive: Receive) -> bytes | None:
    """The whole body, or None where it is longer than any that the page sends."""
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size > LARGEST_JOB or message["type"] == "http.disconnect":
            return None
        parts.append(part)
        more = message.get("more_body", False)
    return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


async def _refuse(send: Send, status: int, text: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})
