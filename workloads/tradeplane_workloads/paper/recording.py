"""What the exchange recorded, fetched to be sealed with a session: asked for again while there is time, or said.

A session that is closed for good is not sealed a second time, so one refused request must not cost it its evidence.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from tradeplane_workloads.brokers.errors import (
    BrokerError,
    ClockRefused,
    CredentialsRefused,
    EndpointUnreachable,
    RateLimited,
)
from tradeplane_workloads.capture.waits import backoff

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_api.venue import Endpoint

    from tradeplane_workloads.paper.account import Account

_PASSING = (EndpointUnreachable, RateLimited, ClockRefused, CredentialsRefused)
"""What may be otherwise a little later; an exchange that keeps no record answers something else."""
_log = logging.getLogger(__name__)


async def fetch_record(account: Account, endpoint: Endpoint, path: Path, until: float) -> str:
    """Fetch an exchange's record into a file; return in words why it could not be had, nothing where it could.

    It is asked for once in any case, and again until the event loop's time ``until``. Raises StoreFailure.
    """
    attempts = 0
    while True:
        attempts += 1
        try:
            if attempts > 1:
                account.read_credentials_again()
                await account.set_clock()
            await account.record(endpoint, path)
        except BrokerError as error:
            _log.warning("the exchange's record: %s", error)
            wait = max(error.retry_after_seconds or 0, backoff(attempts))
            if not isinstance(error, _PASSING) or asyncio.get_running_loop().time() + wait > until:
                return (
                    "sealed without what the exchange recorded, so that no replay can judge its execution by that "
                    f"(asked {attempts} times): {error}"
                )
            await asyncio.sleep(wait)
        else:
            return ""
