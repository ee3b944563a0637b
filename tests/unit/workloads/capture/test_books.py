"""A capture asks for no book once the weight of the minute is spent, and goes on in the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from tradeplane_api.capture import CaptureFeed
from tradeplane_workloads.capture.books import Books

from tests.unit.workloads.capture.samples import FEED

if TYPE_CHECKING:
    import aiohttp
    import pytest
    from tradeplane_native import Spool

SECOND = 1_000_000_000
NO_SESSION, NO_SPOOL = cast("aiohttp.ClientSession", None), cast("Spool", None)


async def test_the_weight_of_a_minute_is_kept_to(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    async def ask(_: Books, __: Any, instrument: int) -> bool:
        asked.append(instrument)
        return True

    monkeypatch.setattr(Books, "_ask", ask)
    now = 90 * SECOND
    feed = CaptureFeed.model_validate(
        FEED | {"symbols": ["A", "B", "C"], "weight_per_minute": 45, "depth_limit": 1_000}
    )
    books = Books(feed, NO_SPOOL, lambda: now)
    for instrument in range(3):
        books.want(instrument)
    waits = [await books._next(NO_SESSION) for _ in range(3)]
    assert len(asked) == 2  # 20 each at the futures markets
    assert waits[2] == 30

    now += 30 * SECOND
    await books._next(NO_SESSION)
    assert sorted(asked) == [0, 1, 2]


async def test_without_a_limit_all_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    async def ask(_: Books, __: Any, instrument: int) -> bool:
        asked.append(instrument)
        return True

    monkeypatch.setattr(Books, "_ask", ask)
    books = Books(CaptureFeed.model_validate(FEED | {"symbols": ["A", "B", "C"]}), NO_SPOOL, lambda: 0)
    for instrument in range(3):
        books.want(instrument)
        await books._next(NO_SESSION)
    assert asked == [0, 1, 2]
