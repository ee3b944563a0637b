"""One Python class without a change: in a backtest on tapes, in a session at an exchange, and replayed from that.

So for one that answers to events, and for those that decide by targets on bars.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
from pydantic import BaseModel
from tradeplane_workloads.errors import InvalidSpecification, StrategyFailed
from tradeplane_workloads.events.backtest import backtest_tapes
from tradeplane_workloads.replay.recorded_market import recorded_tapes
from tradeplane_workloads.sessions import replay
from tradeplane_workloads.strategies import registry
from tradeplane_workloads.strategies.protocol import OrderEvent

from tests.unit.workloads.sessions.trading_floor import Floor, exchange_of, journal_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from tradeplane_native import Desk, EventRun, Generator, MarketBar, MarketTrade, OrderReport
    from tradeplane_workloads.market.bars import Bars

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


class Turner:
    """Long or short by whether the close rose, or by a draw where it did not change; keeps the bars it was given."""

    name: ClassVar[str] = "turner"
    api_version: ClassVar[str] = "v1"

    class Parameters(BaseModel):
        """At how many bars it raises."""

        raises_at: int = 1_000

    given: ClassVar[list[Bars]] = []

    def targets(self, bars: Bars, parameters: Parameters, rng: Generator) -> NDArray[np.float64]:
        """Return 1 or -1 of each bar."""
        self.given.append(bars)
        if len(bars.time_ns) == parameters.raises_at:
            raise ValueError("no more")
        drawn = np.where(rng.uniform(len(bars.time_ns))[:, None] < 0.5, -1.0, 1.0)
        rose = np.sign(np.diff(bars.close, axis=0, prepend=bars.close[:1])).astype(np.float64)
        return np.where(rose == 0, drawn, rose)


BARS = {"risk": {"allowShort": True}, "sizing": {"fraction": "0.01"}, "execution": {"periodSeconds": 1}}
STEP_NS = 50_000_000


def decided(run: EventRun | None) -> list[tuple[Any, ...]]:
    """Return what was decided: of each order sent its time, number, side and lots."""
    assert run is not None
    columns = [run.column(name).tolist() for name in ("event", "local_time", "order", "side", "quantity")]
    return [row[1:] for row in zip(*columns, strict=True) if row[0] == OrderEvent.SUBMIT]


def on_bars(tmp_path: Path, name: str, **parameters: int) -> Floor:
    """Return a floor on which a strategy on bars traded, a bar for each twenty messages of the market."""
    algorithm = {"name": name, "parameters": parameters}
    floor = Floor(tmp_path, exchange_of(synthetic={"messages": 1_200}), step_ns=STEP_NS, algorithm=algorithm, **BARS)
    floor.trade(end=False)
    floor.close()
    return floor


@pytest.fixture
def _turner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.BUILT_IN, "turner", Turner())
    monkeypatch.setattr(Turner, "given", [])


@pytest.mark.usefixtures("_turner")
@pytest.mark.parametrize(
    ("name", "parameters"),
    [("turner", {}), ("sma-cross", {"fast": 2, "slow": 4}), ("macd-momentum", {"slow": 8, "fast": 3})],
)
def test_a_class_of_targets_trades_in_a_session_and_its_replay_as_in_a_backtest(
    tmp_path: Path, name: str, parameters: dict[str, int]
) -> None:
    floor = on_bars(tmp_path, name, **parameters)
    asked = floor.specification
    traded = decided(floor.session.run())
    verdict = replay(journal_of(floor), asked)
    backtest = backtest_tapes(recorded_tapes(journal_of(floor), asked.traded()), asked.simulation)

    assert verdict.exact, verdict.difference
    assert decided(verdict.run) == traded
    events = backtest.events.to_pylist()
    columns = ("local_time", "order", "side", "quantity")
    assert [tuple(row[one] for one in columns) for row in events if row["event"] == OrderEvent.SUBMIT] == traded
    assert len(traded) > 5


@pytest.mark.usefixtures("_turner")
def test_at_each_bar_a_session_gives_the_bars_so_far_of_the_whole_there_will_be(tmp_path: Path) -> None:
    floor = on_bars(tmp_path, "turner")
    session, Turner.given = Turner.given, []
    backtest_tapes(recorded_tapes(journal_of(floor), floor.specification.traded()), floor.specification.simulation)

    (whole,) = Turner.given
    assert [len(bars.time_ns) for bars in session] == list(range(1, len(whole.time_ns) + 1))
    for bars in session:
        for column in ("time_ns", "open", "high", "low", "close", "volume", "present"):
            assert np.array_equal(getattr(bars, column), getattr(whole, column)[: len(bars.time_ns)]), column


@pytest.mark.usefixtures("_turner")
def test_a_class_of_targets_that_raises_ends_the_session_and_its_replay(tmp_path: Path) -> None:
    algorithm = {"name": "turner", "parameters": {"raises_at": 3}}
    floor = Floor(tmp_path, exchange_of(), step_ns=STEP_NS, algorithm=algorithm, **BARS)
    with pytest.raises(StrategyFailed, match=r"'turner' failed in targets\(\) with ValueError: no more") as failed:
        floor.trade()
    assert [note.startswith("at local time ") for note in failed.value.__notes__] == [True]
    floor.recorded.commit(sync=True)

    assert floor.session.over
    verdict = replay(journal_of(floor), floor.specification)
    assert verdict.exact, verdict.difference
    floor.close()


def test_what_cannot_decide_on_bars_is_refused_before_a_session_begins(tmp_path: Path) -> None:
    with pytest.raises(InvalidSpecification, match=r"risk\.allowShort: pairs takes short positions"):
        Floor(tmp_path / "pairs", algorithm={"name": "pairs"})
    with pytest.raises(InvalidSpecification, match=r"algorithm\.parameters\.slow"):
        Floor(tmp_path / "slow", algorithm={"name": "sma-cross", "parameters": {"slow": 0}})
