"""The Job of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradeplane_api.run import SPECIFICATION_VARIABLE

from tradeplane_operator.planning.asking import run_specification
from tradeplane_operator.planning.names import STRATEGY_UID_LABEL
from tradeplane_operator.planning.work import Work, build_work

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_api.strategy import PinnedInputs, RunStatus, StrategySpec

    from tradeplane_operator.settings import Settings


def build_job(
    metadata: Mapping[str, Any], spec: StrategySpec, pinned: PinnedInputs, run: RunStatus, settings: Settings
) -> dict[str, Any]:
    """Return the manifest of a run's Job, ready to be posted. Raises SpecificationTooLarge."""
    work = Work(
        name=run.name,
        owner_label=STRATEGY_UID_LABEL,
        image=run.image,
        architecture=run.architecture,
        store=spec.store,
        variable=SPECIFICATION_VARIABLE,
        specification=run_specification(run.name, spec, pinned).model_dump_json(),
        queue=spec.queue_name,
    )
    return build_work(metadata, spec, work, settings)
