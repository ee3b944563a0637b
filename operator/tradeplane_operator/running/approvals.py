"""One pass over one Approval: verify it, and say what was found."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tradeplane_operator.planning.approval import ObservedApproval, plan
from tradeplane_operator.running.reading import read_again
from tradeplane_operator.running.settling import settle
from tradeplane_operator.running.status import write_status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from tradeplane_operator.acting.client import ApiClient
    from tradeplane_operator.acting.events import EventWriter
    from tradeplane_operator.observing.index import Index
    from tradeplane_operator.observing.keys import Key
    from tradeplane_operator.planning.wanted import Need, Plan
    from tradeplane_operator.running.approval_checks import ApprovalChecks
    from tradeplane_operator.settings import Settings

_ROUNDS = 2


@dataclass(slots=True)
class Approvals:
    """Reconciles Approvals. ``checks`` is absent where the settings say nothing of approvals."""

    settings: Settings
    clock: Callable[[], datetime]
    index: Index
    client: ApiClient
    events: EventWriter
    checks: ApprovalChecks | None = None

    async def reconcile(self, key: Key, *, fresh: bool = False) -> datetime | None:
        """Make one pass; return when to look again. Raises ApiError and NotLeading."""
        record = self.index.approvals.get(key)
        if record is None:
            return None
        resource: Mapping[str, Any] = record.resource()
        if fresh:
            resource, _ = await read_again(self.client, self.index.approvals, key, resource)
        observed, wanted = await settle(key, ObservedApproval(resource), self._plan, self._find_out, _ROUNDS)
        written = await write_status(self.client, key, observed.resource, wanted.status)
        if written is not None:
            self.index.approvals.put(written, confirmed=False)
            await self.events.tell(key, resource["metadata"]["uid"], wanted.notices)
        return wanted.look_again_at

    def _plan(self, observed: ObservedApproval) -> Plan:
        return plan(observed, self.settings.approvals, self.clock())

    async def _find_out(self, _key: Key, observed: ObservedApproval, _need: Need) -> ObservedApproval:
        assert self.checks is not None  # noqa: S101 - a plan asks where the settings have approvals
        return replace(observed, found=await self.checks.look([observed.resource]))
