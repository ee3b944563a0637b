"""The replay of a session that a specification asks for, and the record of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_api.parity import ReplayRecord

from tradeplane_workloads.replay.sessions import Asked, replay_session

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tradeplane_api.parity import ReplaySpecification
    from tradeplane_store.objects import ObjectStore

SCHEMA_VERSION = 2
"""The version of the record of a session's replay."""


def replay_again(
    specification: ReplaySpecification,
    session: str,
    store: ObjectStore,
    *,
    say: Callable[[str], None],
    environment: Mapping[str, str] | None = None,
) -> ReplayRecord:
    """Replay the session of a snapshot as it is asked for; nothing is written. Raises as ``replay_session`` does."""
    asked = Asked(specification.simulation, specification.tolerance, specification.what_if)
    found = replay_session(store, session, say, asked)
    baseline_digest, result_digest = found.digests
    return ReplayRecord(
        schema_version=SCHEMA_VERSION,
        specification=specification,
        baseline_digest=baseline_digest,
        result_digest=result_digest,
        verdict=found.verdict,
        compared=found.compared,
        environment={**found.replayed_on, **(environment or {})},
    )
