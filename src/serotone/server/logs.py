"""One JSON object a line and request: what happened, never what was said, sent or named."""

from __future__ import annotations

import json
import logging
import sys
import time

LOGGER = "serotone.server"


class JsonLines(logging.Formatter):
    """A record as JSON: time, level, event, and the fields given as ``extra={"fields": …}``."""

    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        row: dict[str, object] = {
            "time": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        row |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[0]:
            # Where it happened, without its message, which may quote what a client sent.
            row["error"] = record.exc_info[0].__name__
            trace = record.exc_info[2]
            places = []
            while trace:
                places.append(f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}")
                trace = trace.tb_next
            row["at"] = " < ".join(reversed(places[-6:]))
        return json.dumps(row, ensure_ascii=True)


def set_up(level: int = logging.INFO) -> None:
    """Send the service's and uvicorn's records to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    for name in (LOGGER, "uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], False
        logger.setLevel(level if name == LOGGER else logging.WARNING)
    for name in (LOGGER, "uvicorn"):
        logging.getLogger(name).addHandler(handler)
    logging.getLogger("uvicorn.error").propagate = True
    # Its lines hold paths and addresses; ours say what is needed.
    logging.getLogger("uvicorn.access").handlers = []
    logging.getLogger("uvicorn.access").propagate = False
