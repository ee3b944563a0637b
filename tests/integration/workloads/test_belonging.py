"""Icebergs, pairs, brackets and trailing stops: one class in a backtest, in a session over the wire's words, replayed.

And killed between any two things that happen: nothing is lost, nothing is done twice, and both verdicts stay exact. It
is here for that, as to start again hundreds of times takes seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.simulation import Simulation
from tradeplane_api.snapshot_manifest import InstrumentKind
from tradeplane_workloads.events.backtest import backtest_tapes
from tradeplane_workloads.sessions import replay
from tradeplane_workloads.sessions.verdict import judge_execution
from tradeplane_workloads.strategies import registry
from tradeplane_workloads.strategies.protocol import OrderEvent

from tests.unit.workloads.paper.wired import Wired
from tests.unit.workloads.sessions.exits import KINDS, Exits
from tests.unit.workloads.sessions.trading_floor import FEES, NAME

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_workloads.sessions import Verdict


@pytest.fixture
def _exits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.BUILT_IN, "exits", Exits())
    monkeypatch.setattr(Exits, "runs", [])


def simulation(*kinds: str) -> Simulation:
    algorithm = {"name": "exits", "parameters": {"kinds": list(kinds)}}
    execution = {"periodSeconds": 1, "fees": FEES}
    return Simulation.model_validate({"algorithm": algorithm, "capital": "1000000", "execution": execution})


SPOT: dict[str, Any] = {"kind": InstrumentKind.SPOT, "balances": [{"asset": "USDT", "amount": "1000000"}]}
WHAT_HAPPENS: dict[str, set[tuple[str, str]]] = {
    "pair": {("REPLACE", "LINKED"), ("CANCEL", "LINKED"), ("TRADE", "NONE"), ("FILL", "NONE")},
    "changed": {("REPLACE", "NONE"), ("REPLACE", "LINKED"), ("CANCEL", "LINKED"), ("FILL", "NONE")},
    "moved": {("REPLACE", "NONE"), ("TRADE", "NONE"), ("FILL", "NONE")},
    "bracket": {("HOLD", "NONE"), ("REPLACE", "LINKED"), ("CANCEL", "LINKED"), ("WAIT", "NONE"), ("FILL", "NONE")},
    "trailing": {("WAIT", "NONE"), ("OPEN", "NONE"), ("FILL", "NONE")},
    "whole": {("OPEN", "NONE"), ("FILL", "NONE"), ("EXPIRE", "NOT_FILLED")},
    "maker": {("WAIT", "NONE"), ("OPEN", "NONE"), ("EXPIRE", "WOULD_TAKE")},
    "later": {("WAIT", "NONE"), ("OPEN", "NONE"), ("FILL", "NONE"), ("CANCEL", "NONE")},
    "covered": {("HOLD", "NONE"), ("REPLACE", "LINKED"), ("CANCEL", "LINKED"), ("WAIT", "NONE"), ("OPEN", "NONE")},
    "late": {("FILL", "NONE"), ("DENY", "UNKNOWN_ORDER")},
    "iceberg": {("TRADE", "NONE"), ("CANCEL", "NONE")},
}
"""At least, to each kind: events and their reasons."""


def in_a_session_a_replay_and_a_backtest(wired: Wired) -> Verdict:
    """Have one class do its work in turn, which ``Exits.runs`` then has; return what the replay says of the session."""
    wired.trade()
    wired.close()
    verdict = replay(wired.journal(), wired.specification)
    backtest_tapes(wired.tapes, wired.specification.simulation)
    return verdict


@pytest.mark.usefixtures("_exits")
@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_order_is_the_same_in_a_backtest_in_a_session_and_in_its_replay(tmp_path: Path, kind: str) -> None:
    wired = Wired(tmp_path, simulation(kind))
    verdict = in_a_session_a_replay_and_a_backtest(wired)

    session, replayed, tested = Exits.runs
    assert verdict.exact, verdict.difference
    assert (replayed.sent, replayed.heard) == (session.sent, session.heard)
    assert tested.sent == session.sent
    assert tested.heard == session.heard
    execution = wired.execution()
    assert execution.divergence is None
    assert execution.fills_matched > 3
    happened = {(event, reason) for event, *_, reason in session.heard}
    assert WHAT_HAPPENS[kind] <= happened
    assert "REFUSE" not in {event for event, _ in happened}


def decided(wired: Wired) -> list[tuple[Any, ...]]:
    columns = [wired.run().column(name).tolist() for name in ("event", "order", "side", "quantity", "left")]
    return list(zip(*columns, strict=True))


def fills_at_exchange(wired: Wired) -> list[tuple[int, int]]:
    return sorted((one.price, one.quantity) for one in wired.venue.ledger.trades(wired.account, 0, 1, 1_000_000))


@pytest.mark.usefixtures("_exits")
@pytest.mark.parametrize(
    ("kinds", "messages", "market"),
    [(KINDS, 400, {}), (("bracket", "buy", "covered", "moved", "moved", "changed"), 300, SPOT)],
)
def test_killed_between_any_two_actions_nothing_is_lost_or_done_twice(
    tmp_path: Path, kinds: tuple[str, ...], messages: int, market: dict[str, Any]
) -> None:
    whole = Wired(tmp_path / "whole", simulation(*kinds), messages=messages, **market)
    whole.trade()
    whole.close()
    assert whole.actions > 30
    linked = 0
    for number in range(1, whole.actions + 1):
        wired = Wired(tmp_path / str(number), simulation(*kinds), messages=messages, kill_at=number, **market)
        wired.trade()
        wired.close()
        verdict = replay(wired.journal(), wired.specification)
        assert verdict.exact, (number, verdict.difference)
        execution = wired.execution()
        assert execution.divergence is None, (number, execution.divergence)
        told = survey_fills(wired)
        assert told == fills_at_exchange(wired), number
        orders = wired.venue.ledger.all(wired.account, 0, 1, 1_000_000)
        assert len({order.sent.client for order in orders}) == len(orders), number
        assert wired.trader.session.flat, number
        linked += sum(row[0] == OrderEvent.REPLACE for row in decided(wired))
    assert linked > 0


def survey_fills(wired: Wired) -> list[tuple[int, int]]:
    run = wired.run()
    rows = zip(*(run.column(name).tolist() for name in ("event", "price", "quantity")), strict=True)
    return sorted((price, lots) for event, price, lots in rows if event in (OrderEvent.TRADE, OrderEvent.FILL))


@pytest.mark.usefixtures("_exits")
@pytest.mark.parametrize(("kind", "name"), [("iceberg", "display"), ("pair", "peer"), ("bracket", "parent")])
def test_an_order_that_was_sent_as_belonging_to_another_is_a_divergence(tmp_path: Path, kind: str, name: str) -> None:
    wired = Wired(tmp_path, simulation(kind), messages=200)
    wired.trade()
    wired.close()
    found, orders = wired.sides()
    number, sent = next((one, sent) for one, sent in found.sent.items() if getattr(sent, name))
    for other in (0, getattr(sent, name) + 1):
        changed: dict[str, Any] = {name: other}
        found.sent[number] = sent._replace(**changed)
        divergence = judge_execution(found, orders, NAME).divergence
        assert divergence is not None
        assert (divergence.field, divergence.expected) == (name, str(other))


@pytest.mark.usefixtures("_exits")
@pytest.mark.parametrize(
    ("how", "waits"), [("reordered", 1), ("reordered", 2), ("reordered", 5), ("doubled", 3), ("asked", 4)]
)
def test_reports_that_come_out_of_turn_twice_or_late_are_told_once(tmp_path: Path, how: str, waits: int) -> None:
    wired = Wired(tmp_path, simulation("pair", "changed", "moved", "bracket", "moved"))
    setattr(wired, how, True)
    wired.waits = waits
    wired.trade()
    wired.close()
    assert replay(wired.journal(), wired.specification).exact
    assert wired.execution().divergence is None
    assert survey_fills(wired) == fills_at_exchange(wired)
    assert wired.trader.session.flat


@pytest.mark.usefixtures("_exits")
@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_order_is_the_same_at_spot(tmp_path: Path, kind: str) -> None:
    first = [] if kind == "bracket" else ["buy"]  # an entry needs nothing that is held
    wired = Wired(tmp_path, simulation(*first, *[kind] * 20), **SPOT)
    verdict = in_a_session_a_replay_and_a_backtest(wired)
    session, replayed, tested = Exits.runs
    assert verdict.exact, verdict.difference
    assert session.heard == replayed.heard == tested.heard
    happened = {(event, reason) for event, *_, reason in session.heard}
    assert WHAT_HAPPENS[kind] <= happened
    assert "REFUSE" not in {event for event, _ in happened}
    assert kind == "late" or "DENY" not in {event for event, _ in happened}
    assert wired.execution().divergence is None
    assert wired.trader.session.flat


@pytest.mark.usefixtures("_exits")
def test_what_cannot_be_paid_when_it_is_triggered_ends_and_the_session_is_told(tmp_path: Path) -> None:
    # 500 lots take 30,000 of it; 20 more are 1,200.
    wired = Wired(
        tmp_path, simulation("buy", *["later"] * 20), **SPOT | {"balances": [{"asset": "USDT", "amount": "31100"}]}
    )
    wired.trade()
    wired.close()
    assert replay(wired.journal(), wired.specification).exact
    session, replayed = Exits.runs
    assert session.heard == replayed.heard
    assert ("EXPIRE", "NO_CASH") in {(event, reason) for event, *_, reason in session.heard}
    assert wired.execution().divergence is None
    assert wired.venue.balance(wired.account, "USDT")[0] >= 0
    assert wired.trader.session.flat
