"""The service as an ASGI app."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from serotone import __version__
from serotone.errors import SerotoneError
from serotone.server.api.routes import add_routes
from serotone.server.config import ServeConfig
from serotone.server.engine import Engine
from serotone.server.errors import Refusal, to_json
from serotone.server.logs import LOGGER
from serotone.server.middleware import Gate
from serotone.server.page import add_page
from serotone.server.stream import add_stream

log = logging.getLogger(LOGGER)


def create_app(config: ServeConfig) -> FastAPI:
    """A service ready to be run by an ASGI server; ``serotone serve`` runs it with uvicorn.

    The engine is ``app.state.engine``.

    Raises:
        ModelError: when there is no such model, or its files were altered.
        ConfigError: when the key file cannot be used.
    """
    engine = Engine(config)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        await engine.start()
        try:
            yield
        finally:
            await engine.stop()

    # The usual pages of documentation fetch their scripts from elsewhere.
    app = FastAPI(
        title="serotone",
        version=__version__,
        summary="Hears the emotion in speech.",
        docs_url=None,
        redoc_url=None,
        lifespan=life,
    )
    app.state.engine = engine
    add_routes(app, engine)
    add_stream(app, engine)
    _add_errors(app, engine)
    if config.page:
        add_page(app, engine)
    app.add_middleware(Gate, config=config, engine=engine)
    if config.cors:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=config.cors,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "X-API-Key"],
        )
    return app


def _add_errors(app: FastAPI, engine: Engine) -> None:
    """All errors in one shape."""

    @app.exception_handler(Refusal)
    async def refused(_: Request, refusal: Refusal) -> Response:
        engine.metrics.refused(refusal.kind)
        return refusal.response()

    @app.exception_handler(SerotoneError)
    async def mistaken(_: Request, error: SerotoneError) -> Response:
        engine.metrics.refused("option")
        return to_json({"error": str(error)}, status=422)

    @app.exception_handler(RequestValidationError)
    async def misused(_: Request, error: RequestValidationError) -> Response:
        engine.metrics.refused("option")
        problems = []
        for one in error.errors():
            name = ".".join(str(part) for part in one["loc"][1:])
            got = one.get("input")
            shown = f" (got {str(got)[:80]!r})" if isinstance(got, str | int | float) else ""
            problems.append(f"{name}: {one['msg']}{shown}")
        return to_json({"error": "; ".join(problems) + ". See /openapi.json."}, status=422)

    @app.exception_handler(HTTPException)
    async def unknown(_: Request, error: HTTPException) -> Response:
        reason = {404: "no such route", 405: "not a method of this route"}
        text = f"{reason.get(error.status_code, error.detail)}. See /openapi.json."
        return to_json({"error": text}, status=error.status_code, headers=error.headers)

    @app.exception_handler(Exception)
    async def broken(_: Request, error: Exception) -> Response:
        engine.metrics.refused("bug")
        log.error("failed", exc_info=error)
        return to_json({"error": "a fault of the service, not of the request."}, status=500)
