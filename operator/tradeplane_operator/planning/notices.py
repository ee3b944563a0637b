"""Which changes of conditions are worth a Kubernetes Event.

A run that goes well costs none (the condition and the results say it); what somebody has to look at does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_api.conditions import Condition, ConditionStatus, ConditionType

from tradeplane_operator.planning.wanted import EventType, Notice

if TYPE_CHECKING:
    from collections.abc import Iterable

_EVERYDAY = frozenset(
    {
        "Attesting",
        "Capturing",
        "Connected",
        "Connecting",
        "Probing",
        "Running",
        "Sealing",
        "Starting",
        "Stopping",
        "Succeeded",
        "Trading",
        "Verified",
        "Waiting",
    }
)
_EVENT_MESSAGE = 1_024
"""The API server refuses longer messages of Events."""


def notices(before: Iterable[Condition], after: Iterable[Condition]) -> tuple[Notice, ...]:
    """Return Events for an object whose verdict changed to one that somebody should see."""
    old, new = _verdict(before), _verdict(after)
    if new is None or new.reason in _EVERYDAY:
        return ()
    if old is not None and (old.type, old.reason, old.message) == (new.type, new.reason, new.message):
        return ()
    kind = EventType.WARNING if new.type == ConditionType.STALLED else EventType.NORMAL
    return (Notice(kind, new.reason, new.message[:_EVENT_MESSAGE]),)


def _verdict(conditions: Iterable[Condition]) -> Condition | None:
    """Return the condition that carries the message: the one that is true, Ready otherwise."""
    found: dict[str, Condition] = {condition.type: condition for condition in conditions}
    for kind in (ConditionType.STALLED, ConditionType.RECONCILING):
        condition = found.get(kind)
        if condition is not None and condition.status is ConditionStatus.TRUE:
            return condition
    return found.get(ConditionType.READY)
