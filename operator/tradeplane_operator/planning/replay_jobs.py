"""The Job of a replay: it is told which run by which manifest, and reads in the store what that was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradeplane_api.parity import REPLAY_VARIABLE, ReplaySpecification

from tradeplane_operator.planning.names import REPLAY_UID_LABEL
from tradeplane_operator.planning.work import Work, build_work

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_api.replay import PinnedBaseline, ReplayRun, ReplaySpec

    from tradeplane_operator.settings import Settings

_COMMAND = ("/usr/bin/python3", "-m", "tradeplane_workloads.replay")


def build_replay(
    metadata: Mapping[str, Any], spec: ReplaySpec, pinned: PinnedBaseline, replay: ReplayRun, settings: Settings
) -> dict[str, Any]:
    """Return the manifest of a replay's Job, ready to be posted."""
    asked = ReplaySpecification(replay=replay.name, baseline=pinned.baseline, image=pinned.image)
    work = Work(
        name=replay.name,
        owner_label=REPLAY_UID_LABEL,
        image=pinned.image,
        architecture=replay.architecture.of_run,
        store=pinned.store,
        variable=REPLAY_VARIABLE,
        specification=asked.model_dump_json(exclude_none=True),
        command=_COMMAND,
    )
    return build_work(metadata, spec, work, settings)
