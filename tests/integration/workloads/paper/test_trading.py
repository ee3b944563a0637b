"""A trader against the simulated exchange: it trades, goes on, closes, and whatever the exchange does is survived."""

from __future__ import annotations

import asyncio
import re
from itertools import cycle
from typing import TYPE_CHECKING, Any, ClassVar

import aiohttp
import numpy as np
import pytest
from pydantic import BaseModel
from tradeplane_api.paper import PaperOutcome
from tradeplane_api.venue import Market
from tradeplane_native import read_journal
from tradeplane_workloads.errors import DataRefused, InvalidSpecification
from tradeplane_workloads.events.backtest import backtest_tapes
from tradeplane_workloads.paper.trader import AccountShared
from tradeplane_workloads.paper.volume import newest
from tradeplane_workloads.replay.recorded_market import recorded_tapes
from tradeplane_workloads.sessions import SessionSpecification
from tradeplane_workloads.sessions.journal_file import read_in_place
from tradeplane_workloads.sessions.journal_survey import survey
from tradeplane_workloads.strategies import registry

from tests.integration.workloads.exchange.exchange_client import Client, exchange
from tests.integration.workloads.paper.broker_faults import FAULTS, LOSE_MARKET
from tests.integration.workloads.paper.paper_trading import MARKET, at, nothing_lost_or_doubled, traded
from tests.unit.workloads.sessions.exits import KINDS, Exits

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from tradeplane_workloads.market.bars import Bars


async def test_a_session_trades_stops_and_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tradeplane_workloads.paper.running")
    async with exchange(tmp_path, tmp_path / "record", **MARKET) as (_, address):
        first = await traded(tmp_path, address, 2.0)
        assert gaps_of(tmp_path) == 1  # the end of its own connection
        second = await traded(tmp_path, address, 2.0)
    assert (first.outcome, second.outcome) == (PaperOutcome.STOPPED, PaperOutcome.STOPPED)
    assert (first.number, second.number, second.session) == (1, 1, first.session)
    assert second.inputs > first.inputs > first.fills
    assert second.fills > first.fills > 0
    assert nothing_lost_or_doubled(tmp_path, MARKET) == second.fills
    assert gaps_of(tmp_path) == 3  # when it began again: nobody had heard the market in between; and its own end
    written = [int(number) for number in re.findall(r"(\d+) orders were on the wire", caplog.text)]
    assert len(written) == 2  # one each time it stopped
    assert 0 < sum(written) <= second.orders


class Turning:
    """Long and short in turn, for a bar each; keeps the bars it was given last."""

    name: ClassVar[str] = "turning"
    api_version: ClassVar[str] = "v1"

    class Parameters(BaseModel):
        """It has none."""

    given: ClassVar[list[Bars]] = []

    def targets(self, bars: Bars, *_: Any) -> NDArray[np.float64]:
        """Return 1 and -1 in turn."""
        self.given[:] = [bars]
        turns = np.where(np.arange(len(bars.time_ns)) % 2, -1.0, 1.0)
        return np.repeat(turns[:, None], len(bars.instruments), axis=1)


async def test_a_strategy_on_bars_trades_what_a_backtest_on_the_same_market_decides_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry.BUILT_IN, "turning", Turning())
    simulation = {
        "algorithm": {"name": "turning"},
        "capital": "100000",
        "sizing": {"fraction": "0.01"},
        "risk": {"allowShort": True},
        "execution": {"periodSeconds": 1},
    }
    async with exchange(tmp_path, tmp_path / "record", **MARKET) as (_, address):
        told = await traded(tmp_path, address, 0.5, simulation=simulation)
    (session,) = Turning.given
    assert told.outcome is PaperOutcome.STOPPED
    assert nothing_lost_or_doubled(tmp_path, MARKET) == told.fills

    place = newest(tmp_path / "sessions")
    assert place is not None
    asked = SessionSpecification.decode((place.folder / "specification.json").read_bytes())
    backtest_tapes(recorded_tapes(read_in_place(place.folder / "journal"), asked.traded()), asked.simulation)
    (tested,) = Turning.given
    bars = min(len(session.time_ns), len(tested.time_ns))
    assert bars > 0
    assert len(tested.time_ns) <= len(session.time_ns) <= len(tested.time_ns) + 1  # one may end after the last message
    for column in ("time_ns", "open", "high", "low", "close", "volume", "present"):
        assert np.array_equal(getattr(session, column)[:bars], getattr(tested, column)[:bars]), column


