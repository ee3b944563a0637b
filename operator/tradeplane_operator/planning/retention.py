"""How long the Job of something that ended is kept."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tradeplane_api.run import Outcome

from tradeplane_operator.planning.times import parse_rfc3339

if TYPE_CHECKING:
    from tradeplane_operator.settings import Retention


def kept_until(outcome: Outcome, ended: str | None, ttl: int | None, retention: Retention) -> datetime | None:
    """Return until when a Job is kept; None where it need not be. ``ttl``: seconds, where its owner says so."""
    if outcome is Outcome.CANCELLED or ended is None:
        return None
    seconds = ttl
    if seconds is None:
        seconds = retention.succeeded_seconds if outcome is Outcome.SUCCEEDED else retention.failed_seconds
    return parse_rfc3339(ended) + timedelta(seconds=seconds)
