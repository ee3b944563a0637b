"""Logs as JSON lines with the key of the object each is about, on stderr, where the cluster's log collector reads."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

import orjson

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_OF_KOPF = frozenset({"settings", "k8s_skip", "k8s_ref"})
"""What kopf hangs on its records for its own use."""
_LEFT_OUT = _STANDARD | _OF_KOPF


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, what ``extra`` gave, and a trace where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as one line of JSON."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _LEFT_OUT}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        try:
            return orjson.dumps(line, default=str).decode()
        except orjson.JSONEncodeError:  # a name that is no UTF-8, or a number beyond 64 bits: told, if more slowly
            return json.dumps(line, default=str)


def configure_logs(level: str) -> None:
    """Send all logs to stderr as JSON; kopf and its HTTP client only from warnings up."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("tradeplane_operator").setLevel(level)