@pytest.mark.parametrize("market", [Market.USD_MARGINED, Market.SPOT])
async def test_orders_that_belong_together_are_lost_or_done_twice_by_no_stream_that_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, market: Market
) -> None:
    monkeypatch.setitem(registry.BUILT_IN, "exits", Exits())
    monkeypatch.setattr(Exits, "runs", [])
    faults = [
        {"kind": "Drop", "channel": "User", "after": 30, "count": 1},
        {"kind": "Drop", "channel": "Request", "after": 60, "count": 1},
    ]
    document, asked = at(market)
    document |= {"faults": faults}
    algorithm = {"name": "exits", "parameters": {"trades": 2, "kinds": ["bracket", "buy", *KINDS]}}
    simulation = {"algorithm": algorithm, "capital": "1000000", "execution": {"periodSeconds": 1}}
    async with exchange(tmp_path, tmp_path / "record", **document) as (_, address):
        told = await traded(tmp_path, address, 1.0, **asked | {"simulation": simulation})
    assert told.outcome is PaperOutcome.STOPPED
    assert nothing_lost_or_doubled(tmp_path, document) == told.fills
    heard = {(event, reason) for event, *_, reason in Exits.runs[0].heard}
    assert {("HOLD", "NONE"), ("CANCEL", "LINKED")} <= heard


def gaps_of(directory: Path) -> int:
    """Return in how many places the journal of the newest session says that messages of the market were lost."""
    place = newest(directory / "sessions")
    assert place is not None
    journal = read_in_place(place.folder / "journal")
    return survey(journal, read_journal(journal).whole).gaps


@pytest.mark.parametrize(("name", "market"), list(zip(FAULTS, cycle(Market), strict=False)))
async def test_nothing_is_lost_or_done_twice_when(tmp_path: Path, name: str, market: Market) -> None:
    document, asked = at(market)
    document |= {"faults": FAULTS[name]}
    async with exchange(tmp_path, tmp_path / "record", **document) as (_, address):
        told = await traded(tmp_path, address, 4.0, **asked)
    assert told.outcome is PaperOutcome.STOPPED
    assert nothing_lost_or_doubled(tmp_path, document) > 0
    assert (gaps_of(tmp_path) > 1) == (name in LOSE_MARKET), "beside the end of its own connection"


async def test_two_traders_of_one_account_find_each_other(tmp_path: Path) -> None:
    async with exchange(tmp_path, tmp_path / "record", **MARKET) as (_, address):
        with pytest.raises(AccountShared, match=r"is not this trader's: somebody"):
            await asyncio.gather(traded(tmp_path, address, 90.0), traded(tmp_path, address, 90.0, trader="other"))


async def test_what_is_left_of_before_is_no_sessions(tmp_path: Path) -> None:
    async with exchange(tmp_path, tmp_path / "record", **MARKET) as (_, address), aiohttp.ClientSession() as http:
        assert (await Client(http, address).order("/fapi/v1", side="BUY", type="MARKET", quantity="0.01")).status == 200
        with pytest.raises(
            AccountShared, match=r"holds 0.010 of SYNUSDT, and this session 0.000: .* close that position"
        ):
            await traded(tmp_path, address, 90.0)


async def test_at_spot_what_was_there_before_stays_and_what_comes_or_goes_otherwise_is_found(tmp_path: Path) -> None:
    document, asked = at(Market.SPOT)
    async with exchange(tmp_path, tmp_path / "record", **document) as (_, address), aiohttp.ClientSession() as http:

        async def by_another(side: str) -> None:
            order = {"side": side, "type": "MARKET", "quantity": "0.013"}
            assert (await Client(http, address).order("/api/v3", **order)).status == 200

        await by_another("BUY")
        await traded(tmp_path, address, 1.0, **asked)
        await traded(tmp_path, address, 1.0, **asked)
        await by_another("SELL")
        with pytest.raises(
            AccountShared, match=r"SYN, which by this session are [0-9.]+, 0\.013 of them from before it"
        ):
            await traded(tmp_path, address, 90.0, **asked)


async def test_what_cannot_be_traded_is_said(tmp_path: Path) -> None:
    async with exchange(tmp_path, tmp_path / "record", **MARKET) as (_, address):
        with pytest.raises(DataRefused, match=r"session.symbols: NOUSDT is not traded there; it has SYNUSDT"):
            await traded(tmp_path, address, 1.0, symbols=["NOUSDT"])
        with pytest.raises(InvalidSpecification, match="a connection that is traded needs a key"):
            await traded(tmp_path, address, 1.0, secret=None)
