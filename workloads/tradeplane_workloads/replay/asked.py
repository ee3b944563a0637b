"""The replay that a specification asks for: of a run or of a session, each with what it needs itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tradeplane_api.parity import ReplayRecord, ReplaySpecification
    from tradeplane_store.objects import ObjectStore


def replayed(
    specification: ReplaySpecification,
    store: ObjectStore,
    *,
    say: Callable[[str], None],
    environment: Mapping[str, str] | None = None,
) -> ReplayRecord:
    """Replay what is asked for; nothing is written. ``say`` is told what is being done.

    The engine of the one is not loaded for the other. Raises DataRefused, InvalidSpecification or StoreFailure.
    """
    session = specification.session
    if session is not None:
        from tradeplane_workloads.replay.session_again import replay_again

        return replay_again(specification, session, store, say=say, environment=environment)

    from tradeplane_workloads.replay.again import run_again

    return run_again(specification, store, say=say, environment=environment)
