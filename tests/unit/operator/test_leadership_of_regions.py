"""A replica in a region that is not active asks nothing of its API server, and is not restarted for that."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, cast

from tradeplane_operator.running.leadership import Leadership
from tradeplane_operator.settings import Lease

from tests.unit.operator.test_active_region import HERE, THERE, World, record

if TYPE_CHECKING:
    from tradeplane_operator.acting.client import ApiClient


class NoServer:
    """In place of a client: an API server that is not to be asked."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name}: a replica that stands by asked its API server")


def leadership(world: World) -> Leadership:
    lease = Lease(retry_seconds=0.001)
    return Leadership(
        cast("ApiClient", NoServer()), lease, "replica", lambda: world.seconds, region=world.operator(HERE)
    )


def stand_by(waiting: Leadership, world: World, rounds: int) -> None:
    """Let it look so many times, a minute apart."""

    async def run() -> None:
        task = asyncio.create_task(waiting.run())
        for _ in range(rounds):
            asked = world.asked
            while world.asked == asked and not task.done():
                await asyncio.sleep(0.001)
            world.seconds += 60
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(run())


def test_one_that_stands_by_is_not_silent() -> None:
    world = World(record(THERE))
    waiting = leadership(world)
    stand_by(waiting, world, 5)
    assert world.asked >= 5
    assert world.seconds - waiting.contact <= 120
    assert not waiting.leading


def test_nor_is_one_that_cannot_read_the_record() -> None:
    world = World(None)
    waiting = leadership(world)
    stand_by(waiting, world, 5)
    assert world.seconds - waiting.contact <= 120
    assert not waiting.leading
