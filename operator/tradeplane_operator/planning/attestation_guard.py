"""Keeping an object that is owed an attestation from going before it has it, once that was delayed.

Nearly every attestation comes within a second, and a finalizer of each object would be two writes more. So one is put
there only where an attempt came to nothing or takes long. It does not stay for ever, since a registry that never comes
back must not keep a namespace from being removed: who deletes such an object waits as long as the settings say.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tradeplane_operator.planning.attesting import AttestationEnd
from tradeplane_operator.planning.conditions import Standing, Verdict, shorten
from tradeplane_operator.planning.names import ATTESTATION_FINALIZER
from tradeplane_operator.planning.times import parse_rfc3339, rfc3339
from tradeplane_operator.planning.wanted import EventType, Notice, Plan

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tradeplane_operator.planning.attesting import AttestationFacts
    from tradeplane_operator.settings import Evidence

_EVENT_MESSAGE = 1_024


def is_guarded(metadata: Mapping[str, Any]) -> bool:
    """Return whether an object is kept from going before it is attested."""
    return ATTESTATION_FINALIZER in (metadata.get("finalizers") or ())


def is_delayed(owed: Collection[str], facts: Mapping[str, AttestationFacts]) -> bool:
    """Return whether an attestation of what is owed one, by its names, was attempted, and did not come."""
    return any(name in facts and facts[name].end is not AttestationEnd.DONE for name in owed)


def guarded(there: tuple[str, ...], *, owed: bool, delayed: bool = False) -> tuple[str, ...]:
    """Return the finalizers wanted of an object that has some: with ours while it is owed what was delayed once."""
    has = ATTESTATION_FINALIZER in there
    if owed and (has or delayed):
        return there if has else (*there, ATTESTATION_FINALIZER)
    return tuple(each for each in there if each != ATTESTATION_FINALIZER)


def changed(metadata: Mapping[str, Any], *, owed: bool, delayed: bool = False) -> tuple[str, ...] | None:
    """Return the finalizers wanted of an object; None where they are as they should be."""
    there = tuple(metadata.get("finalizers") or ())
    wanted = guarded(there, owed=owed, delayed=delayed)
    return None if wanted == there else wanted


@dataclass(frozen=True, slots=True)
class Leaving:
    """An object that is being deleted, and is owed an attestation.

    ``what`` is owed it, in words; ``why`` it has none, "" where that is not known. ``until``: when it is given up.
    """

    what: str
    why: str
    until: datetime

    def waits(self) -> Verdict:
        """Return what is said while it waits."""
        why = f" ({self.why})" if self.why else ""
        message = (
            f"this is being deleted, and waits until {rfc3339(self.until)} at the latest for the attestation of "
            f"{self.what}{why}; to give that up now, take {ATTESTATION_FINALIZER} off metadata.finalizers"
        )
        return Verdict(Standing.WORKING, "AttestationOwed", message)

    def decided(self, wanted: Plan, metadata: Mapping[str, Any], now: datetime, *, goes: bool) -> Plan:
        """Return a plan with the finalizer off where the object ``goes``, or has waited as long as it may."""
        if not goes and now < self.until:
            return wanted
        told = (*wanted.notices, _given_up(self.what, self.why)) if wanted.owed else wanted.notices
        return replace(wanted, notices=told, finalizers=changed(metadata, owed=False))


def release_unattested(metadata: Mapping[str, Any], why: str) -> Plan:
    """Return the plan by which an object goes whose record cannot be read: what it is owed is not known."""
    return Plan(finalizers=changed(metadata, owed=False), notices=(_given_up("what it may be owed", why),))


def last_moment(metadata: Mapping[str, Any], evidence: Evidence) -> datetime:
    """Return until when an object that is being deleted is kept."""
    return parse_rfc3339(metadata["deletionTimestamp"]) + timedelta(seconds=evidence.deletion_wait_seconds)


def _given_up(what: str, why: str) -> Notice:
    because = f": {why}" if why else ""
    message = (
        f"deleted without the attestation of {what}{because}; what is in the store stays there, and "
        "`tradeplane attest` attests it by somebody's own word"
    )
    return Notice(EventType.WARNING, "AttestationGivenUp", shorten(message, _EVENT_MESSAGE))
