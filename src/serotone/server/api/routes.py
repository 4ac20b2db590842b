"""The routes of the service."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query, Request
from starlette.responses import Response

from serotone.errors import LabelError, MissingExtraError, SerotoneError
from serotone.server.api import openapi
from serotone.server.api.uploads import Bodies, Upload
from serotone.server.engine import Engine, tidy
from serotone.server.errors import Refusal, to_json
from serotone.server.options import Options
from serotone.store.load import ModelInfo
from serotone.timeline.segments import Timeline
from serotone.timeline.summary import summarise
from serotone.types import Failure

BATCH_AT_ONCE = 16
"""Files of one batch that are decoded or heard at a time."""

Wanted = Annotated[Options, Query()]


def add_routes(app: FastAPI, engine: Engine) -> None:
    """Give the app its routes."""
    router = APIRouter()
    bodies = Bodies(engine.config)
    add_predicting(router, engine, bodies)
    add_looking(router, engine)
    app.include_router(router)


def add_predicting(router: APIRouter, engine: Engine, bodies: Bodies) -> None:
    """``/v1/predict``, ``/v1/timeline`` and ``/v1/batch``."""
    config = engine.config

    @router.post("/v1/predict", tags=["hear"], **openapi.PREDICT)
    async def predict(request: Request, options: Wanted) -> Response:
        """Hear the emotion in one recording: a form with a file, or the recording as the body."""
        held = [0]
        try:
            with engine.place():
                uploads = await bodies.receive(
                    request, held, max_files=1, max_bytes=config.max_upload_bytes
                )
                return to_json(await hear(engine, uploads[0], options))
        finally:
            bodies.give_back(held[0])

    @router.post("/v1/timeline", tags=["hear"], **openapi.TIMELINE)
    async def timeline(request: Request, options: Wanted) -> Response:
        """Who felt what, when: the same as ``/v1/predict`` with ``timeline``."""
        return await predict(request, options.model_copy(update={"timeline": True}))

    @router.post("/v1/batch", tags=["hear"], **openapi.BATCH)
    async def batch(request: Request, options: Wanted) -> Response:
        """Hear several recordings; one that cannot be heard is a row with an error."""
        held = [0]
        at_once = asyncio.Semaphore(BATCH_AT_ONCE)

        async def row(upload: Upload) -> dict[str, Any]:
            async with at_once:
                try:
                    return await hear(engine, upload, options)
                except Refusal as refusal:
                    engine.metrics.refused(refusal.kind)
                    return Failure(tidy(upload.name), str(refusal)).to_dict()

        try:
            with engine.place():
                options.chosen(engine.recognizer.labels)
                uploads = await bodies.receive(
                    request,
                    held,
                    max_files=config.max_batch_files,
                    max_bytes=config.max_batch_bytes,
                )
                rows = await asyncio.gather(*map(row, uploads))
        finally:
            bodies.give_back(held[0])
        n_failed = sum(1 for item in rows if item["error"])
        return to_json({"results": rows, "n": len(rows), "n_failed": n_failed})


async def hear(engine: Engine, upload: Upload, options: Options) -> dict[str, Any]:
    """The JSON object of one recording."""
    data = bytes(upload.data)
    try:
        if options.timeline:
            return as_dict(await engine.timeline(data, options, name=upload.name))
        return (await engine.predict(data, options, name=upload.name)).to_dict()
    except LabelError as error:
        raise Refusal(422, f"labels: {error}", kind="option") from None
    except MissingExtraError as error:
        raise Refusal(501, str(error), kind="missing") from None
    except Refusal:
        raise
    except SerotoneError as error:
        raise Refusal(422, str(error), kind="audio") from None


def as_dict(timeline: Timeline) -> dict[str, Any]:
    """The JSON object of a timeline, as ``serotone predict --timeline --format json`` writes it."""
    return {
        "path": timeline.source,
        "duration_s": round(timeline.duration_s, 3),
        "segments": [segment.to_dict() for segment in timeline.segments],
        "summary": summarise(timeline).to_dict(),
        "error": None,
    }


def add_looking(router: APIRouter, engine: Engine) -> None:
    """What tells of the service and hears nothing."""

    @router.get("/v1/models", tags=["about"], **openapi.MODELS)
    async def models() -> Response:
        """The model that answers: its labels, licence, figures and limits."""
        return to_json({"models": [about(engine.recognizer.model)]})

    @router.get("/healthz", tags=["about"], **openapi.HEALTH)
    async def healthz() -> Response:
        """Whether the process is alive."""
        return to_json({"status": "alive"})

    @router.get("/readyz", tags=["about"], **openapi.READY)
    async def readyz() -> Response:
        """Whether requests are welcome: 503 before the model is open and while the service ends."""
        if engine.ready and not engine.draining.is_set():
            return to_json({"status": "ready"})
        return to_json({"error": "the service is starting or ending. Ask another."}, status=503)

    @router.get("/metrics", tags=["about"], **openapi.METRICS)
    async def metrics() -> Response:
        """Counters for Prometheus."""
        return Response(engine.metrics.text(), media_type="text/plain; version=0.0.4")


def about(model: ModelInfo) -> dict[str, Any]:
    """What a model says of itself, its place on this machine left out."""
    values = dataclasses.asdict(model)
    del values["path"]
    return values
