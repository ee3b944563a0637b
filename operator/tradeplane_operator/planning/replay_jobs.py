"""The Job of a replay: it is told which run by which manifest, or which session, and reads in the store what that was.

What is no more than a run's exact replay is said as it always was (version 1), so that images of before there was
anything else go on working; they refuse the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from tradeplane_api.parity import REPLAY_VARIABLE, ReplaySpecification
from tradeplane_api.simulation import Simulation

from tradeplane_operator.planning.names import REPLAY_UID_LABEL
from tradeplane_operator.planning.work import Work, build_work

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_api.replay import PinnedBaseline, ReplayRun, ReplaySpec

    from tradeplane_operator.settings import Settings

_COMMAND = ("/usr/bin/python3", "-m", "tradeplane_workloads.replay")


class UnreadablePin(ValueError):
    """What is pinned cannot be read by this operator; the message names the field."""


def build_replay(
    metadata: Mapping[str, Any], spec: ReplaySpec, pinned: PinnedBaseline, replay: ReplayRun, settings: Settings
) -> dict[str, Any]:
    """Return the manifest of a replay's Job, ready to be posted. Raises SpecificationTooLarge and UnreadablePin."""
    work = Work(
        name=replay.name,
        owner_label=REPLAY_UID_LABEL,
        image=pinned.image,
        architecture=replay.architecture.of_run,
        store=pinned.store,
        variable=REPLAY_VARIABLE,
        specification=specification_of(spec, pinned, replay.name).model_dump_json(exclude_none=True),
        command=_COMMAND,
        queue=spec.queue_name,
    )
    return build_work(metadata, spec, work, settings)


def specification_of(spec: ReplaySpec, pinned: PinnedBaseline, replay: str) -> ReplaySpecification:
    """Return what a replay's pod is told. Raises UnreadablePin."""
    simulation = _simulation(pinned)
    beyond = (pinned.session, pinned.against, simulation, spec.tolerance, spec.what_if)
    return ReplaySpecification(
        format_version=1 if beyond == (None,) * len(beyond) else 2,
        replay=replay,
        baseline=pinned.baseline,
        session=pinned.session,
        against=pinned.against,
        simulation=simulation,
        tolerance=spec.tolerance,
        what_if=spec.what_if,
        image=pinned.image,
    )


def _simulation(pinned: PinnedBaseline) -> Simulation | None:
    """Return what decides in the place of what is recorded; a newer operator may have pinned what this one lacks."""
    try:
        return None if pinned.simulation is None else Simulation.model_validate_json(pinned.simulation)
    except ValidationError as error:
        raise UnreadablePin(
            f"status.pinned.simulation cannot be read by this operator: {error.errors()[0]['msg']}"
        ) from error
