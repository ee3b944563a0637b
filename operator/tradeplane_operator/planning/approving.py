"""Whether a Strategy may start where the settings ask that people approve it first (``approvals``).

What counts is a version of the specification, by its digest, of one object, by its UID, and how many users approve it:
an approval of another version, or of an object of the same name that was there before, counts nothing. It is asked when
something is about to be started, and what was found is recorded with it. What runs, and what has ended, stays as it is.

Who has written a specification is not asked, as nothing that can be relied on tells it. Of two users who approve one at
least has not written it, whoever did: two approvers are four eyes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tradeplane_api.approvers import GivenApproval
from tradeplane_evidence.configurations.documents import Configuration, payload_of
from tradeplane_evidence.errors import Malformed
from tradeplane_store.canonical import sha256_digest

from tradeplane_operator.planning.conditions import Standing, Verdict
from tradeplane_operator.planning.names import API_VERSION
from tradeplane_operator.planning.permission import Permission

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tradeplane_api.strategy import Mode

    from tradeplane_operator.settings import ApprovalPolicy

AHEAD = timedelta(minutes=5)
"""How far the clock of who approves may be ahead of ours."""
_TOLD = 3
"""Approvals that do not count, of which is told why."""


@dataclass(frozen=True, slots=True)
class ApprovalFacts:
    """What was found of one Approval. ``refused``: why a keyring does not let it count; "" where it does.

    ``configuration`` and ``uid`` are of what was signed, and so are ``signed`` and ``not_after``. ``key``: fingerprint.
    """

    name: str
    refused: str = ""
    reason: str = ""
    user: str = ""
    configuration: str = ""
    uid: str = ""
    attestation: str = ""
    key: str = ""
    signed: datetime | None = None
    not_after: datetime | None = None

    def over(self, now: datetime) -> bool:
        """Return whether its time is over."""
        return self.not_after is not None and now > self.not_after

    def to_come(self, now: datetime) -> bool:
        """Return whether its time is yet to come."""
        return self.signed is not None and self.signed > now + AHEAD


@dataclass(frozen=True, slots=True)
class FoundApprovals:
    """The Approvals that name a Strategy. ``trouble``: why nobody can be relied on now; "" where that is known."""

    found: tuple[ApprovalFacts, ...] = ()
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Answer(Permission):
    """Whether something of a Strategy may be started, and by which approvals; None where none are asked for."""

    given: tuple[GivenApproval, ...] | None = None


def approvers(policy: ApprovalPolicy | None, mode: Mode, namespace: str) -> int:
    """Return how many users must approve a Strategy of a mode before anything of it is started."""
    if policy is None:
        return 0
    asked = [
        rule.approvers
        for rule in policy.rules
        if mode in rule.modes and (not rule.namespaces or namespace in rule.namespaces)
    ]
    return max(asked, default=0)


def configuration_of(spec: Mapping[str, Any]) -> str:
    """Return the digest of a Strategy's specification as the API server has it: the one the ledger has for it.

    Raises Malformed.
    """
    return sha256_digest(payload_of(Configuration(api_version=API_VERSION, kind="Strategy", spec=spec)))


def counted(facts: Iterable[ApprovalFacts], configuration: str, uid: str, now: datetime) -> dict[str, ApprovalFacts]:
    """Return the approvals that count for a version of an object, by user: of each the one that holds the longest."""
    counting: dict[str, ApprovalFacts] = {}
    for one in sorted(facts, key=lambda one: one.name):
        if one.refused or (one.configuration, one.uid) != (configuration, uid) or one.over(now) or one.to_come(now):
            continue
        before = counting.get(one.user)
        if before is None or _longer(one, before):
            counting[one.user] = one
    return counting


def _longer(one: ApprovalFacts, other: ApprovalFacts) -> bool:
    if other.not_after is None:
        return False
    return one.not_after is None or one.not_after > other.not_after


def approved(
    resource: Mapping[str, Any], mode: Mode, found: FoundApprovals | None, policy: ApprovalPolicy | None, now: datetime
) -> Answer:
    """Return whether something of a Strategy, as the API server has it, may be started."""
    metadata = resource["metadata"]
    needed = approvers(policy, mode, metadata["namespace"])
    if policy is None or needed == 0:
        return Answer()
    if found is None:
        return Answer(unknown=True)
    if found.trouble:
        message = f"nothing is started, since it has to be approved and nobody can be relied on: {found.trouble}"
        verdict = Verdict(Standing.WORKING, "ApproversUnknown", message)
        return Answer(verdict, look=now + timedelta(seconds=policy.again_seconds))
    try:
        configuration = configuration_of(resource["spec"])
    except Malformed as error:
        return Answer(Verdict(Standing.STALLED, "InvalidSpec", f"it has to be approved, and has no digest: {error}"))
    counting = counted(found.found, configuration, metadata["uid"], now)
    if len(counting) >= needed:
        users = sorted(counting)[:needed]
        return Answer(given=tuple(GivenApproval(user=user, attestation=counting[user].attestation) for user in users))
    message = _waits(metadata, mode, configuration, counting, needed)
    told = _not_counted(found.found, counting, configuration, metadata["uid"], now)
    verdict = Verdict(Standing.WORKING, "AwaitingApproval", message + told)
    return Answer(verdict, look=now + timedelta(seconds=policy.most_seconds))


def _waits(
    metadata: Mapping[str, Any], mode: Mode, configuration: str, counting: Mapping[str, ApprovalFacts], needed: int
) -> str:
    missing, by = needed - len(counting), ", ".join(sorted(counting)) or "nobody"
    people = "user" if needed == 1 else "users"
    return (
        f"{configuration} waits for approval: mode {mode.value} needs {needed} {people} here, it is approved by {by}, "
        f"and {missing} {'is' if missing == 1 else 'are'} missing; approve it: kubectl get strategy {metadata['name']} "
        f"-n {metadata['namespace']} -o json | tradeplane approve - --user NAME --signer URI | kubectl apply -f -"
    )


def _not_counted(
    facts: tuple[ApprovalFacts, ...],
    counting: Mapping[str, ApprovalFacts],
    configuration: str,
    uid: str,
    now: datetime,
) -> str:
    """Return in words which Approvals do not count, and why: the first few."""
    reasons = [
        f"{one.name} ({why})"
        for one in sorted(facts, key=lambda one: one.name)
        if one not in counting.values() and (why := _why_not(one, configuration, uid, now))
    ]
    if not reasons:
        return ""
    more = f" and {len(reasons) - _TOLD} more" if len(reasons) > _TOLD else ""
    return f"; not counted: {', '.join(reasons[:_TOLD])}{more}"


def _why_not(one: ApprovalFacts, configuration: str, uid: str, now: datetime) -> str:
    if one.refused:
        return one.reason
    if one.configuration != configuration:
        return "of another version"
    if one.uid != uid:
        return "of a Strategy of this name that is gone"
    if one.over(now):
        return "expired"
    return "of a time to come" if one.to_come(now) else ""
