"""Traders and exchanges that are killed at any moment: nothing is lost, nothing is done twice, and parity holds."""

from __future__ import annotations

import asyncio
import resource
import signal
from typing import TYPE_CHECKING

import pytest
from tradeplane_api.paper import PaperOutcome
from tradeplane_api.run import ExitCode
from tradeplane_native import Generator

from tests.integration.workloads.paper.paper_trading import MARKET, nothing_lost_or_doubled
from tests.integration.workloads.paper.processes import START_S, Place, ended
from tests.integration.workloads.paper.session_world import whole_of
from tests.ports import free_port
from tests.unit.workloads.exchange.small_exchange import keys_in

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
        await place.trades_more()
        assert await ended(trader) == 0
        told = place.report()
        assert (told.outcome, told.number) == (PaperOutcome.STOPPED, 1)
        assert await ended(exchange) == 0
        assert nothing_lost_or_doubled(tmp_path, MARKET) == told.fills > 0
    finally:
        for process in (trader, exchange):
            await ended(process, signal.SIGKILL)


async def test_a_full_disk_ends_a_trader_and_loses_nothing(tmp_path: Path) -> None:
    place = Place(tmp_path, MARKET)
    exchange = await place.exchange()
    trader = await place.trader()
    journal = tmp_path / "sessions" / "1" / "journal"
    try:
        await place.trades(trader)
        await place.trades_more()
        resource.prlimit(trader.pid, resource.RLIMIT_FSIZE, (whole_of(journal) + 3_000,) * 2)
        assert await asyncio.wait_for(trader.wait(), START_S) == ExitCode.STORE
        told = place.report()
        assert told.outcome is PaperOutcome.FAILED
        assert "the disk is full, and what came last is not recorded; make room and go on" in told.message
        trader = await place.trader()
        await place.trades(trader)
        await place.trades_more()
        assert (await ended(trader), await ended(exchange)) == (0, 0)
        assert nothing_lost_or_doubled(tmp_path, MARKET) == place.report().fills
    finally:
        for process in (trader, exchange):
            await ended(process, signal.SIGKILL)


async def test_a_second_trader_on_one_volume_is_refused(tmp_path: Path) -> None:
    place = Place(tmp_path, MARKET)
    exchange = await place.exchange()
    trader = await place.trader()
    try:
        await place.trades(trader)
        place.health = free_port()
        second = await place.trader()
        assert await asyncio.wait_for(second.wait(), START_S) == ExitCode.STORE
        assert "another process trades this session; end it first" in place.report().message
        assert await ended(trader) == 0
    finally:
        for process in (trader, exchange):
            await ended(process, signal.SIGKILL)


async def test_a_key_that_is_changed_is_read_again(tmp_path: Path) -> None:
    place = Place(tmp_path, MARKET)
    exchange = await place.exchange()
    trader = await place.trader()
    try:
        await place.trades(trader)
        keys_in(tmp_path / "keys", key="n" * 64, secret="m" * 64)
        before = await place.orders("n" * 64, "m" * 64)
        async with asyncio.timeout(START_S):
            while await place.orders("n" * 64, "m" * 64) <= before + 10:
                assert trader.returncode is None
                await asyncio.sleep(0.2)
        assert (await ended(trader), await ended(exchange)) == (0, 0)
        assert nothing_lost_or_doubled(tmp_path, MARKET) == place.report().fills
    finally:
        for process in (trader, exchange):
            await ended(process, signal.SIGKILL)


async def test_a_key_that_was_never_good_is_said(tmp_path: Path) -> None:
    place = Place(tmp_path, MARKET)
    exchange = await place.exchange()
    (tmp_path / "wrong").mkdir()
    place.keys = keys_in(tmp_path / "wrong", key="w" * 64)
    trader = await place.trader()
    try:
        assert await asyncio.wait_for(trader.wait(), START_S) == ExitCode.INTERNAL
        assert "the key is not valid" in place.report().message
    finally:
        for process in (trader, exchange):
            await ended(process, signal.SIGKILL)
