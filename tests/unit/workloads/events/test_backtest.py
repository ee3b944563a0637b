"""Simulations on tapes: what a strategy is told, what it leaves, and what is refused, each by hand."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
from pydantic import BaseModel, Field
from tradeplane_api.simulation import Simulation
from tradeplane_api.snapshot_manifest import InstrumentKind
from tradeplane_native import event_bars, run_events
from tradeplane_store.records import table_digest
from tradeplane_workloads.engine.backtest import backtest, decide
from tradeplane_workloads.errors import DataRefused, InvalidSpecification
from tradeplane_workloads.events.backtest import backtest_tapes
from tradeplane_workloads.events.prepared import prepare
from tradeplane_workloads.events.signals import heard_bars
from tradeplane_workloads.market.importing import import_recording
from tradeplane_workloads.market.importing.tape_options import TapeOptions
from tradeplane_workloads.strategies import registry
from tradeplane_workloads.strategies.protocol import OrderEvent

from tests.event_tapes import random_tape
from tests.synthetic import random_bars
from tests.unit.workloads.market.test_import_dbn import records, written
from tests.unit.workloads.sample_tapes import ASK, BEGIN, BID, LEVEL, NONE, TRADE, Row, tape_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_native import Desk, MarketBar, MarketTrade, OrderReport
    from tradeplane_workloads.market.tapes import Tape

SECOND = 1_000_000_000
START = BEGIN - BEGIN % (60 * SECOND)
"""A whole minute."""


def book(*later: Row) -> Tape:
    """Make a book of 100.0 / 100.2, 5 units on each side, from two seconds on, and rows with times in seconds later."""
    opening: list[Row] = [(0, 2, 2, LEVEL, BID, 1000, 5000), (0, 2, 2, LEVEL, ASK, 1002, 5000)]
    rows = [(number, START + out * SECOND, START + back * SECOND, *rest) for number, out, back, *rest in opening]
    rows += [(number, START + out * SECOND, START + back * SECOND, *rest) for number, out, back, *rest in later]
    tape = tape_of(rows)  # type: ignore[arg-type]
    return replace(tape, instrument=replace(tape.instrument, kind=InstrumentKind.LINEAR_FUTURE))


TAPE = book(
    (1, 10, 10, TRADE, BID, 1002, 1000),
    (2, 70, 70, TRADE, ASK, 1000, 2000),
    (3, 80, 80, LEVEL, BID, 1000, 0),
    (3, 80, 80, LEVEL, BID, 990, 4000),
    (4, 200, 200, TRADE, NONE, 1001, 10),
)


PARAMETERS: dict[str, dict[str, Any]] = {
    "sma-cross": {"fast": 3, "slow": 8},
    "rsi-reversion": {"period": 5},
    "bollinger-reversion": {"period": 8},
    "zscore-reversion": {"period": 8},
    "pairs": {},
}
QUOTING = {"name": "market-maker", "parameters": {"quantity": "1", "maxPosition": "5"}}


def simulation(name: str = "told", **fields: Any) -> Simulation:
    return Simulation.model_validate({"algorithm": {"name": name}, "capital": "1000"} | fields)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Callable[[object], Simulation]:
    """Make an object's methods a strategy's, and give the simulation that asks for it."""

    def register(trader: object, **fields: Any) -> Simulation:
        class Told:
            name: ClassVar[str] = "told"
            api_version: ClassVar[str] = "v1"
            Parameters: ClassVar[type[BaseModel]] = type("Parameters", (BaseModel,), {})

            def trader(self, *_: Any) -> object:
                return trader

        monkeypatch.setitem(registry.BUILT_IN, "told", Told())
        return simulation(**fields)

    return register


class Buys:
    """Buys 2 units at the first trade and sells them at the second."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, int]] = []

    def on_trade(self, desk: Desk, trade: MarketTrade) -> None:
        self.heard.append(("trade", trade.price))
        if trade.price == 1002:
            desk.submit(1, 2000, 1002, terms="IOC")
        elif trade.price == 1000:
            desk.submit(-1, 2000)

    def on_bar(self, desk: Desk, bar: MarketBar) -> None:
        self.heard.append(("bar", bar.close))

    def on_report(self, desk: Desk, report: OrderReport) -> None:
        self.heard.append((OrderEvent(report.event).name, report.quantity))

    def on_fill(self, desk: Desk, report: OrderReport) -> None:
        self.heard.append(("on_fill", report.price))


