"""What the operator tells the pod of a session's replay, what that leaves, and what is made of it agree."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.run import ExitCode
from tradeplane_operator.observing.stores import Stores
from tradeplane_operator.planning.observed import Observed
from tradeplane_operator.planning.replay import ObservedReplay, plan
from tradeplane_operator.settings import Store
from tradeplane_store.objects import open_store

from tests.unit.operator.replay_planning import NOW, SESSION, Everything, condition, job, names, of_session, told
from tests.unit.operator.simulation import SETTINGS, as_asked
from tests.unit.workloads.replay.sessions_on_record import on_fill, sealed, traded
from tests.unit.workloads.replay.test_session_again import attempted

if TYPE_CHECKING:
    from pathlib import Path

WIDE = {"parity": "Tolerance", "tolerance": {"pnl": "1000000", "fillPrice": "100000", "fillQuantity": "100000"}}
NARROW = {"parity": "Tolerance", "tolerance": {"pnl": "0.000000001"}}
FEES = {"tiers": [{"fromVolume": "0", "makerBasisPoints": "1", "takerBasisPoints": "5"}]}

pytestmark = pytest.mark.usefixtures("logging_restored")


@pytest.mark.parametrize(
    ("asked", "altered", "record", "status", "reason"),
    [
        ({}, False, True, "True", "Exact"),
        ({}, True, True, "False", "Diverged"),
        ({}, False, False, "False", "ExecutionUnjudged"),
        (WIDE, False, True, "True", "Exact"),
        (WIDE, True, True, "True", "Within"),
        (NARROW, True, True, "False", "Diverged"),
        (WIDE, False, False, "True", "Within"),
        ({"whatIf": {"fees": FEES}}, False, True, "True", "Compared"),
    ],
)
async def test_what_a_pod_leaves_is_what_the_operator_believes(
    tmp_path: Path, asked: Any, altered: bool, record: bool, status: str, reason: str
) -> None:
    url = (tmp_path / "store").as_uri()
    store = open_store(url, create=True).within("research")
    tell = on_fill(9, lambda report: [report | {"price": report["price"] + 2}]) if altered else None
    digest = sealed(store, traded(tmp_path / "floor", tell), record=record)
    stores = Stores({"default": Store(url=url, claim="store")})
    replay = of_session(architectures=["amd64"], **asked)
    seen = Observed(resource=replay, snapshot=replace(SESSION, digest=digest), admitted=Everything())
    manifest = await stores.snapshot("default", "research", digest)
    begun = plan(ObservedReplay(seen, manifest=manifest), SETTINGS, NOW)
    (specification,) = told(begun)

    message = attempted(store, specification.model_dump_json(exclude_none=True), tmp_path)
    assert message.exit_code is ExitCode.OK

    replay["status"] = begun.status
    (name,) = names(replay)
    left = await stores.replay("default", "research", name)
    jobs = as_asked(replay, {name: job(name)})
    seen = Observed(resource=replay, admitted=Everything(), jobs=jobs, results={name: left.results})
    done = plan(ObservedReplay(seen, left={name: left}), SETTINGS, NOW)
    assert (condition(done, "Ready")["status"], condition(done, "Ready")["reason"]) == (status, reason)
