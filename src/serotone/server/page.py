"""The page of the service: the files of ``web/``, and what they are told of this service."""

from __future__ import annotations

import mimetypes
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.staticfiles import StaticFiles

from serotone.export.page import DESCRIPTION, HOW_TO_BUILD, describe_page, find_page, samples
from serotone.server.errors import Refusal, to_json

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import Scope

    from serotone.server.engine import Engine

HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
}
"""Beside the page's own policy, which stands in its ``index.html``: what only a header can say."""

FOR_EVER = "public, max-age=31536000, immutable"
"""Files below ``assets`` have a hash of their content in their names."""


def add_page(app: FastAPI, engine: Engine) -> None:
    """Serve the page at ``/``. Call it last: it answers whatever no route before it does."""
    folder = find_page()
    if folder is None:
        _explain(app)
        return
    known = {path.name: path for path in samples()}

    @app.get(f"/{DESCRIPTION}", include_in_schema=False)
    async def description() -> Response:
        return to_json(_description(engine), headers={"Cache-Control": "no-cache"})

    @app.get("/samples/{name}", include_in_schema=False)
    async def sample(name: str) -> Response:
        if name not in known:
            raise Refusal(
                404, f"got no sample of that name, expected one of {sorted(known)}.", kind="option"
            )
        return FileResponse(known[name], media_type="audio/wav", headers=HEADERS)

    # Some systems know neither.
    mimetypes.add_type("text/javascript", ".mjs")
    mimetypes.add_type("application/wasm", ".wasm")
    app.mount("/", _Files(directory=folder, html=True), name="page")


def _explain(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    async def missing() -> Response:
        text = f"serotone is serving, but {HOW_TO_BUILD} The API is described in /openapi.json.\n"
        return PlainTextResponse(text)


def _description(engine: Engine) -> dict[str, object]:
    config = engine.config
    limits = {
        "upload_bytes": config.max_upload_bytes,
        "duration_s": config.max_duration_s,
        "timeline_s": config.max_timeline_s,
        "batch_files": config.max_batch_files,
        "stream_s": config.max_stream_s,
    }
    words = find_spec("pocketsphinx") is not None
    return describe_page(engine.recognizer.model, engine="service", limits=limits, words=words)


class _Files(StaticFiles):
    """Files that say what the page may do, and how long they stay the same."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        kept = FOR_EVER if Path(path).parts[:1] == ("assets",) else "no-cache"
        response.headers.update({**HEADERS, "Cache-Control": kept})
        return response
