"""A replica that may not lead writes nothing: no request leaves it, whatever it was about to do.

A process that was stopped and goes on believes what it believed before, and its clock tells it so only where it looks.
So the clock is asked before each write, and here with a server that says what arrived.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import aiohttp
import pytest
from aiohttp import web
from tradeplane_operator.acting.access import Access, Connection
from tradeplane_operator.acting.client import ApiClient
from tradeplane_operator.acting.errors import ApiUnavailable, NotFound, NotLeading
from tradeplane_operator.running.leadership import Leadership, LeadershipLost
from tradeplane_operator.running.operation import Operation
from tradeplane_operator.settings import Lease

from tests.unit.operator.simulation import SETTINGS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

Json = dict[str, Any]
PATH = "/apis/batch/v1/namespaces/research/jobs"
WRITES: dict[str, Callable[[ApiClient], Awaitable[Any]]] = {
    "create": lambda client: client.create(PATH, {}),
    "replace": lambda client: client.replace(f"{PATH}/macd", {}),
    "merge_patch": lambda client: client.merge_patch(f"{PATH}/macd/status", {}),
    "apply": lambda client: client.apply(f"{PATH}/macd", {}, force=True),
    "delete": lambda client: client.delete(f"{PATH}/macd", "uid"),
    "delete_collection": lambda client: client.delete_collection(PATH, "app=tradeplane"),
}
RENEW_S = 9.0


@contextlib.asynccontextmanager
async def _server(arrived: list[str]) -> AsyncIterator[Access]:
    """Serve everything, noting what arrives."""

    async def answer(request: web.Request) -> web.Response:
        arrived.append(request.method)
        return web.json_response({})

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    session = aiohttp.ClientSession()
    try:
        yield Access(Connection(f"http://127.0.0.1:{runner.addresses[0][1]}", session, {}))
    finally:
        await session.close()
        await runner.cleanup()


@dataclass
class Clock:
    """Seconds that go on while a process is stopped."""

    seconds: float = 100.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class OneLease:
    """The API server's Lease as a client shows it; ``answers_after``: seconds that a renewal takes."""

    clock: Clock
    held: Json | None = None
    answers_after: float = 0.0
    away: bool = False
    renewed: int = 0

    async def get(self, _path: str) -> Json:
        if self.away:
            raise ApiUnavailable("the API server is away")
        if self.held is None:
            raise NotFound(404, "NotFound", "no Lease")
        return {"metadata": {}, "spec": dict(self.held)}

    async def create(self, _path: str, body: Json) -> Json:
        return await self.replace(_path, body)

    async def replace(self, _path: str, body: Json) -> Json:
        self.clock.seconds += self.answers_after
        self.held = dict(body["spec"])
        self.renewed += 1
        return body


@dataclass
class Replica:
    """One replica's claim on the Lease, and time."""

    clock: Clock = field(default_factory=Clock)
    answers_after: float = 0.0
    lease: OneLease = field(init=False)
    leadership: Leadership = field(init=False)

    def __post_init__(self) -> None:
        self.lease = OneLease(self.clock, answers_after=self.answers_after)
        settings = Lease(renew_seconds=RENEW_S, retry_seconds=0.001)
        self.leadership = Leadership(cast("ApiClient", self.lease), settings, "replica", self.clock)

    @contextlib.asynccontextmanager
    async def leading(self) -> AsyncIterator[asyncio.Task[None]]:
        """Have it take the Lease and renew it."""
        task = asyncio.create_task(self.leadership.run())
        try:
            async with asyncio.timeout(30):
                await self.leadership.gained()
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_no_write_leaves_who_does_not_lead_and_reads_do(write: Callable[[ApiClient], Awaitable[Any]]) -> None:
    arrived: list[str] = []
    waiting = Replica()
    async with _server(arrived) as access:
        client = ApiClient(access, 5.0, waiting.leadership.require)
        with pytest.raises(NotLeading, match="replica does not hold Lease tradeplane-system/tradeplane-operator"):
            await write(client)
        assert arrived == []
        await client.get(PATH)
        assert arrived == ["GET"]


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_a_leader_that_was_stopped_for_longer_than_its_lease_sends_nothing(
    write: Callable[[ApiClient], Awaitable[Any]],
) -> None:
    """It has noticed nothing yet: the task that renews has not run since."""
    arrived: list[str] = []
    replica = Replica()
    async with _server(arrived) as access, replica.leading():
        client = ApiClient(access, 5.0, replica.leadership.require)
        await write(client)
        assert len(arrived) == 1
        replica.clock.seconds += RENEW_S
        with pytest.raises(NotLeading):
            await write(client)
        assert len(arrived) == 1


async def test_a_renewal_counts_from_when_it_was_begun() -> None:
    """Another replica counts from when it saw the Lease change, which may be at once."""
    replica = Replica(answers_after=RENEW_S - 1)
    async with replica.leading():
        assert replica.leadership.leading
        replica.clock.seconds += 1
        with pytest.raises(NotLeading):
            replica.leadership.require()


async def test_a_leader_whose_renewals_fail_ends_when_its_time_is_over_and_not_before() -> None:
    replica = Replica()
    async with replica.leading() as task:
        replica.lease.away = True
        replica.clock.seconds += RENEW_S - 0.1
        await asyncio.sleep(0.02)
        assert not task.done()
        replica.clock.seconds += 0.2
        with pytest.raises(LeadershipLost, match="no longer holds Lease"):
            async with asyncio.timeout(30):
                await task


async def test_a_leader_that_finds_another_in_its_place_ends_at_once() -> None:
    replica = Replica()
    async with replica.leading() as task:
        assert replica.lease.held is not None
        replica.lease.held |= {"holderIdentity": "another", "renewTime": "now"}
        with pytest.raises(LeadershipLost):
            async with asyncio.timeout(30):
                await task
        with pytest.raises(NotLeading):
            replica.leadership.require()
        assert replica.lease.held["holderIdentity"] == "another"


def _clients_within(one: object) -> Iterator[ApiClient]:
    """Find the clients that an object of the operator's has, or that what it has has."""
    found: dict[int, object] = {}
    waiting: list[object] = [one]
    while waiting:
        each = waiting.pop()
        ours = type(each).__module__.startswith("tradeplane_operator")
        if id(each) in found or not (ours or isinstance(each, (dict, list, tuple))):
            continue
        found[id(each)] = each
        if isinstance(each, ApiClient):
            yield each
        else:
            waiting.extend(gc.get_referents(each))


def test_all_that_acts_on_objects_asks_whether_it_leads() -> None:
    operation = Operation(SETTINGS)
    for kind, reconciler in operation.loop.reconcilers.items():
        clients = list(_clients_within(reconciler))
        assert clients, f"no client is found in what is responsible for {kind}"
        assert all(client.fence == operation.leadership.require for client in clients), kind
