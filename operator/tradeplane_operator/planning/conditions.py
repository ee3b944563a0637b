"""Conditions as kstatus reads them: one summary of where an object stands, spelled as four conditions.

kstatus calls an object failed only when ``Stalled`` is True, in progress while ``Reconciling`` is True or ``Ready`` is
not True, and current otherwise. The four are always present, so that each can be waited for.
https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from tradeplane_api.conditions import Condition, ConditionStatus, ConditionType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_MESSAGE = 4_096


class Standing(StrEnum):
    """Where an object stands."""

    READY = "Ready"
    """What was asked is done."""
    WORKING = "Working"
    """It is being done, or waits for something that may come."""
    STALLED = "Stalled"
    """It will not be done until somebody changes something."""
    IDLE = "Idle"
    """Nothing is being done, because somebody asked for that."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Where an object stands, why in one word, and in a sentence what a person can do."""

    standing: Standing
    reason: str
    message: str


_SPELLED: dict[Standing, dict[ConditionType, ConditionStatus]] = {
    Standing.READY: {
        ConditionType.READY: ConditionStatus.TRUE,
        ConditionType.RECONCILING: ConditionStatus.FALSE,
        ConditionType.STALLED: ConditionStatus.FALSE,
    },
    Standing.WORKING: {
        ConditionType.READY: ConditionStatus.FALSE,
        ConditionType.RECONCILING: ConditionStatus.TRUE,
        ConditionType.STALLED: ConditionStatus.FALSE,
    },
    Standing.STALLED: {
        ConditionType.READY: ConditionStatus.FALSE,
        ConditionType.RECONCILING: ConditionStatus.FALSE,
        ConditionType.STALLED: ConditionStatus.TRUE,
    },
    Standing.IDLE: {
        ConditionType.READY: ConditionStatus.FALSE,
        ConditionType.RECONCILING: ConditionStatus.FALSE,
        ConditionType.STALLED: ConditionStatus.FALSE,
    },
}


def spell(
    verdict: Verdict,
    generation: int,
    now: str,
    before: Iterable[Condition],
    also: Mapping[ConditionType, tuple[ConditionStatus, Verdict]] | None = None,
) -> tuple[Condition, ...]:
    """Return the conditions that say a verdict, keeping the time of those whose status does not change.

    Conditions of other types stay as they were: another version of the operator may have said them. ``also``: what a
    kind says beside them: ``Completed`` of work, ``Parity`` of replays.
    """
    then: dict[str, Condition] = {condition.type: condition for condition in before}
    statuses = dict(_SPELLED[verdict.standing])
    spelled = [_condition(kind, status, verdict, generation, now, then) for kind, status in statuses.items()]
    spelled += [_condition(kind, status, told, generation, now, then) for kind, (status, told) in (also or {}).items()]
    ours = {condition.type for condition in spelled}
    return (*spelled, *(condition for condition in then.values() if condition.type not in ours))


def _condition(
    kind: ConditionType,
    status: ConditionStatus,
    verdict: Verdict,
    generation: int,
    now: str,
    then: Mapping[str, Condition],
) -> Condition:
    """Return one condition; abnormal-true conditions that are False do not repeat the message."""
    previous = then.get(kind)
    since = previous.last_transition_time if previous is not None and previous.status is status else now
    quiet = kind in (ConditionType.RECONCILING, ConditionType.STALLED) and status is ConditionStatus.FALSE
    return Condition(
        type=kind,
        status=status,
        observed_generation=generation,
        last_transition_time=since,
        reason=verdict.reason,
        message="" if quiet else shorten(verdict.message),
    )


def shorten(message: str, limit: int = MAX_MESSAGE) -> str:
    """Return a message cut to a limit of characters, the cut shown."""
    return message if len(message) <= limit else message[: limit - 1] + "…"
