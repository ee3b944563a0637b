"""Traders and exchanges that are killed at any moment: nothing is lost, nothing is done twice, and parity holds."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import pytest
from tradeplane_api.paper import PaperOutcome
from tradeplane_native import Generator

from tests.integration.workloads.paper.paper_trading import MARKET, nothing_lost_or_doubled
from tests.integration.workloads.paper.processes import Place, ended

if TYPE_CHECKING:
    from pathlib import Path

KILLS = 5


@pytest.mark.parametrize("victim", ["trader", "exchange"])
async def test_nothing_is_lost_or_doubled_by_kill_9(tmp_path: Path, victim: str) -> None:
    place, drawn = Place(tmp_path, MARKET), Generator(len(victim))
    exchange = await place.exchange()
    trader = await place.trader()
    try:
        for _ in range(KILLS):
            await place.trades(trader)
            await asyncio.sleep(float(drawn.integers(50, 1_500, 1)[0]) / 1_000)
            if victim == "trader":
                assert await ended(trader, signal.SIGKILL) == -signal.SIGKILL
                trader = await place.trader()
            else:
                assert await ended(exchange, signal.SIGKILL) == -signal.SIGKILL
                exchange = await place.exchange()
        await place.trades(trader)
        await asyncio.sleep(1.0)
        assert await ended(trader) == 0
        told = place.report()
        assert (told.outcome, told.number) == (PaperOutcome.STOPPED, 1)
        assert await ended(exchange) == 0
        assert nothing_lost_or_doubled(tmp_path, MARKET) == told.fills > 0
    finally:
        for process in (trader, exchange):
            await ended(process, signal.SIGKILL)
