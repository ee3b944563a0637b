"""Whether the operator's region is the active one, and until when that may be relied on.

Leases are of one cluster each, so that of two clusters each has a leader. Where a service is in several regions, a
record outside of both says which is active (``tradeplane_api.active_region``), and only there is a leader.

What was read holds for ``valid_seconds`` from before it was asked. A leader that can no longer read it, in a region
that is cut off, ends by then. Whoever comes after it waits for as long from when it first saw the move, on its own
clock, so that the other has ended whatever the clocks say. A move long ago is not waited for again by each process
that starts; for that alone, clocks of regions have to agree within ``CLOCKS_AGREE_SECONDS``.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tradeplane_api.active_region import KEY, ActiveRegion, NotARecord

from tradeplane_operator.running.leadership import boot_clock

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tradeplane_operator.settings import Region

log = logging.getLogger(__name__)

CLOCKS_AGREE_SECONDS = 300
_CONNECT_SECONDS, _ANSWER_SECONDS, _ATTEMPTS = 2, 2, 1


class RecordUnreadable(Exception):
    """No region of the record gave it, or what it gave is none."""


@dataclass(slots=True)
class RecordReader:
    """Reads the record, from the region that gave it last, or else from the first that does."""

    settings: Region
    _clients: dict[str, Any] = field(default_factory=dict)
    _last: str = ""

    def __call__(self) -> ActiveRegion:
        """Return the record, as it was written last in whichever region. Raises RecordUnreadable."""
        import boto3  # only where a record is configured: it is memory that others need not have
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError  # what a gateway says in place of the service

        limits = Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_ANSWER_SECONDS,
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        )
        faults = []
        for region in sorted(self.settings.table_regions, key=lambda region: region != self._last):
            try:
                if region not in self._clients:
                    self._clients[region] = boto3.client("dynamodb", region_name=region, config=limits)
                found = self._clients[region].get_item(TableName=self.settings.table, Key=KEY, ConsistentRead=True)
                record = ActiveRegion.from_item(found.get("Item", {}))
            except (BotoCoreError, ClientError, ResponseParserError, NotARecord) as error:
                faults.append(f"{region}: {error}")
            else:
                self._last = region
                return record
        raise RecordUnreadable(f"table {self.settings.table} gives no record: {'; '.join(faults)}")


@dataclass(slots=True)
class ActiveHere:
    """Whether this region is the active one. ``spare`` is how long before the end a write may still begin, seconds."""

    settings: Region
    read: Callable[[], ActiveRegion]
    now: Callable[[], datetime]
    spare: float
    clock: Callable[[], float] = boot_clock
    deadline: float = field(init=False, default=float("-inf"))
    """Until when it may be relied on, on ``clock``."""
    _seen: tuple[int, float] | None = None
    """The epoch by which this region is active, and from when on it is, on ``clock``."""
    _told: int = 0
    """The epoch that was logged last."""

    @property
    def active(self) -> bool:
        """Whether this region may have a leader now."""
        return self.clock() < self.deadline

    async def renew(self) -> bool:
        """Read the record anew, and return whether this region may have a leader now."""
        started = self.clock()
        try:
            record = await asyncio.to_thread(self.read)
        except RecordUnreadable as error:
            log.warning("%s", error)
            return self.active
        if record.epoch != self._told:
            self._told = record.epoch
            log.info("%s is the active region by epoch %d, and this is %s", record.region, record.epoch, self._name)
        self._judge(record, started)
        return self.active

    @property
    def _name(self) -> str:
        return self.settings.name

    def _judge(self, record: ActiveRegion, started: float) -> None:
        if record.region != self._name:
            self._seen, self.deadline = None, float("-inf")
            return
        if self._seen is None or self._seen[0] != record.epoch:
            self._seen = record.epoch, self._begins(record)
        if self.clock() >= self._seen[1]:
            self.deadline = started + self.settings.valid_seconds - self.spare

    def _begins(self, record: ActiveRegion) -> float:
        """Return when what the region before went by has run out for certain."""
        seen, valid = self.clock(), self.settings.valid_seconds
        age = (self.now() - record.moved_at).total_seconds()
        first = record.epoch == 1
        return seen if first or age > valid + CLOCKS_AGREE_SECONDS else seen + valid
