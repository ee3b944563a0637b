"""What a replay has otherwise than what was recorded: parameters, costs, fees and latency, each in its place. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_api.execution import Execution
from tradeplane_api.parity import Parity

from tradeplane_workloads.errors import InvalidSpecification

if TYPE_CHECKING:
    from tradeplane_api.parity import Verdict, WhatIf
    from tradeplane_api.simulation import Simulation


def changed(simulation: Simulation, what_if: WhatIf, *, on_events: bool) -> Simulation:
    """Return a simulation with what is changed. Raises InvalidSpecification where it trades without such a thing."""
    refused = ("costs",) if on_events else ("fees", "latency")
    for name in refused:
        if getattr(what_if, name) is not None:
            other = "what trades on events has fees and latency" if on_events else "a run on bars has costs"
            raise InvalidSpecification(f"whatIf.{name}: {other} in its place; change that, or leave it out")
    algorithm = simulation.algorithm
    parameters = {**algorithm.parameters, **what_if.parameters}
    update: dict[str, object] = {"algorithm": algorithm.model_copy(update={"parameters": parameters})}
    if what_if.costs is not None:
        update["costs"] = what_if.costs
    given = {name: getattr(what_if, name) for name in ("fees", "latency") if getattr(what_if, name) is not None}
    if given:
        update["execution"] = (simulation.execution or Execution()).model_copy(update=given)
    return simulation.model_copy(update=update)


def unjudged(verdict: Verdict) -> Verdict:
    """Return what was found without a judgement: that it differs is what was asked for."""
    return verdict.model_copy(update={"decisions": Parity.UNJUDGED, "execution": Parity.UNJUDGED})
