"""A move: planned from what there is, and done by one conditional write, after which names are led.

The write is what counts. What comes after it can be done again by the same command, which finds the record as it
wants it and says so.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tradeplane_api.active_region import ActiveRegion

from tradeplane_stacks.automation.errors import StackInvalid, StackRefused, StackUnavailable
from tradeplane_stacks.failover.asking import Clients, RegionUnreachable
from tradeplane_stacks.failover.findings import Finding, refusals
from tradeplane_stacks.failover.record import Record
from tradeplane_stacks.failover.replicas import Replicas
from tradeplane_stacks.failover.service import Service
from tradeplane_stacks.failover.switches import Switches


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Plan:
    """What a move would do, and on what grounds."""

    stack: str
    seen: ActiveRegion
    target: str
    source_lost: bool
    findings: tuple[Finding, ...]

    @property
    def needed(self) -> bool:
        """Whether another region is active than the one that is wanted."""
        return self.seen.region != self.target

    @property
    def refused_by(self) -> tuple[Finding, ...]:
        """What forbids it."""
        return refusals(self.findings, source_lost=self.source_lost) if self.needed else ()

    @property
    def given_up(self) -> tuple[Finding, ...]:
        """What is lost, or may be, by going on without the source."""
        return tuple(finding for finding in self.findings if finding.state in ("behind", "unknown"))


@dataclass(frozen=True)
class Moved:
    """What a move did."""

    plan: Plan
    record: ActiveRegion
    warnings: tuple[str, ...]
    """What is to be done again, or by hand."""


@dataclass(frozen=True)
class Mover:
    """Moves a service."""

    service: Service
    clients: Clients = field(default_factory=Clients)
    now: Callable[[], datetime] = utc_now

    def plan(self, target: str, *, source_lost: bool = False) -> Plan:
        """Look at all that a move needs.

        Raises:
            StackInvalid: when the target is no region of the service, or there is no record.
            StackUnavailable: when the record or the target does not answer.

        """
        config = self.service.failover
        if target not in config.regions:
            raise StackInvalid(
                f"{target} is no region of stack {self.service.stack}", f"name one of {', '.join(config.regions)}"
            )
        seen = self._record(away_from=None).read()
        findings: tuple[Finding, ...] = ()
        if seen.region != target:
            try:
                findings = Replicas(self.service, self.clients).findings(seen.region, target)
            except RegionUnreachable as error:
                raise StackUnavailable(
                    f"the service cannot be moved to {target}: {error}", "nothing was changed"
                ) from error
        return Plan(str(self.service.stack), seen, target, source_lost, findings)

    def move(self, plan: Plan) -> Moved:
        """Do it.

        Raises:
            StackRefused: when the target cannot take over, or somebody else moved the service since it was planned.
            StackUnavailable: when the record does not answer.

        """
        if plan.refused_by:
            raise StackRefused(
                f"{plan.target} cannot take over: {'; '.join(one.message for one in plan.refused_by)}",
                _remedy(plan),
            )
        record = plan.seen
        if plan.needed:
            record = self._record(away_from=plan.seen.region).move(plan.seen, plan.target, self._caller(), self.now())
        return Moved(plan, record, self._lead(record.region))

    def _record(self, away_from: str | None) -> Record:
        """Return the record, the region that is left asked last: it is the one most likely to be late."""
        regions = sorted(self.service.failover.record.regions, key=lambda region: region == away_from)
        return Record(self.service.table, tuple(regions), self.clients)

    def _caller(self) -> str:
        for region in self.service.failover.record.regions:
            try:
                with self.clients.asking("sts", region) as sts:
                    return str(sts.get_caller_identity()["Arn"])
            except RegionUnreachable:
                continue
        return "unknown: no region of the record said who calls"

    def _lead(self, active: str) -> tuple[str, ...]:
        if self.service.failover.names is None:
            return ()
        try:
            Switches(self.service, self.clients).lead_to(active)
        except (RegionUnreachable, StackUnavailable) as error:
            return (f"names still lead to where they led: {error}; run the same again",)
        return ()


def _remedy(plan: Plan) -> str:
    if any(finding.state == "missing" for finding in plan.refused_by):
        return f"put it there (tradeplane stack up {plan.stack}); nothing was changed"
    return (
        "wait until it is copied, then again; where the region is lost for good, --source-lost gives up what was not "
        "copied; nothing was changed"
    )


def as_json(plan: Plan, moved: Moved | None) -> dict[str, Any]:
    """Return the fields that docs/cli.md states."""
    record = plan.seen if moved is None else moved.record
    return {
        "stack": plan.stack,
        "operation": "failover",
        "from": plan.seen.region,
        "to": plan.target,
        "active": record.region,
        "epoch": record.epoch,
        "done": moved is not None and plan.needed,
        "sourceLost": plan.source_lost,
        "findings": [finding.as_json() for finding in plan.findings],
        "refused": [finding.as_json() for finding in plan.refused_by],
        "warnings": list(moved.warnings) if moved else [],
    }
