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


def nanoseconds(text: str) -> int:
    """Return a time in UTC as RFC 3339 has it, such as ``2024-08-08T10:00:00.5Z``, in nanoseconds since the Unix epoch.

    Raises ValueError for a date or a time of day that does not exist.
    """
    whole, _, fraction = text.removesuffix("Z").partition(".")
    seconds = (datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC) - _EPOCH) // timedelta(seconds=1)
    return seconds * _SECOND_NS + int(fraction.ljust(9, "0"))