EXECUTION = {
    "latency": {"entryNanoseconds": SECOND, "responseNanoseconds": SECOND},
    "fees": {"tiers": [{"fromVolume": "0", "makerBasisPoints": "-1", "takerBasisPoints": "10"}]},
}


def test_a_round_trip_by_hand(told: Callable[..., Simulation]) -> None:
    buys = Buys()
    result = backtest_tapes([TAPE], told(buys, execution=EXECUTION))
    # Heard at 10 s, bought at 11 s, known at 12 s; sold at 71 s, known at 72 s.
    assert buys.heard == [
        ("trade", 1002),
        ("OPEN", 2000),
        ("FILL", 2000),
        ("on_fill", 1002),
        ("bar", 1002),
        ("trade", 1000),
        ("OPEN", 2000),
        ("FILL", 2000),
        ("on_fill", 1000),
        ("bar", 1000),
        ("trade", 1001),
    ]
    trades = result.trades.to_pylist()
    assert [(row["decision_time_ns"], row["exchange_time_ns"], row["time_ns"]) for row in trades] == [
        (START + 10 * SECOND, START + 11 * SECOND, START + 12 * SECOND),
        (START + 70 * SECOND, START + 71 * SECOND, START + 72 * SECOND),
    ]
    # 2 x 100.2 = 200.4 and a tenth of a percent of it; 2 x 100.0 = 200 likewise; 200 - 200.4 - 0.2004 - 0.2 = -0.8004.
    amounts = [[row[name] for name in ("price", "notional", "commission", "realized_pnl")] for row in trades]
    assert amounts == [
        [Decimal("100.2"), Decimal("200.4"), Decimal("0.2004"), Decimal(0)],
        [Decimal("100"), Decimal("200"), Decimal("0.2"), Decimal("-0.8004")],
    ]
    assert [(row["side"], row["quantity"], row["position_after"], row["reason"]) for row in trades] == [
        ("Buy", 2000, 2000, "Taker"),
        ("Sell", 2000, 0, "Taker"),
    ]
    positions = result.positions.to_pylist()
    assert [(row["quantity"], row["average_price"]) for row in positions] == [(2000, Decimal("100.2")), (0, Decimal(0))]
    equity = result.equity.to_pylist()
    assert [(row["time_ns"] - START) // SECOND for row in equity] == [2, 60, 120, 180, 200]
    # At a minute 2 units are worth 200.2 in the middle of 100.0 and 100.2, for 200.4 and 0.2004.
    assert [row["equity"] for row in equity] == [
        Decimal(1000),
        Decimal("999.5996"),
        Decimal("999.1996"),
        Decimal("999.1996"),
        Decimal("999.1996"),
    ]
    assert [row["net_exposure"] for row in equity][:2] == [Decimal(0), Decimal("200.2")]
    assert (result.summary.trades, result.summary.final_equity) == (2, "999.199600000")
    assert (result.summary.bars, result.summary.exposure) == (5, "0.200000000")


def test_the_log_in_the_results_has_the_digest_of_the_run(told: Callable[..., Simulation]) -> None:
    asked = told(Buys(), execution=EXECUTION)
    result = backtest_tapes([TAPE], asked)
    prepared = prepare([TAPE], asked)
    again = run_events(prepared.tapes, prepared.terms, Buys(), period_ns=prepared.period_ns)
    assert table_digest(result.events)[0] == again.digest
    assert result.events.num_rows == len(again) == 6


def test_prices_and_quantities_of_lots_that_are_no_power_of_ten(told: Callable[..., Simulation]) -> None:
    instrument = replace(TAPE.instrument, tick=Decimal("0.25"), lot=Decimal("0.005"))
    result = backtest_tapes([replace(TAPE, instrument=instrument)], told(Buys(), capital="100000"))
    # 2,000 lots of 0.005 are 10 units, counted in thousandths; 1,002 ticks of 0.25 are 250.5.
    first = result.trades.to_pylist()[0]
    assert (first["quantity"], first["price"], first["notional"]) == (10_000, Decimal("250.5"), Decimal(2505))
    assert result.positions.to_pylist()[0]["average_price"] == Decimal("250.5")


def test_an_inverse_future_is_booked_in_coins(told: Callable[..., Simulation]) -> None:
    kind = InstrumentKind.INVERSE_FUTURE
    instrument = replace(TAPE.instrument, kind=kind, tick=Decimal("0.5"), lot=Decimal(1), contract_size=Decimal(100))
    result = backtest_tapes([replace(TAPE, instrument=instrument)], told(Buys()))
    bought, sold = result.trades.to_pylist()
    # 2,000 contracts of 100 dollars at 501 dollars, then at 500: the long has lost.
    assert bought["notional"] == Decimal("399.201596806")
    assert sold["realized_pnl"] == Decimal("399.201596806") - Decimal(400)
    assert result.positions.to_pylist()[0]["average_price"].quantize(Decimal("0.0001")) == Decimal(501)


def test_bars_on_tape_are_those_a_strategy_hears(told: Callable[..., Simulation]) -> None:
    class Listens:
        bars: ClassVar[list[tuple[int, ...]]] = []

        def on_bar(self, desk: Desk, bar: MarketBar) -> None:
            self.bars.append((bar.time, bar.open, bar.high, bar.low, bar.close, bar.volume))

    asked = told(Listens())
    backtest_tapes([TAPE], asked)
    prepared = prepare([TAPE], asked)
    times, columns, present = event_bars(prepared.tapes, prepared.terms, prepared.period_ns)
    there = present[:, 0]
    rows = zip(times[there].tolist(), *(column[there, 0].tolist() for column in columns), strict=True)
    assert list(rows) == Listens.bars
    assert [(time - START) // SECOND for time, *_ in Listens.bars] == [60, 120]


def test_a_strategy_on_bars_trades_what_it_decided_on_the_book() -> None:
    asked = simulation("buy-and-hold", sizing={"fraction": "0.5"}, execution=EXECUTION)
    result = backtest_tapes([TAPE], asked)
    # Decided at 60 s: half of 1,000 at the middle of 100.1 is 4.995 units, bought at 100.2 as far as there are any.
    (bought,) = result.trades.to_pylist()
    assert (bought["quantity"], bought["price"], bought["reason"]) == (4995, Decimal("100.2"), "Taker")
    assert (bought["decision_time_ns"] - START) // SECOND == 60


def test_on_a_file_of_orders_the_place_in_the_queue_is_exact(told: Callable[..., Simulation], tmp_path: Path) -> None:
    def record(action: str, side: str, price: int, size: int, order: int = 0, sequence: int = 0) -> dict[str, Any]:
        fields = {"action": action, "side": side, "price": price * 10**9, "size": size}
        return {**fields, "order_id": order, "sequence": sequence}

    class Joins:
        def on_trade(self, desk: Desk, trade: MarketTrade) -> None:
            if trade.price == 102:
                desk.submit(1, 2, 100)

    market = [
        record("A", "B", 100, 5, 1),
        record("A", "A", 102, 5, 2),
        record("A", "B", 100, 3, 4),
        record("T", "B", 102, 1),  # here the strategy joins, behind 8
        record("A", "B", 100, 9, 3),  # behind ours
        record("C", "B", 100, 3, 4),  # from ahead: behind 5
        record("T", "A", 100, 5, sequence=7),
        record("F", "B", 100, 5, 1, 7),  # all that was ahead
        record("T", "A", 100, 1, sequence=8),
        record("F", "B", 100, 1, 3, 8),  # trades from behind ours, where ours would have traded first
    ]
    file = written(tmp_path / "orders.dbn", "mbo", records("mbo", market))
    (tape,) = import_recording("dbn", file, TapeOptions(kind=InstrumentKind.LINEAR_FUTURE)).tapes
    traded = {
        model: backtest_tapes([tape], told(Joins(), execution={"queue": {"model": model}})).trades.to_pylist()
        for model in ("Exact", "RiskAverse")
    }
    assert [(row["quantity"], row["price"], row["reason"]) for row in traded["Exact"]] == [(1, 100, "Maker")]
    (filled,) = traded["Exact"]
    assert filled["exchange_time_ns"] == BEGIN + 9 * 1_000
    assert traded["RiskAverse"] == []  # for all it knows, what was taken back stood behind


@pytest.mark.parametrize("name", ["sma-cross", "rsi-reversion", "bollinger-reversion", "zscore-reversion", "pairs"])
def test_strategies_on_bars_do_on_the_book_what_they_decide_on_its_bars(name: str) -> None:
    tape = random_tape(60_000, seed=4, trades=0.4)
    tapes = [replace(tape, instrument=replace(tape.instrument, kind=InstrumentKind.LINEAR_FUTURE))]
    if name == "pairs":
        other = random_tape(60_000, seed=5, trades=0.4)
        tapes.append(replace(other, instrument=replace(tapes[0].instrument, symbol="ETHUSDT")))
    asked = simulation(
        name,
        capital="100000",
        sizing={"fraction": "0.01"},
        risk={"allowShort": True},
        execution={"periodSeconds": 1},
        algorithm={"name": name, "parameters": PARAMETERS[name]},
    )
    prepared = prepare(tapes, asked)
    bars = heard_bars([each.instrument for each in tapes], prepared)
    targets = np.concatenate([np.zeros((1, len(tapes)), np.int64), decide(bars, asked)])
    changes = {
        (int(bars.time_ns[row]), tapes[column].instrument.symbol): bool(targets[row + 1, column] > targets[row, column])
        for row, column in zip(*np.nonzero(np.diff(targets, axis=0)), strict=True)
    }
    trades = backtest_tapes(tapes, asked).trades.to_pylist()
    found = {(row["decision_time_ns"], row["instrument"]): row["side"] == "Buy" for row in trades}
    assert found.items() <= changes.items()
    assert len(found) >= max(2, len(changes) - len(tapes))  # what is decided at the very end is not done any more


def test_two_instruments_are_one_account(told: Callable[..., Simulation]) -> None:
    class Both:
        def on_trade(self, desk: Desk, trade: MarketTrade) -> None:
            if trade.price == 1002:
                desk.submit(1, 1000, instrument=trade.instrument)

    other = replace(TAPE, instrument=replace(TAPE.instrument, symbol="ETHUSDT"))
    result = backtest_tapes([TAPE, other], told(Both()))
    assert [row["instrument"] for row in result.trades.to_pylist()] == ["BTCUSDT", "ETHUSDT"]
    # 100.2 was paid for each, and each is worth 95.1 + 4.0 ... at the middle of 99.0 and 100.2: 99.6.
    last = result.equity.to_pylist()[-1]
    assert (last["cash"], last["net_exposure"]) == (Decimal("799.6"), Decimal("199.2"))


def _raises(error: BaseException) -> object:
    class Raises:
        def on_trade(self, desk: Desk, trade: MarketTrade) -> None:
            raise error

    return Raises()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ZeroDivisionError("by nothing"), f"at local time {START + 10 * SECOND} with ZeroDivisionError: by nothing"),
        (MemoryError(), "with MemoryError; mend the strategy"),
        (ValueError("no price"), "strategy 'told' failed at local time"),
        (SystemExit(0), "strategy 'told' failed at local time .* with SystemExit: 0"),
    ],
)
def test_a_strategy_that_raises_is_named_with_the_time(
    told: Callable[..., Simulation], error: BaseException, words: str
) -> None:
    with pytest.raises(InvalidSpecification, match=words):
        backtest_tapes([TAPE], told(_raises(error)))


