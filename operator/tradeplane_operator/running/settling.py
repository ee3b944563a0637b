"""What every pass has in common: a plan that asks for facts until it needs none, and what follows a status written."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tradeplane_operator.observing.index import ResourceIndex
    from tradeplane_operator.observing.keys import Key
    from tradeplane_operator.planning.wanted import Need, Plan

_Seen = TypeVar("_Seen")


class PlanUnsettled(Exception):
    """A plan went on asking for facts it had been given; a fault of ours, backed off like any other error."""


async def settle(
    key: Key,
    observed: _Seen,
    plan: Callable[[_Seen], Plan],
    find_out: Callable[[Key, _Seen, Need], Awaitable[_Seen]],
    rounds: int,
) -> tuple[_Seen, Plan]:
    """Return what was observed in the end and the plan that needs nothing more.

    Raises PlanUnsettled where facts were found out ``rounds`` times and it still asks, and what finding out raises.
    """
    for _ in range(rounds):
        wanted = plan(observed)
        if not wanted.needs:
            return observed, wanted
        for need in wanted.needs:
            observed = await find_out(key, observed, need)
    raise PlanUnsettled(f"{key}: still needs {wanted.needs} after {rounds} rounds")


def await_confirmation(index: ResourceIndex, key: Key, wanted: Plan, wake: Callable[[Key], None]) -> None:
    """Note that a plan waits for a watch to show the status as it is to be, and wake the object where it has already.

    It may have been written by this pass or by one before, which had no reason yet to wait for that.
    """
    record = index.get(key)
    if record is not None and wanted.awaits_confirmation:
        record.awaited = True
        if record.confirmed:  # the watch was faster than this pass
            wake(key)
