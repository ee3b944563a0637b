"""The work queue: coalescing, no key worked on twice at a time, pauses that grow and end."""

from __future__ import annotations

import asyncio

import pytest
from tradeplane_operator.running.queue import WorkQueue


async def test_a_key_added_twice_is_worked_on_once() -> None:
    queue: WorkQueue[str] = WorkQueue(0.01, 1.0)
    queue.add("a")
    queue.add("a")
    assert await queue.get() == "a"
    queue.done("a")
    assert len(queue) == 0


async def test_a_key_added_while_worked_on_is_worked_on_again_and_not_at_once() -> None:
    queue: WorkQueue[str] = WorkQueue(0.01, 1.0)
    queue.add("a")
    await queue.get()
    queue.add("a")
    assert len(queue) == 0
    queue.done("a")
    assert await queue.get() == "a"


async def test_keys_come_in_the_order_they_were_added() -> None:
    queue: WorkQueue[int] = WorkQueue(0.01, 1.0)
    for number in range(5):
        queue.add(number)
    assert [await queue.get() for _ in range(5)] == list(range(5))


async def test_pauses_double_up_to_the_longest_and_are_forgotten_after_success() -> None:
    queue: WorkQueue[str] = WorkQueue(1.0, 5.0)
    assert [queue.add_failed("a") for _ in range(5)] == [1.0, 2.0, 4.0, 5.0, 5.0]
    queue.succeeded("a")
    assert queue.add_failed("a", at_least=3.0) == 3.0
    queue.cancel_timer("a")


async def test_a_later_timer_replaces_an_earlier_one() -> None:
    queue: WorkQueue[str] = WorkQueue(1.0, 5.0)
    queue.add_after("a", 0.005)
    queue.add_after("a", 60.0)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await queue.get()
    queue.add_after("a", 0.005)
    async with asyncio.timeout(60.0):
        assert await queue.get() == "a"


async def test_each_waiting_worker_gets_a_key_even_if_one_is_cancelled() -> None:
    queue: WorkQueue[str] = WorkQueue(1.0, 5.0)
    gone, waiting = asyncio.create_task(queue.get()), asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add("a")
    gone.cancel()
    async with asyncio.timeout(60.0):
        done, _ = await asyncio.wait({gone, waiting}, return_when=asyncio.ALL_COMPLETED)
    assert waiting.result() == "a"
    assert gone in done


async def test_an_urgent_key_goes_before_those_that_waited_longer() -> None:
    queue: WorkQueue[str] = WorkQueue(0.01, 1.0, lambda key: key.startswith("new"))
    for key in ("old 1", "old 2", "new 1", "old 3", "new 2"):
        queue.add(key)
    assert [await queue.get() for _ in range(5)] == ["new 1", "new 2", "old 1", "old 2", "old 3"]


async def test_whether_a_key_is_urgent_is_asked_each_time_it_is_added() -> None:
    urgent: set[str] = {"a"}
    queue: WorkQueue[str] = WorkQueue(0.01, 1.0, urgent.__contains__)
    queue.add("a")
    await queue.get()
    queue.add("a")
    queue.add("b")
    urgent.clear()
    queue.done("a")
    assert [await queue.get(), await queue.get()] == ["b", "a"]
