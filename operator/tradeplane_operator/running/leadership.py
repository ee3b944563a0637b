"""Leadership by a Lease, fenced by a deadline.

As client-go's leader election: a replica takes the Lease when its holder has not renewed it for the Lease's duration,
measured on the replica's own clock since it saw the last change. Beyond that, a leader knows until when it may write
(``renew_seconds`` after the start of its last successful renewal, on a clock that goes on while the process is stopped)
and every write asks first. Where the service is in several regions it leads only in the active one
(``running.active_region``), which has a deadline of its own. A leader whose deadline has passed ends its process: what
it believes is too old to go on.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tradeplane_operator.acting.errors import AlreadyExists, ApiError, Conflict, NotFound, NotLeading
from tradeplane_operator.metrics import LEADING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_operator.acting.client import ApiClient
    from tradeplane_operator.running.active_region import ActiveHere
    from tradeplane_operator.settings import Lease

log = logging.getLogger(__name__)


def boot_clock() -> float:
    """Return seconds that pass while the process is stopped and the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class LeadershipLost(Exception):
    """The Lease was not renewed in time, or another replica holds it."""


@dataclass(slots=True)
class Leadership:
    """This replica's claim on the Lease. ``client`` is one whose writes are not fenced.

    ``region`` says whether this is the active region; None where there is no other.
    """

    client: ApiClient
    lease: Lease
    identity: str
    clock: Callable[[], float] = boot_clock
    region: ActiveHere | None = None
    contact: float = field(init=False)
    """When the Lease was last read or written, on ``clock``."""
    _deadline: float = float("-inf")
    _seen: tuple[str, str] | None = None
    _seen_at: float = 0.0
    _led: bool = False
    _gained: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.contact = self.clock()

    @property
    def leading(self) -> bool:
        """Whether this replica may write now."""
        return self.clock() < self._deadline and (self.region is None or self.region.active)

    def require(self) -> None:
        """Raise NotLeading unless this replica may write now."""
        if not self.leading:
            raise NotLeading(f"{self.identity} does not hold Lease {self.lease.namespace}/{self.lease.name}")

    async def gained(self) -> None:
        """Wait until this replica leads."""
        await self._gained.wait()

    async def run(self) -> None:
        """Take and renew the Lease. Raises LeadershipLost, and never returns otherwise."""
        while True:
            self._check(None)
            started = self.clock()
            try:
                async with asyncio.timeout(self.lease.renew_seconds):
                    held = await self._take_or_renew() if await self._here() else False
            except (ApiError, TimeoutError) as error:
                log.warning("the Lease could not be read or written: %s", error)
                held = None
            if held:
                self._hold(started)
            self._check(held)
            await asyncio.sleep(self.lease.retry_seconds)

    async def _here(self) -> bool:
        """Return whether there may be a leader in this region. One that stands by for another has nothing to reach."""
        if self.region is None:
            return True
        if not self.region.active:
            self.contact = self.clock()
        return await self.region.renew()

    def _hold(self, started: float) -> None:
        self._deadline = started + self.lease.renew_seconds
        if not self._led:
            log.info("%s leads", self.identity)
            LEADING.set(1)
            self._led = True
            self._gained.set()

    def _check(self, held: bool | None) -> None:
        """Raise LeadershipLost where this replica led and does so no longer."""
        if self._led and (held is False or not self.leading):
            self._deadline = float("-inf")
            LEADING.set(0)
            if self.region is not None and not self.region.active:
                raise LeadershipLost(f"{self.identity} leads no longer: {self.region.settings.name} is not active")
            raise LeadershipLost(f"{self.identity} no longer holds Lease {self.lease.namespace}/{self.lease.name}")

    async def release(self) -> None:
        """Give the Lease back, so that another replica need not wait for it to run out."""
        if not self._led or not self.leading:
            return
        self._deadline = float("-inf")
        LEADING.set(0)
        try:
            found = await self.client.get(self._path)
            if found["spec"].get("holderIdentity") == self.identity:
                found["spec"] = {**found["spec"], "holderIdentity": "", "leaseDurationSeconds": 1}
                await self.client.replace(self._path, found)
        except ApiError as error:
            log.warning("the Lease could not be given back, it runs out by itself: %s", error)

    @property
    def _collection(self) -> str:
        return f"/apis/coordination.k8s.io/v1/namespaces/{self.lease.namespace}/leases"

    @property
    def _path(self) -> str:
        return f"{self._collection}/{self.lease.name}"

    async def _take_or_renew(self) -> bool:
        """Return whether this replica holds the Lease now. Raises ApiError."""
        try:
            found = await self.client.get(self._path)
        except NotFound:
            return await self._create()
        self.contact = self.clock()
        spec = found["spec"]
        holder = spec.get("holderIdentity") or ""
        if holder and holder != self.identity and not self._ran_out(holder, spec):
            return False
        taken = holder != self.identity
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        found["spec"] = {
            **spec,
            "holderIdentity": self.identity,
            "leaseDurationSeconds": self.lease.duration_seconds,
            "renewTime": now,
            "acquireTime": now if taken else spec.get("acquireTime", now),
            "leaseTransitions": int(spec.get("leaseTransitions") or 0) + int(taken),
        }
        try:
            await self.client.replace(self._path, found)
        except Conflict:
            return False if taken else await self._still_ours()
        return True

    async def _still_ours(self) -> bool:
        """Return whether a Lease that changed under a renewal names this replica still."""
        found = await self.client.get(self._path)
        return bool(found["spec"].get("holderIdentity") == self.identity)

    def _ran_out(self, holder: str, spec: dict[str, Any]) -> bool:
        """Return whether another holder has not renewed for the duration it gave itself, by our own clock."""
        seen = (holder, str(spec.get("renewTime")))
        if seen != self._seen:
            self._seen, self._seen_at = seen, self.clock()
            return False
        return self.clock() - self._seen_at > int(spec.get("leaseDurationSeconds") or self.lease.duration_seconds)

    async def _create(self) -> bool:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self.lease.name, "namespace": self.lease.namespace},
            "spec": {
                "holderIdentity": self.identity,
                "leaseDurationSeconds": self.lease.duration_seconds,
                "acquireTime": now,
                "renewTime": now,
                "leaseTransitions": 0,
            },
        }
        try:
            await self.client.create(self._collection, body)
        except AlreadyExists:
            return False
        self.contact = self.clock()
        return True
