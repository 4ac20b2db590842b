"""What the OpenAPI description says of each route, with examples."""

from __future__ import annotations

from typing import Any

PREDICTION: dict[str, Any] = {
    "path": "clip.wav",
    "start_s": 0.0,
    "end_s": 3.0,
    "label": "happy",
    "confidence": 0.71,
    "probabilities": {"neutral": 0.12, "happy": 0.71, "sad": 0.17},
    "intensity": 0.6,
    "text": None,
    "error": None,
}

FILE = {
    "type": "string",
    "format": "binary",
    "description": "WAV, FLAC, OGG, Opus, MP3, M4A, WebM.",
}

ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string", "description": "What, got, expected, do."}},
}

STATUSES = {
    400: "The request is no HTTP that can be read.",
    401: "A key is needed.",
    403: "Not from this origin.",
    408: "The body came too slowly.",
    413: "More bytes, sound, channels or files than are taken.",
    421: "Asked under a name that is not this service's.",
    422: "Not a recording, or an option that cannot be used.",
    429: "Too many requests; Retry-After says when to ask again.",
    501: "A package that this needs is not installed.",
    503: "Too much at once, or not ready.",
    504: "No answer in time.",
}


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    example = {"error": "clip.wav: got 8 bytes, expected a recording. Export it again."}
    return {
        status: {
            "description": STATUSES[status],
            "content": {"application/json": {"schema": ERROR, "example": example}},
        }
        for status in statuses
    }


def _json(description: str, example: object) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"application/json": {"schema": {"type": "object"}, "example": example}},
    }


def _form(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": required}
    return {"schema": schema}


_ASKED = (401, 421, 429)
_HEARD = (400, 408, 413, 422, 501, 503, 504)

PREDICT: dict[str, Any] = {
    "responses": {
        200: _json("What was heard; with timeline, its segments.", PREDICTION),
        **_errors(*_ASKED, *_HEARD),
    },
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": _form({"file": FILE}, ["file"]),
                "application/octet-stream": {"schema": FILE},
            },
        }
    },
}

TIMELINE: dict[str, Any] = {
    **PREDICT,
    "responses": {
        **PREDICT["responses"],
        200: _json(
            "Segments of speech and pauses, and a summary.",
            {"path": "call.wav", "duration_s": 60.0, "segments": [], "summary": {}, "error": None},
        ),
    },
}

BATCH: dict[str, Any] = {
    "responses": {
        200: _json("A row a file, in order.", {"results": [PREDICTION], "n": 1, "n_failed": 0}),
        **_errors(*_ASKED, *_HEARD),
    },
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": _form(
                    {"files": {"type": "array", "items": FILE, "minItems": 1}}, ["files"]
                )
            },
        }
    },
}

MODELS: dict[str, Any] = {
    "responses": {
        200: _json(
            "One entry.",
            {"models": [{"name": "default", "labels": ["neutral", "happy"], "licence": "…"}]},
        ),
        **_errors(*_ASKED),
    }
}

HEALTH: dict[str, Any] = {"responses": {200: _json("Alive.", {"status": "alive"}), **_errors(421)}}

READY: dict[str, Any] = {
    "responses": {200: _json("Ready.", {"status": "ready"}), **_errors(421, 503)}
}

METRICS: dict[str, Any] = {
    "responses": {
        200: {
            "description": "Counters.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
        **_errors(401, 421),
    }
}
