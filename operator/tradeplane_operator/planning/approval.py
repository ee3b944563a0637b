"""plan() of the kind Approval: whether it approves what it says, said as conditions.

What a Strategy is started by is found anew from what was signed, and not from what is said here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tradeplane_api.approval import ApprovalSpec, ApprovalStatus

from tradeplane_operator.planning.conditions import Standing, Verdict, spell
from tradeplane_operator.planning.documents import UnreadableSpec, UnreadableStatus, read_spec, read_status, to_wire
from tradeplane_operator.planning.notices import notices
from tradeplane_operator.planning.times import rfc3339
from tradeplane_operator.planning.wanted import Fact, Need, Plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_operator.planning.approving import ApprovalFacts, FoundApprovals
    from tradeplane_operator.settings import ApprovalPolicy


@dataclass(frozen=True, slots=True)
class ObservedApproval:
    """Everything plan() may look at for one Approval; ``found`` is of it alone, once somebody looked."""

    resource: Mapping[str, Any]
    found: FoundApprovals | None = None


def plan(observed: ObservedApproval, policy: ApprovalPolicy | None, now: datetime) -> Plan:
    """Return what is to be said of one Approval, or that it must be verified first. Pure."""
    if observed.resource["metadata"].get("deletionTimestamp"):
        return Plan()
    try:
        read_spec(ApprovalSpec, observed.resource)
    except UnreadableSpec as error:
        return _say(observed, Verdict(Standing.STALLED, "InvalidSpec", str(error)), now)
    if policy is None:
        message = "the administrator names no keyring of approvers (settings: approvals), so nothing asks for it"
        return _say(observed, Verdict(Standing.IDLE, "NoApprovers", message), now)
    found = observed.found
    if found is None:
        return Plan(needs=(Need(Fact.APPROVALS),))
    if found.trouble:
        again = now + timedelta(seconds=policy.again_seconds)
        return _say(observed, Verdict(Standing.WORKING, "ApproversUnknown", found.trouble), now, again=again)
    (facts,) = found.found
    look = [now + timedelta(seconds=policy.most_seconds)]
    if facts.not_after is not None and not facts.over(now):
        look.append(facts.not_after + timedelta(seconds=1))
    return _say(observed, _verdict(observed.resource, facts, now), now, facts, min(look))


def _verdict(resource: Mapping[str, Any], facts: ApprovalFacts, now: datetime) -> Verdict:
    if facts.refused:
        return Verdict(Standing.STALLED, facts.reason, facts.refused)
    if facts.over(now) and facts.not_after is not None:
        message = f"it was good until {rfc3339(facts.not_after)}: delete it, and have it approved again"
        return Verdict(Standing.STALLED, "Expired", message)
    if facts.to_come(now) and facts.signed is not None:
        message = f"it is of {rfc3339(facts.signed)}, which is yet to come: check both clocks"
        return Verdict(Standing.STALLED, "NotYetValid", message)
    name = resource["spec"]["strategyRef"]["name"]
    message = f"{facts.user} approves {facts.configuration} of Strategy {name}, UID {facts.uid}"
    return Verdict(Standing.READY, "Verified", message)


def _say(
    observed: ObservedApproval,
    verdict: Verdict,
    now: datetime,
    facts: ApprovalFacts | None = None,
    again: datetime | None = None,
) -> Plan:
    try:
        before = read_status(ApprovalStatus, observed.resource)
    except UnreadableStatus:  # all that it says is found again
        before = ApprovalStatus()
    generation = observed.resource["metadata"]["generation"]
    conditions = spell(verdict, generation, rfc3339(now), before.conditions)
    genuine = facts if facts is not None and not facts.refused else None
    wanted = ApprovalStatus(
        observed_generation=generation,
        conditions=conditions,
        key=None if genuine is None else genuine.key,
        time=None if genuine is None or genuine.signed is None else rfc3339(genuine.signed),
        not_after=None if genuine is None or genuine.not_after is None else rfc3339(genuine.not_after),
    )
    return Plan(status=to_wire(wanted), notices=notices(before.conditions, conditions), look_again_at=again)
