"""Requests that are not answered with a prediction: a status, and one line that says why."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from starlette.responses import Response

from serotone.errors import SerotoneError


class Refusal(SerotoneError):
    """A request that is refused.

    Args:
        status: of HTTP.
        message: what, got, expected, do.
        retry_after_s: when to ask again, where that helps.
        kind: a word for the metrics.
    """

    def __init__(
        self, status: int, message: str, *, kind: str, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.retry_after_s = retry_after_s

    @property
    def headers(self) -> dict[str, str]:
        """What goes with the status."""
        headers = {}
        if self.retry_after_s is not None:
            headers["Retry-After"] = str(max(1, math.ceil(self.retry_after_s)))
        if self.status == 401:
            headers["WWW-Authenticate"] = 'Basic realm="serotone: the key is the password"'
        if self.status in (408, 413):
            # What is left of the body is not read.
            headers["Connection"] = "close"
        return headers

    def response(self) -> Response:
        """The answer, in the one shape that all errors have."""
        return to_json({"error": str(self)}, status=self.status, headers=self.headers)


def to_json(
    values: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A response of JSON without NaN."""
    body = json.dumps(values, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Response(
        body.encode(errors="replace"),
        status_code=status,
        headers=dict(headers or {}),
        media_type="application/json",
    )
