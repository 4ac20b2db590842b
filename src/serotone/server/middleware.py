"""What every request passes: names, keys, rates, metrics and the log."""

from __future__ import annotations

import logging
import secrets
import time
from typing import Any
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serotone.server.config import ServeConfig
from serotone.server.engine import Engine
from serotone.server.errors import Refusal
from serotone.server.keys import Keys, sent_key
from serotone.server.logs import LOGGER
from serotone.server.rate import Rate

OPEN = frozenset({"/healthz", "/readyz"})
"""Answered without a key: they tell nothing but that there is a service."""

ROUTES = frozenset(
    {
        "/v1/predict",
        "/v1/batch",
        "/v1/timeline",
        "/v1/models",
        "/v1/stream",
        "/metrics",
        "/openapi.json",
        *OPEN,
    }
)
"""Named in metrics and logs; everything else is ``other``, as clients make up paths."""

log = logging.getLogger(LOGGER)


class Gate:
    """ASGI middleware around the whole service, its page included."""

    def __init__(self, app: ASGIApp, *, config: ServeConfig, engine: Engine) -> None:
        self._app, self._config, self._engine = app, config, engine
        self._keys = Keys.read(config.key_file) if config.key_file else None
        self._rate = Rate(config.requests_per_s, config.burst)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        request = _Request(scope, secrets.token_hex(8))
        is_http = scope["type"] == "http"
        status = 500 if is_http else 101

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                extra = [(b"x-request-id", request.id.encode())]
                extra += [(b"x-content-type-options", b"nosniff")]
                if self._engine.draining.is_set():
                    extra.append((b"connection", b"close"))
                message["headers"] = [*message.get("headers", []), *extra]
            await send(message)

        self._engine.metrics.in_flight.inc()
        try:
            client = self._admit(request)
            scope.setdefault("state", {})["client"] = client
            await self._app(scope, receive, answer)
        except Refusal as refusal:
            status = refusal.status
            self._engine.metrics.refused(refusal.kind)
            if is_http:
                await refusal.response()(scope, receive, answer)
            else:
                await send({"type": "websocket.close", "code": 1008, "reason": str(refusal)[:120]})
        finally:
            took_s = time.perf_counter() - began
            self._engine.metrics.in_flight.dec()
            self._engine.metrics.answered(request.route, status, took_s)
            fields = {
                "id": request.id,
                "route": request.route,
                "method": scope.get("method", "WS"),
                "status": status,
                "ms": round(1000 * took_s, 1),
            }
            log.info("request", extra={"fields": fields})

    def _admit(self, request: _Request) -> str:
        """Who asks. Raises a Refusal where it may not."""
        self._check_host(request)
        if request.path in OPEN:
            return request.address
        client = self._check_key(request)
        if not request.path.startswith("/v1/"):
            return client
        wait_s = self._rate.wait_s(client)
        if wait_s:
            raise Refusal(
                429,
                f"got more requests of one client than {self._config.requests_per_s:g} a second. "
                "Ask again later.",
                kind="rate",
                retry_after_s=wait_s,
            )
        return client

    def _check_host(self, request: _Request) -> None:
        allowed = self._config.answered_hosts
        host = _name(request.headers.get(b"host", b"").decode("latin-1"))
        if allowed and host not in allowed:
            raise Refusal(
                421,
                "got a Host header that is not one of this service's names. Ask it by address, or "
                "start it with --allow-host.",
                kind="host",
            )
        origin = request.headers.get(b"origin", b"").decode("latin-1")
        # Browsers let any page open a WebSocket anywhere; CORS does not cover them.
        foreign = origin and origin not in self._config.cors
        if request.is_websocket and foreign and _name(urlsplit(origin).netloc) != host:
            raise Refusal(
                403, "got a WebSocket from a page of another origin. See --cors.", kind="origin"
            )

    def _check_key(self, request: _Request) -> str:
        if self._keys is None:
            return request.address
        owner = self._keys.owner(sent_key(request.headers))
        if owner is None:
            raise Refusal(
                401,
                "got no key that is known, expected one. Send it as 'Authorization: Bearer KEY'.",
                kind="key",
            )
        return f"key:{owner}"


class _Request:
    """What the gate looks at."""

    def __init__(self, scope: Scope, id: str) -> None:
        self.id = id
        self.path: str = scope["path"]
        self.route = self.path if self.path in ROUTES else "other"
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.is_websocket = scope["type"] == "websocket"
        client: Any = scope.get("client")
        self.address: str = client[0] if client else "unknown"


def _name(netloc: str) -> str:
    """A host without its port.

    Example:
        >>> _name("LocalHost:8000"), _name("[::1]:80"), _name("127.0.0.1")
        ('localhost', '::1', '127.0.0.1')
    """
    name = netloc.strip().lower()
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.partition(":")[0]
