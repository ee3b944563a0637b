"""One Python class without a change: in a backtest on tapes, in a session at an exchange, and replayed from that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel
from tradeplane_workloads.events.backtest import backtest_tapes
from tradeplane_workloads.sessions import replay
from tradeplane_workloads.strategies import registry

from tests.unit.workloads.sessions.trading_floor import Floor, exchange_of, journal_of

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from tradeplane_native import Desk, Generator, MarketBar, MarketTrade, OrderReport

SEEN = ("trade", "depth", "bar", "report", "fill", "timer")


class Follower:
    """Buys a lot after a buyer and sells one after a seller, at most five each way; hears all there is."""

    name: ClassVar[str] = "follower"
    api_version: ClassVar[str] = "v1"

    class Parameters(BaseModel):
        """How much."""

        lots: int = 10

    runs: ClassVar[list[_Following]] = []

    def trader(self, _: Any, parameters: Parameters, rng: Generator) -> object:
        """Return a trader."""
        self.runs.append(_Following(parameters.lots, rng))
        return self.runs[-1]


class _Following:
    def __init__(self, lots: int, rng: Generator) -> None:
        self.lots, self.rng = lots, rng
        self.calls = dict.fromkeys(SEEN, 0)
        self.decisions: list[tuple[int, int]] = []

    def start(self, desk: Desk) -> None:
        desk.wake(desk.now + 1)

    def on_trade(self, desk: Desk, trade: MarketTrade) -> None:
        self.calls["trade"] += 1
        side = trade.taker
        if side and abs(desk.position() + side * self.lots) <= 5 * self.lots and int(self.rng.integers(0, 3, 1)[0]):
            self.decisions.append((side, trade.price))
            desk.submit(side, self.lots, trade.price + 20 * side, terms="IOC")

    def on_depth(self, _desk: Desk, _instrument: int) -> None:
        self.calls["depth"] += 1

    def on_bar(self, _desk: Desk, _bar: MarketBar) -> None:
        self.calls["bar"] += 1

    def on_report(self, _desk: Desk, _report: OrderReport) -> None:
        self.calls["report"] += 1

    def on_fill(self, _desk: Desk, _report: OrderReport) -> None:
        self.calls["fill"] += 1

    def on_timer(self, desk: Desk) -> None:
        self.calls["timer"] += 1
        desk.wake(desk.now + 50_000_000)


def test_a_class_trades_in_a_backtest_in_a_session_and_in_its_replay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry.BUILT_IN, "follower", Follower())
    monkeypatch.setattr(Follower, "runs", [])
    market = exchange_of(synthetic={"messages": 1_200})  # a second and a bit by the clock of the floor
    floor = Floor(tmp_path, market, algorithm={"name": "follower"})
    floor.trade(end=False)
    floor.close()
    verdict = replay(journal_of(floor), floor.specification)
    backtest = backtest_tapes(floor.tapes, floor.specification.simulation)

    session, replayed, tested = Follower.runs
    assert all(count > 0 for count in session.calls.values()), session.calls
    assert (replayed.calls, replayed.decisions) == (session.calls, session.decisions)
    assert verdict.exact
    assert len(session.decisions) > 10
    # Bars and timers go by the clock, and that of the floor takes a millisecond a message; the market is the same.
    assert all(tested.calls[name] > 0 for name in SEEN), tested.calls
    by_the_market = ("trade", "depth", "report", "fill")
    assert [tested.calls[name] for name in by_the_market] == [session.calls[name] for name in by_the_market]
    assert tested.decisions == session.decisions
    assert backtest.summary.trades == session.calls["fill"]