def test_a_strategy_cannot_keep_the_engine_from_refusing(told: Callable[..., Simulation]) -> None:
    class Impossible:
        reasons: ClassVar[list[int]] = []

        def on_trade(self, desk: Desk, trade: MarketTrade) -> None:
            desk.submit(1, 0)
            desk.submit(1, 1 << 61, 1002)
            desk.cancel(999)

        def on_report(self, desk: Desk, report: OrderReport) -> None:
            self.reasons.append(report.reason)

    result = backtest_tapes([TAPE], told(Impossible(), execution={"limits": {"collarTicks": 5}}))
    # No such order, no quantity, beyond the range; and once the middle is 6 ticks below it, outside the collar.
    assert set(Impossible.reasons) == {2, 3, 4, 20}
    assert result.summary.trades == 0


def with_currency(tape: Tape, currency: str, kind: InstrumentKind = InstrumentKind.LINEAR_FUTURE) -> Tape:
    return replace(tape, instrument=replace(tape.instrument, symbol="OTHER", currency=currency, kind=kind))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"costs": {"slippageBasisPoints": "1"}}, "^costs: a run on tapes has fees and impact of its own"),
        ({"risk": {"stopLoss": "0.1"}}, "^risk: of it, a run on tapes reads allowShort alone"),
        ({"sizing": {"method": "Kelly"}}, "^sizing.method: a run on tapes has FixedFraction alone"),
        ({"execution": {"queue": {"model": "Exact"}}}, "^execution.queue.model: Exact needs tapes of single orders"),
        ({"algorithm": {"name": "no-such"}}, "there is no strategy 'no-such'"),
        ({"algorithm": {"name": "market-maker"}}, "parameters.quantity: must be given"),
        (
            {"algorithm": {"name": "buy-and-hold"}, "execution": {"periodSeconds": 3600}},
            "^execution.periodSeconds: the tapes end before a first period of 3600 s does",
        ),
        ({"algorithm": {"name": "pairs"}}, "^risk.allowShort: pairs takes short positions"),
    ],
)
def test_what_a_run_on_tapes_cannot_do_is_refused_and_named(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidSpecification, match=words):
        backtest_tapes([TAPE], Simulation.model_validate({"algorithm": QUOTING, "capital": "1000", **fields}))


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ([with_currency(TAPE, "USD")], "the tapes are in USD, USDT; an account has one currency"),
        (
            [with_currency(TAPE, "USDT", InstrumentKind.INVERSE_FUTURE)],
            "OTHER is an inverse future, settled in its own",
        ),
        ([with_currency(TAPE, "USDT")], "market-maker quotes one instrument; the snapshot has 2"),
    ],
)
def test_tapes_that_are_of_no_one_account_are_refused(others: list[Tape], words: str) -> None:
    with pytest.raises(DataRefused, match=words):
        backtest_tapes([TAPE, *others], Simulation.model_validate({"algorithm": QUOTING, "capital": "1000"}))


