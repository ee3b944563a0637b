"""The log of one attempt: lines on stderr as they come, and the same lines kept for the store.

Kept in memory with a bound, the oldest dropped first, because the end of a log says why a run ended.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections import deque
from datetime import UTC, datetime

MAX_LOG_BYTES = 1024 * 1024
"""How much of the end of a log is kept for the store."""


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, run and attempt, and a traceback where there is one."""

    def __init__(self, run: str, attempt: str) -> None:
        super().__init__()
        self._names = {"run": run, "attempt": attempt}

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON; time is RFC 3339 in UTC."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **self._names,
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class AttemptLog(logging.Handler):
    """Writes each record to stderr and keeps the last ``MAX_LOG_BYTES`` of them."""

    def __init__(self, run: str, attempt: str) -> None:
        super().__init__()
        self.setFormatter(JsonLines(run, attempt))
        self._kept: deque[bytes] = deque()
        self._size = 0
        self._dropped = 0
        self._reading = threading.Lock()

    def emit(self, record: logging.LogRecord) -> None:
        """Write and keep a record; a log that cannot be written must not end a run."""
        try:
            line = self.format(record).encode("utf-8", "replace") + b"\n"
            self._keep(line)
            sys.stderr.buffer.write(line)
            sys.stderr.buffer.flush()
        except (OSError, ValueError):
            self.handleError(record)

    @property
    def said(self) -> int:
        """How many lines there were so far."""
        with self._reading:
            return self._dropped + len(self._kept)

    def kept(self) -> bytes:
        """Return the lines kept, the first saying how many were dropped before them, if any."""
        with self._reading:
            notice = f'{{"message": "{self._dropped} earlier lines were dropped"}}\n' if self._dropped else ""
            return notice.encode() + b"".join(self._kept)

    def _keep(self, line: bytes) -> None:
        with self._reading:
            self._kept.append(line)
            self._size += len(line)
            while self._size > MAX_LOG_BYTES and len(self._kept) > 1:
                self._size -= len(self._kept.popleft())
                self._dropped += 1


def start_log(run: str, attempt: str) -> AttemptLog:
    """Send the log of this process to an AttemptLog, and return that."""
    log = AttemptLog(run, attempt)
    root = logging.getLogger()
    root.handlers[:] = [log]
    root.setLevel(logging.INFO)
    return log
