"""Times as people read them: RFC 3339 in UTC, exact to the nanosecond.

Python's datetime stops at microseconds, so the fraction is written here.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND_NS = 1_000_000_000


def rfc3339(time_ns: int) -> str:
    """Return nanoseconds since the Unix epoch as RFC 3339, such as ``2018-12-31T21:00:00Z``.

    Fractions of a second are written only where there are any, without trailing zeros.
    """
    seconds, fraction = divmod(int(time_ns), _SECOND_NS)
    text = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{fraction:09d}".rstrip("0") + "Z" if fraction else f"{text}Z"
