"""plan() of a Replay that is being deleted, and is kept until what it found is attested.

By its record alone, in which all replays have ended: while one goes on nothing is owed, and nothing keeps it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_api.conditions import ConditionType

from tradeplane_operator.planning.attestation_guard import Leaving, changed, last_moment
from tradeplane_operator.planning.conditions import spell
from tradeplane_operator.planning.documents import to_wire
from tradeplane_operator.planning.notices import notices
from tradeplane_operator.planning.parity import overall
from tradeplane_operator.planning.replay_attesting import attest, with_reference
from tradeplane_operator.planning.times import rfc3339
from tradeplane_operator.planning.wanted import Plan

if TYPE_CHECKING:
    from datetime import datetime

    from tradeplane_api.replay import ReplayStatus

    from tradeplane_operator.planning.observed import Observed
    from tradeplane_operator.planning.replay_pins import StrategyView
    from tradeplane_operator.settings import Settings


def plan_deleted(
    cluster: Observed, strategy: StrategyView | None, status: ReplayStatus, settings: Settings, now: datetime
) -> Plan:
    """Return what is wanted for a Replay that is deleted while what it found is owed an attestation. Pure."""
    metadata, evidence = cluster.resource["metadata"], settings.evidence
    goes = Plan(finalizers=changed(metadata, owed=False))
    if evidence is None or status.pinned is None or not status.replays or status.attestation is not None:
        return goes
    pinned = with_reference(status.pinned, strategy)
    attesting = attest(pinned, status.replays, strategy, cluster.attestations, evidence, now)
    if not attesting.owed and attesting.attestation is None:
        return goes
    leaving = Leaving(f"what {status.replays[0].name} found", attesting.told.message, last_moment(metadata, evidence))
    verdict = leaving.waits() if attesting.owed else overall(status.replays)
    also = {ConditionType.ATTESTED: (attesting.status, attesting.told)}
    conditions = spell(verdict, metadata["generation"], rfc3339(now), status.conditions, also)
    found = {"conditions": conditions, "pinned": pinned, "attestation": attesting.attestation}
    wanted = Plan(
        status=to_wire(status.model_copy(update=found)),
        notices=notices(status.conditions, conditions),
        look_again_at=leaving.until if attesting.look is None else min(leaving.until, attesting.look),
        attest_replays=attesting.ask,
        owed=frozenset([status.replays[0].name]) if attesting.owed else frozenset(),
    )
    return leaving.decided(wanted, metadata, now, goes=not attesting.owed)
