"""Decision parity: what was recorded is decided again, in Rust and in Python, or the first difference is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
from pydantic import BaseModel
from tradeplane_native import Generator, SignalTrader, replay_session
from tradeplane_native import Session as NativeSession
from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.events.tables import events_table, positions_table, trades_table
from tradeplane_workloads.sessions import compare, replay
from tradeplane_workloads.sessions.folder import begin
from tradeplane_workloads.strategies import registry

from tests.event_tapes import Terms
from tests.unit.workloads.sessions.sample_sessions import INSTRUMENT, NAME, QUOTING, Market, recorded, specification

if TYPE_CHECKING:
    from tradeplane_native import Desk, OrderReport


class Wanderer:
    """Draws whether to buy or sell, and reads nothing that the market says."""

    name: ClassVar[str] = "wanderer"
    api_version: ClassVar[str] = "v1"

    class Parameters(BaseModel):
        """What it has."""

        quantity: int = 2
        fail_at: int = 0

    def trader(self, _: Any, parameters: Parameters, rng: Generator) -> object:
        """Return a trader."""
        return _Wandering(parameters, rng)


class _Wandering:
    def __init__(self, parameters: Wanderer.Parameters, rng: Generator) -> None:
        self._parameters, self._rng, self._fills, self._looks = parameters, rng, 0, 0

    def start(self, desk: Desk) -> None:
        desk.wake(desk.now)

    def on_fill(self, _: Desk, report: OrderReport) -> None:
        self._fills += report.quantity

    def on_timer(self, desk: Desk) -> None:
        self._looks += 1
        if self._looks == self._parameters.fail_at:
            raise RuntimeError("had enough")
        side = 1 if int(self._rng.integers(0, 2, 1)[0]) else -1
        desk.submit(side, self._parameters.quantity, 500_000)
        desk.wake(desk.now + 30_000_000)


FILL = {"exchange_time": 1, "event": 7, "order": 1, "side": 1, "price": 1, "quantity": 1, "left": 0}


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.BUILT_IN, "wanderer", Wanderer())


SPECIFICATIONS = {
    "market-maker": specification(),
    "wanderer": specification("wanderer", {}),
    "limited": specification(execution={"periodSeconds": 1, "limits": {"quantity": "0.5"}}),
}


@pytest.mark.parametrize("which", SPECIFICATIONS)
def test_a_recording_is_decided_again_to_the_same_log(which: str) -> None:
    session, recording = recorded(SPECIFICATIONS[which])

    verdict = replay(recording, SPECIFICATIONS[which])

    assert verdict.exact
    assert not verdict.torn
    assert verdict.inputs == session.inputs
    assert verdict.run is not None
    assert verdict.run.digest == session.run().digest
    assert len(verdict.run) > 50
    assert compare(recording, recording) is None


def test_what_a_session_leaves_is_tabulated_as_a_run_is() -> None:
    session, _ = recorded(specification())
    run = session.run()

    assert events_table(run).num_rows == len(run)
    assert trades_table(run, [INSTRUMENT]).num_rows == session.holding()[5] > 10
    assert positions_table(run, [INSTRUMENT]).num_rows > 10
    assert len(run.account_times) == 4  # at the start, and at the end of each of three seconds
    assert run.figures(365 * 86_400, 0.0).final_equity


def test_a_bit_that_turned_over_is_refused_with_its_record() -> None:
    _, recording = recorded(specification())
    rotten = recording.copy()
    rotten[len(rotten) // 2] ^= 1

    with pytest.raises(DataRefused, match=r"record \d+ was altered; restore it from a copy"):
        replay(rotten, specification())
    with pytest.raises(DataRefused, match=r"record \d+ was altered"):
        compare(recording, rotten)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        (specification(parameters=QUOTING | {"halfSpreadTicks": 2}), "specification"),
        (specification(capital="100001"), "specification"),
        (specification(seed=1), "specification"),
    ],
)
def test_a_changed_parameter_is_found_before_anything_runs(changed: Any, field: str) -> None:
    _, recording = recorded(specification())

    verdict = replay(recording, changed)

    assert verdict.difference is not None
    assert (verdict.difference.record, verdict.difference.field) == (0, field)
    assert verdict.difference.got == changed.digest().hex()


def test_a_strategy_that_changed_under_its_name_is_found_by_its_first_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = SPECIFICATIONS["wanderer"]
    _, recording = recorded(asked)
    monkeypatch.setattr(Wanderer, "trader", lambda _, __, ___, rng: _Wandering(Wanderer.Parameters(quantity=3), rng))

    difference = replay(recording, asked).difference

    assert difference is not None
    assert (difference.input, difference.field, difference.expected, difference.got) == (3, "row 0 quantity", "2", "3")


def test_a_strategy_that_fails_ends_the_session_and_fails_again() -> None:
    asked = specification("wanderer", {"fail_at": 4})
    session, market = begin(NAME, asked), Market()
    with pytest.raises(RuntimeError, match="had enough") as raised:
        market.run(session, 100)
    market.requests(session)

    assert session.over
    assert raised.value.__notes__[0].startswith("at local time")
    with pytest.raises(ValueError, match="the session is over; open another"):
        session.timer(market.time)
    assert replay(np.frombuffer(market.journal, np.uint8), asked).exact


def test_a_strategy_that_fails_where_it_did_not_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = SPECIFICATIONS["wanderer"]
    _, recording = recorded(asked)
    monkeypatch.setattr(Wanderer, "trader", lambda _, __, ___, rng: _Wandering(Wanderer.Parameters(fail_at=4), rng))

    difference = replay(recording, asked).difference

    assert difference is not None
    assert "(RuntimeError: had enough)" in difference.got


def test_draws_that_decide_nothing_are_in_the_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    class Idle:
        def __init__(self, rng: Generator) -> None:
            rng.uniform(3)

    monkeypatch.setattr(Wanderer, "trader", lambda _, __, ___, rng: Idle(rng))
    asked = SPECIFICATIONS["wanderer"]
    _, recording = recorded(asked, messages=5)
    assert replay(recording, asked).exact
    monkeypatch.setattr(Wanderer, "trader", lambda *_: object())

    difference = replay(recording, asked).difference

    assert difference is not None
    assert difference.field == "generator"


def test_targets_are_traded_in_a_session_and_again() -> None:
    def trader() -> SignalTrader:
        return SignalTrader(np.array([[10**9], [0], [-(10**9)]]), fraction=10**6, allow_short=True)

    terms = [Terms(cash=10**15)]
    session = NativeSession(terms, trader(), session=NAME, specification=bytes(32), period_ns=1_000_000_000)
    market = Market()
    market.run(session, 500)
    market.requests(session)

    _, _, torn, difference = replay_session(np.frombuffer(market.journal, np.uint8), terms, trader())

    assert session.holding()[5] > 0
    assert (torn, difference) == (False, None)


def test_requests_are_not_given_out_before_their_records() -> None:
    session = begin(NAME, specification())
    session.start(1)

    with pytest.raises(RuntimeError, match="keep them with take_journal before requests are sent"):
        session.requests()
    assert session.take_journal()
    assert session.requests() == []


@pytest.mark.parametrize(
    ("feed", "message"),
    [
        (lambda session: session.message(2, 1, 1, 1, [(2, 1, 5, 5)]), "there is no instrument 1; there are 1"),
        (lambda session: session.message(2, 0, 1, 1, []), "a message has 0 rows; give from 1 to 65536"),
        (lambda session: session.message(2, 0, 1, 1, [(2, 0, 5, 5)]), "row 0: a row of its kind needs a side"),
        (lambda session: session.message(2, 0, 1, 1, [(2, 1, 5, 5)], [1, 2]), "the column order has another length"),
        (lambda session: session.timer(-1), "the time -1 is not from 0"),
        (lambda session: session.command(2, "buy"), "unknown command buy"),
        (lambda session: session.start(2), "the session has begun already"),
        (lambda session: session.open_orders(7), "instrument 7: there are 1, counted from 0"),
        (
            lambda session: session.report(
                2, 0, exchange_time=1, event=99, order=1, side=1, price=1, quantity=1, left=0
            ),
            "unknown event 99",
        ),
        (
            lambda session: session.report(
                2, 0, exchange_time=1, event=7, order=1, side=0, price=1, quantity=1, left=0
            ),
            "side must be 1 to buy or -1 to sell",
        ),
    ],
)
def test_what_cannot_be_is_refused_and_not_recorded(feed: Any, message: str) -> None:
    session = begin(NAME, specification())
    session.start(1)
    session.take_journal()

    with pytest.raises(ValueError, match=message):
        feed(session)
    assert session.take_journal() == b""
