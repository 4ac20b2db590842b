"""The service run by uvicorn: patient with nobody, and finishing what it took."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from serotone.server.app import create_app
from serotone.server.config import ServeConfig
from serotone.server.engine import Engine
from serotone.server.logs import LOGGER, set_up

MAX_MESSAGE_BYTES = 1_000_000
"""Of one message of a WebSocket."""

log = logging.getLogger(LOGGER)


def run(config: ServeConfig) -> None:
    """Serve until SIGTERM or Ctrl-C, and then answer what was taken.

    Raises:
        ModelError: when there is no such model, or its files were altered.
        ConfigError: when the key file cannot be used.
    """
    set_up()
    app = create_app(config)
    server = _Server(
        uvicorn.Config(
            app,
            host=config.host,
            port=config.port,
            http=_protocol(config.idle_timeout_s),
            ws_max_size=MAX_MESSAGE_BYTES,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=30,
        ),
        app.state.engine,
    )
    server.run()


class _Server(uvicorn.Server):
    """Goes on taking requests on its connections for a moment before it closes them.

    An idle connection that is closed at once may have a request under way. So for ``drain_s``
    every answer says that the connection ends, and only then are those closed that said nothing.
    """

    def __init__(self, config: uvicorn.Config, engine: Engine) -> None:
        super().__init__(config)
        self._engine = engine

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        place = self.servers[0].sockets[0].getsockname()
        fields = {"host": place[0], "port": place[1]}
        log.info("serving", extra={"fields": fields})

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._engine.draining.set()
        log.info("ending")
        await asyncio.sleep(self._engine.config.drain_s)
        await super().shutdown(sockets)
        log.info("ended")


def _protocol(head_timeout_s: float) -> type[asyncio.Protocol]:
    class Patient(H11Protocol):
        """Closes a connection whose request has no whole head in time; uvicorn waits for ever."""

        _timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._watch()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.cycle is not None and not self.cycle.response_complete:
                self._unwatch()
            else:
                self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            self._unwatch()
            super().connection_lost(exc)

        def _watch(self) -> None:
            if self._timer is None:
                self._timer = self.loop.call_later(head_timeout_s, self._give_up)

        def _unwatch(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

        def _give_up(self) -> None:
            self._timer = None
            # A WebSocket took the connection over, or a request is under way.
            taken = self.transport.get_protocol() is not self
            if not taken and (self.cycle is None or self.cycle.response_complete):
                self.transport.close()

    return Patient
