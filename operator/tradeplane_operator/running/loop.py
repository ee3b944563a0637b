"""Workers that take keys from the queue and reconcile them, on the replica that leads.

Errors are told apart here, once: a conflict is observed again, an API server that cannot be reached is tried later,
anything else is logged with its key and backed off. Nothing is retried faster than the queue's pauses or dropped.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from tradeplane_operator.acting.errors import ApiError, ApiUnavailable, Conflict, NotFound, NotLeading
from tradeplane_operator.metrics import RECONCILE_SECONDS, RETRIES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_operator.metrics import RetryCause
    from tradeplane_operator.observing.keys import Key, Kind
    from tradeplane_operator.running.queue import WorkQueue

log = logging.getLogger(__name__)
_LONGEST_TIMER = 3_600.0
"""Timers are set anew at least hourly, so that a wall clock that was set is followed."""


class Reconciler(Protocol):
    """Makes one pass over one object; returns when to look again."""

    async def reconcile(self, key: Key, *, fresh: bool = False) -> datetime | None:
        """Make one pass; ``fresh`` reads the object anew first."""


def utc_now() -> datetime:
    """Return the time of day, UTC."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Loop:
    """The workers. ``beat`` is when one of them last finished a pass or found nothing to do, on the monotonic clock."""

    queue: WorkQueue[Key]
    reconcilers: Mapping[Kind, Reconciler]
    workers: int
    beat: float = field(default_factory=time.monotonic)
    _stale: set[Key] = field(default_factory=set)

    async def run(self) -> None:
        """Work until cancelled. Raises NotLeading when this replica may no longer write."""
        async with asyncio.TaskGroup() as group:
            for number in range(self.workers):
                group.create_task(self._work(), name=f"worker {number}")

    async def _work(self) -> None:
        while True:
            key = await self.queue.get()
            try:
                await self._reconcile(key)
            finally:
                self.queue.done(key)
                self.beat = time.monotonic()

    async def _reconcile(self, key: Key) -> None:
        started, result = time.perf_counter(), "error"
        fresh = key in self._stale
        self._stale.discard(key)
        try:
            again = await self.reconcilers[key.kind].reconcile(key, fresh=fresh)
            result = "ok"
        except NotLeading:
            raise
        except Conflict:
            self._stale.add(key)
            self._retry(key, "conflict")
        except NotFound as error:
            self._stale.add(key)
            log.debug("gone while it was worked on: %s", error, extra={"key": str(key)})
            self._retry(key, "gone")
        except ApiUnavailable as error:
            pause = self._retry(key, "unavailable", error.retry_after)
            log.warning("tried again in %.1f s: %s", pause, error, extra={"key": str(key)})
        except ApiError as error:
            pause = self._retry(key, "refused")
            log.error("tried again in %.1f s: %s", pause, error, extra={"key": str(key)})  # noqa: TRY400 - no trace
        except Exception:
            pause = self._retry(key, "fault")
            log.exception("a fault; tried again in %.1f s", pause, extra={"key": str(key)})
        else:
            self.queue.succeeded(key)
            self._set_timer(key, again)
        finally:
            RECONCILE_SECONDS.labels(key.kind.value, result).observe(time.perf_counter() - started)

    def _retry(self, key: Key, cause: RetryCause, at_least: float = 0.0) -> float:
        RETRIES.labels(cause).inc()
        return self.queue.add_failed(key, at_least)

    def _set_timer(self, key: Key, again: datetime | None) -> None:
        if again is None:
            self.queue.cancel_timer(key)
            return
        seconds = (again - utc_now()).total_seconds()
        self.queue.add_after(key, min(max(seconds, 0.05), _LONGEST_TIMER))
