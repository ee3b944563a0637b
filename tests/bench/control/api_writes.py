"""``control.api_writes_per_run``: what a run costs the API server, as its own audit log has it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import orjson

from tests.bench.control.contenders import arena, operating
from tests.bench.control.documents import STRATEGIES, strategies
from tests.bench.control.load import create, removed, say, seeing
from tests.bench.control.operator_process import USER
from tests.bench.records import Record

if TYPE_CHECKING:
    from pathlib import Path

RUNS = 500
_ADMINISTRATOR = "system:admin"
_PATIENCE = 180.0
_WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


async def measure() -> list[Record]:
    """Run Strategies to their end and until their Jobs are removed, then count who wrote what."""
    async with arena(audit=True) as place, operating(place.operator), seeing(place.client, "strategies") as seen:
        await create(place.client, STRATEGIES, strategies("warming", 1))
        await seen.until("ready", 1, _PATIENCE)
        await removed(place.client)
        log = place.fleet.cluster.layout.logs / "audit.log"
        begins = log.stat().st_size
        await create(place.client, STRATEGIES, strategies("counted", RUNS))
        await seen.until("ready", 1 + RUNS, _PATIENCE)
        await removed(place.client)
        counted = requests_in(log, begins)
    for (who, verb, resource), number in sorted(counted.items()):
        if who == USER:
            say(f"{number:,} x {verb} {resource}")
    ours = writes_of(counted, USER)
    everybody = sum(writes_of(counted, who) for who in {who for who, *_ in counted} - {_ADMINISTRATOR})
    timed = (
        f"requests of the operator's account that write, whatever their answer, in the API server's audit log, over "
        f"{RUNS} runs from create to the Job's removal; Events and deletes included, Lease renewals not; all "
        "components: of operator, scheduler, controllers, garbage collector and fake kubelet"
    )
    return [
        Record(
            name="control.api_writes_per_run",
            value=ours / RUNS,
            unit="writes/run",
            reference="all components together",
            reference_value=everybody / RUNS,
            ratio=None,
            timed=timed,
        )
    ]


def requests_in(log: Path, begins: int) -> Counter[tuple[str, str, str]]:
    """Count requests in an audit log from an offset on, by user, verb and resource; those about Leases are left out."""
    counted: Counter[tuple[str, str, str]] = Counter()
    with log.open("rb") as lines:
        lines.seek(begins)
        for line in lines:
            event = orjson.loads(line)
            target = event.get("objectRef") or {}
            if target.get("resource") != "leases":
                resource = "/".join(filter(None, (target.get("resource"), target.get("subresource"))))
                counted[event["user"]["username"], event["verb"], resource] += 1
    return counted


def writes_of(counted: Counter[tuple[str, str, str]], user: str) -> int:
    """Return how many of the requests counted are a user's and write."""
    return sum(number for (who, verb, _), number in counted.items() if who == user and verb in _WRITES)
