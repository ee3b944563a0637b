"""An operator in one of two regions works only while the record names its own, and ends when it cannot read it."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from tradeplane_api.active_region import HASH_KEY, ActiveRegion
from tradeplane_operator.acting.errors import NotFound

from tests.integration.operator.processes import SOON_OVER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.operator.cluster import Bench
    from tests.integration.operator.processes import OperatorProcess

HERE, THERE = "us-east-1", "eu-west-1"
VALID_S = 10
ENDS_WITHIN_S = 60.0
SETTINGS_UNUSABLE, LEADERSHIP_LOST = 2, 4


def region_settings(table: str) -> dict[str, Any]:
    return {"name": HERE, "table": table, "tableRegions": [THERE], "validSeconds": VALID_S}


class Record:
    """The record, on moto's server."""

    def __init__(self, server: ThreadedMotoServer, url: str) -> None:
        self._server, self._dynamo = server, boto3.client("dynamodb", region_name=THERE, endpoint_url=url)
        self._table = f"failover-{uuid.uuid4().hex[:8]}"  # moto forgets nothing within a process
        self._dynamo.create_table(
            TableName=self._table,
            KeySchema=[{"AttributeName": HASH_KEY, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": HASH_KEY, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        now = datetime.now(UTC)
        self._last = ActiveRegion(region=THERE, epoch=1, moved_at=now, moved_by="stack test", move="first")
        self._write()

    @property
    def settings(self) -> dict[str, Any]:
        """Section ``region`` of the operator's settings."""
        return region_settings(self._table)

    def move(self, region: str) -> None:
        self._last = self._last.moved(region, "somebody", datetime.now(UTC), f"to-{region}-{self._last.epoch}")
        self._write()

    def lose(self) -> None:
        """Answer no more."""
        self._server.stop()

    def _write(self) -> None:
        self._dynamo.put_item(TableName=self._table, Item=self._last.to_item())


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch) -> Iterator[Record]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    found = {"ENDPOINT_URL": url, "ACCESS_KEY_ID": "testing", "SECRET_ACCESS_KEY": "testing"}
    for name, value in found.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    yield Record(server, url)
    server.stop()


async def _lease(bench: Bench) -> dict[str, Any] | None:
    path = f"/apis/coordination.k8s.io/v1/namespaces/{bench.namespace}/leases/tradeplane-operator"
    try:
        found: dict[str, Any] = await bench.client.get(path)
    except NotFound:
        return None
    return found


async def test_an_operator_works_only_while_its_region_is_active(
    bench: Bench, operators: Callable[..., OperatorProcess], record: Record
) -> None:
    operator = operators(**SOON_OVER, region=record.settings)
    await operator.says("eu-west-1 is the active region by epoch 1")
    await bench.create_snapshot("prices", bench.write_snapshot())
    await bench.create_strategy("macd")
    assert await _lease(bench) is None
    record.move(HERE)
    moved = time.monotonic()
    await operator.says("us-east-1 is the active region by epoch 2")
    assert await _lease(bench) is None
    assert await bench.jobs() == []
    await operator.working()
    assert time.monotonic() - moved >= VALID_S, "the operator of the other region may work still"
    await bench.a_job()
    record.move(THERE)
    assert operator.wait(ENDS_WITHIN_S) == LEADERSHIP_LOST
    assert "us-east-1 is not active" in operator.log


async def test_an_operator_that_cannot_read_the_record_ends(
    bench: Bench, operators: Callable[..., OperatorProcess], record: Record
) -> None:
    record.move(HERE)
    operator = await operators(**SOON_OVER, region=record.settings).working()
    assert await _lease(bench) is not None
    record.lose()
    assert operator.wait(ENDS_WITHIN_S) == LEADERSHIP_LOST
    assert "gives no record" in operator.log


async def test_one_that_never_read_it_stands_by(
    bench: Bench, operators: Callable[..., OperatorProcess], record: Record
) -> None:
    record.lose()
    operator = operators(**SOON_OVER, region=record.settings)
    await operator.says("gives no record")
    assert await _lease(bench) is None
    assert operator.end() == 0


async def test_settings_that_leave_a_write_no_time_are_refused(
    bench: Bench, operators: Callable[..., OperatorProcess]
) -> None:
    operator = operators(client={"requestSeconds": 12.0}, region=region_settings("failover"))
    assert operator.wait(ENDS_WITHIN_S) == SETTINGS_UNUSABLE
    assert "region.validSeconds (10 s) does not let a request" in operator.log
