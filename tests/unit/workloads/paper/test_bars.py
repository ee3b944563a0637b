"""A trader's bars have the trades that arrived in their period, however late the end of it is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from pydantic import BaseModel
from tradeplane_workloads.brokers.binance import Clocks
from tradeplane_workloads.paper.books import BID, News
from tradeplane_workloads.paper.market import Traded
from tradeplane_workloads.paper.trader import Trader
from tradeplane_workloads.sessions import open_session
from tradeplane_workloads.strategies import registry

from tests.unit.workloads.sessions.sample_sessions import INSTRUMENT, NAME, START, TRADE, specification

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tradeplane_native import Desk, MarketBar

SECOND = 1_000_000_000
Bar = tuple[int, int, int, int]


class Listens:
    """Hears bars, and trades nothing."""

    name: ClassVar[str] = "listens"
    api_version: ClassVar[str] = "v1"

    class Parameters(BaseModel):
        """It has none."""

    heard: ClassVar[list[Bar]] = []

    def trader(self, *_: Any) -> object:
        """Return what hears them."""
        return self

    def on_bar(self, _: Desk, bar: MarketBar) -> None:
        """Write a bar down."""
        self.heard.append((bar.open, bar.high, bar.low, bar.close))


class Floor:
    """A trader whose clock a test sets, in nanoseconds after its start; it begins on a whole second."""

    def __init__(self, folder: Path) -> None:
        self.now = 0
        folder.mkdir()
        recorded = open_session(folder, NAME, specification("listens", {}))
        clocks = Clocks(lambda: START + self.now)
        self.close = recorded.close
        self.trader = Trader(recorded, NAME, (Traded(0, INSTRUMENT),), clocks, lambda _: None)
        self.trader.begin()

    def trades(self, after: int, price: int) -> None:
        """Hear of a trade so long after the start."""
        self.now = after
        self.trader.news(0, News(START + after, [(TRADE, BID, price, 1)]))


@pytest.fixture
def floor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Floor]:
    monkeypatch.setitem(registry.BUILT_IN, "listens", Listens())
    monkeypatch.setattr(Listens, "heard", [])
    made = Floor(tmp_path / "session")
    yield made
    made.close()


def test_what_arrives_after_the_end_of_a_period_is_of_the_next(floor: Floor) -> None:
    floor.trades(SECOND // 2, 500)
    floor.trades(SECOND, 510)  # at its very end
    assert Listens.heard == []
    floor.trades(SECOND + 1, 490)
    assert Listens.heard == [(500, 510, 500, 510)]
    floor.now = 2 * SECOND
    floor.trader.wake()
    assert Listens.heard == [(500, 510, 500, 510), (490, 490, 490, 490)]


def test_periods_without_a_trade_are_ended_and_have_no_bar(floor: Floor) -> None:
    floor.trades(SECOND // 2, 500)
    floor.trades(5 * SECOND + 7, 520)
    assert Listens.heard == [(500, 500, 500, 500)]
    assert floor.trader.session.next_period == START + 6 * SECOND


def test_a_clock_that_is_set_back_ends_nothing_twice(floor: Floor) -> None:
    floor.trades(SECOND + 5, 500)
    floor.trades(SECOND // 2, 510)
    floor.trades(2 * SECOND + 1, 520)
    assert Listens.heard == [(500, 510, 500, 510)]
