"""Times as the API writes them (RFC 3339, UTC, whole seconds), and pauses that grow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def rfc3339(moment: datetime) -> str:
    """Return an aware time as ``2026-01-31T09:30:00Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_rfc3339(text: str) -> datetime:
    """Return the aware UTC time a Kubernetes timestamp names. Raises ValueError for anything else."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no UTC offset")
    return moment.astimezone(UTC)


def doubled_pause(first_seconds: float, failures: int, most_seconds: float) -> timedelta:
    """Return the pause after so many failures in a row: the first, doubled by each that follows, up to a limit."""
    return timedelta(seconds=min(first_seconds * 2 ** min(max(failures - 1, 0), 20), most_seconds))