def test_more_periods_than_a_result_holds_are_refused() -> None:
    late = replace(TAPE, exchange_time=TAPE.exchange_time.copy(), local_time=TAPE.local_time.copy())
    late.exchange_time[-1] += 5_000_001 * SECOND
    late.local_time[-1] += 5_000_001 * SECOND
    with pytest.raises(InvalidSpecification, match=r"5,000,199 periods of 1 s, more than 5,000,000; give longer ones"):
        backtest_tapes([late], simulation("buy-and-hold", execution={"periodSeconds": 1}))


def test_columns_that_are_no_tape_are_refused() -> None:
    disordered = replace(TAPE, sequence=TAPE.sequence[::-1].copy())
    with pytest.raises(DataRefused, match=r"the tape of BTCUSDT: .*; import the recording again"):
        backtest_tapes([disordered], simulation("buy-and-hold"))


def test_amounts_that_do_not_fit_are_refused(told: Callable[..., Simulation]) -> None:
    instrument = replace(TAPE.instrument, lot=Decimal(1))
    dear = replace(TAPE, instrument=instrument, price=np.where(TAPE.price == 1002, 1 << 59, TAPE.price))

    class Takes:
        def on_trade(self, desk: Desk, trade: MarketTrade) -> None:
            desk.submit(1, 5000)

    with pytest.raises(InvalidSpecification, match=r"capital: an amount of money passed 10\^18 units"):
        backtest_tapes([dear], told(Takes()))


def test_bars_refuse_what_is_for_tapes() -> None:
    bars = random_bars(50, ("AAA",), 3)
    with pytest.raises(InvalidSpecification, match=r"^execution: is read for tapes, and the snapshot holds bars"):
        backtest(bars, simulation("buy-and-hold", execution={}))
    with pytest.raises(InvalidSpecification, match=r"^algorithm.name: market-maker trades on tapes"):
        backtest(bars, Simulation.model_validate({"algorithm": QUOTING, "capital": "1000"}))


def test_the_strategy_of_the_documentation_trades(told: Callable[..., Simulation]) -> None:
    text = (Path(__file__).parents[4] / "docs/tapes.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict[str, Any] = {"BaseModel": BaseModel, "Field": Field}
    exec(code, names)  # noqa: S102 - our own documentation
    follow = names["Follow"]()
    trader = follow.trader((TAPE.instrument,), follow.Parameters(lots=1_000), None)
    result = backtest_tapes([TAPE], told(trader))
    # Buys one after 1,000 were bought, sells one after 2,000 were sold.
    assert [(row["side"], row["quantity"]) for row in result.trades.to_pylist()] == [("Buy", 1), ("Sell", 1)]
