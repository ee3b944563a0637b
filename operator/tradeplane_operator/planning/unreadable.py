"""What is done about a status that is the record of runs and cannot be read: nothing, and that is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradeplane_api.run import Outcome

from tradeplane_operator.planning.conditions import Standing, Verdict, spell
from tradeplane_operator.planning.documents import read_conditions, to_wire
from tradeplane_operator.planning.notices import notices
from tradeplane_operator.planning.times import rfc3339
from tradeplane_operator.planning.wanted import Plan

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


def keep_record(resource: Mapping[str, Any], message: str, now: datetime) -> Plan:
    """Return a plan that says what is wrong with the record of the runs, keeps it as it is and touches no run."""
    generation = resource["metadata"]["generation"]
    told = (
        f"{message}; this operator cannot read the record of the runs, which a newer one may have written: "
        "install that version again. Until then nothing is started, stopped or removed"
    )
    before = read_conditions(resource)
    verdict = Verdict(Standing.STALLED, "StatusUnreadable", told)
    conditions = spell(verdict, generation, rfc3339(now), before)
    status = resource["status"]
    wanted = {**status, "observedGeneration": generation, "conditions": [to_wire(each) for each in conditions]}
    return Plan(status=wanted, notices=notices(before, conditions), holds=_going_on(status))


def _going_on(status: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of runs that go on, as far as a record that cannot be read in full tells."""
    listed = [status.get(name) for name in ("history", "replays")]
    runs = [status.get("latest"), *(run for each in listed if isinstance(each, list) for run in each)]
    named = [run for run in runs if isinstance(run, dict) and isinstance(run.get("name"), str)]
    return tuple(run["name"] for run in named if run.get("outcome") == Outcome.RUNNING)
