"""Sessions traded again on the market they heard: what-ifs, and tolerances where nobody recorded the exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tradeplane_api.execution import MAX_OBSERVATIONS, LatencyModel, OrderLatency
from tradeplane_api.parity import Parity, Tolerance, WhatIf
from tradeplane_store.objects import ObjectStore, open_store
from tradeplane_workloads.errors import DataRefused, InvalidSpecification
from tradeplane_workloads.market.timestamps import nanoseconds
from tradeplane_workloads.replay import recorded_market
from tradeplane_workloads.replay.recorded_market import recorded_latency, recorded_tapes
from tradeplane_workloads.sessions.journal_survey import Sent, Survey, Told, survey

from tests.unit.workloads.replay.sessions_on_record import on_fill, replayed, traded
from tests.unit.workloads.sessions.trading_floor import QUOTING, Floor, exchange_of, journal_of

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_workloads.replay.sessions import SessionReplay

UNJUDGED = (Parity.UNJUDGED, Parity.UNJUDGED)
PAIRS = {"quantities": ["0.01", "0.02"], "window": 20, "entry": 1.0, "exit": 0.2, "intervalMilliseconds": 5}
BEGIN = 1_700_000_000_000_000_000


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store((tmp_path / "store").as_uri(), create=True)


def what_if(store: ObjectStore, floor: Floor, **fields: Any) -> SessionReplay:
    return replayed(store, floor, what_if=WhatIf.model_validate(fields))


def parities(found: SessionReplay) -> tuple[Parity, Parity]:
    return found.verdict.decisions, found.verdict.execution


@pytest.mark.parametrize("flow", ["order-book", "pair"])
def test_the_market_in_a_journal_is_the_one_that_was_played(tmp_path: Path, flow: str) -> None:
    exchange = exchange_of(synthetic={"flow": flow, "messages": 300})
    quoting, pairs = ({"name": "market-maker", "parameters": QUOTING}, {"name": "pairs-trader", "parameters": PAIRS})
    floor = traded(tmp_path, exchange=exchange, algorithm=pairs if flow == "pair" else quoting)
    tapes = recorded_tapes(journal_of(floor), floor.specification.traded())

    assert len(tapes) == len(floor.tapes)
    for tape, played in zip(tapes, floor.tapes, strict=True):
        assert len(tape) == len(played) > 100
        for name in ("kind", "side", "price", "quantity"):
            assert np.array_equal(getattr(tape, name), getattr(played, name))
        assert np.all(np.diff(tape.sequence.astype(np.int64)) >= 0)
        assert np.all(np.diff(tape.local_time) >= 0)


def test_gaps_stay_gaps(tmp_path: Path) -> None:
    def gap(floor: Floor) -> None:
        floor.session.message(floor.now, 0, 1_000_000, floor.now, [(9, 0, 1, 3), (0, 0, 0, 0)])

    floor = Floor(tmp_path)
    floor.trade(100, faults={50: gap})
    floor.close()
    (tape,) = recorded_tapes(journal_of(floor), floor.specification.traded())
    assert (tape.recording.gaps, tape.recording.lost) == (1, 3)
    assert np.count_nonzero(tape.kind == 9) == 1


def test_what_would_have_come_of_other_parameters_is_reported(tmp_path: Path, store: ObjectStore) -> None:
    found = what_if(store, traded(tmp_path), parameters={"halfSpreadTicks": 2})

    assert parities(found) == UNJUDGED
    assert not found.verdict.diverged
    assert found.verdict.divergence is not None
    assert (found.verdict.divergence.part, found.verdict.divergence.field) == ("journal", "row 0 price")
    expected, got = found.compared.expected, found.compared.got
    assert expected.orders > 10
    assert got.orders > 10
    assert expected.orders_digest != got.orders_digest
    assert float(found.verdict.pnl_difference) == pytest.approx(float(got.pnl) - float(expected.pnl))
    assert found.digests[0] != found.digests[1]


def test_latency_is_that_of_the_sessions_orders_or_the_one_given(tmp_path: Path, store: ObjectStore) -> None:
    floor = traded(tmp_path)
    own = what_if(store, floor, fees={"tiers": []})
    slow = what_if(store, floor, latency={"entryNanoseconds": 4_000_000, "responseNanoseconds": 1_000_000})

    assert own.compared.got.latency is not None
    assert own.compared.got.latency.median == 0  # the exchange of the floor answers at once
    assert slow.compared.got.latency is not None
    assert slow.compared.got.latency.median == 5_000_000


def test_nothing_is_written_twice_the_same(tmp_path: Path, store: ObjectStore) -> None:
    floor = traded(tmp_path)
    one, two = (what_if(store, floor, parameters={"halfSpreadTicks": 2}) for _ in range(2))
    assert (one.verdict, one.compared) == (two.verdict, two.compared)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"costs": {}}, "whatIf.costs: what trades on events has fees and latency"),
        ({"parameters": {"speed": 1}}, "there is no such parameter"),
    ],
)
def test_what_a_session_does_not_have_is_not_changed(
    tmp_path: Path, store: ObjectStore, fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidSpecification, match=words):
        what_if(store, traded(tmp_path), **fields)


def test_a_session_without_a_market_cannot_be_simulated(tmp_path: Path, store: ObjectStore) -> None:
    floor = Floor(tmp_path)
    floor.trade(0)
    floor.close()
    with pytest.raises(DataRefused, match="heard nothing of SYNUSDT"):
        what_if(store, floor, parameters={"halfSpreadTicks": 2})


def test_a_market_beyond_what_can_be_held_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    floor = traded(tmp_path)
    monkeypatch.setattr(recorded_market, "MAX_ROWS", 100)
    with pytest.raises(DataRefused, match="more than 100 rows"):
        recorded_tapes(journal_of(floor), floor.specification.traded())


def test_a_tolerance_without_a_record_is_judged_by_a_simulation(tmp_path: Path, store: ObjectStore) -> None:
    floor = traded(tmp_path)
    wide = Tolerance(pnl="1000000", fill_price="1000000", fill_quantity="1000000")

    within = replayed(store, floor, record=False, tolerance=wide)
    assert within.verdict.decisions is Parity.EXACT
    assert within.verdict.execution in (Parity.WITHIN, Parity.EXACT)
    assert within.compared.got.fills > 0

    lower = on_fill(2, lambda report: [report | {"price": report["price"] - 5_000}])
    beyond = replayed(store, traded(tmp_path / "other", lower), record=False, tolerance=Tolerance(fill_price="400"))
    assert beyond.verdict.execution is Parity.DIVERGED
    assert beyond.verdict.divergence is not None
    assert beyond.verdict.divergence.part == "reports"


@pytest.mark.parametrize(
    ("tolerance", "execution"),
    [
        ({"fillPrice": "0.5", "pnl": "1"}, Parity.WITHIN),
        ({"fillPrice": "0.1", "pnl": "1"}, Parity.DIVERGED),
        ({"fillPrice": "0.5"}, Parity.DIVERGED),
    ],
)
def test_a_tolerance_holds_fills_to_the_exchanges_record(
    tmp_path: Path, store: ObjectStore, tolerance: dict[str, str], execution: Parity
) -> None:
    told = on_fill(9, lambda report: [report | {"price": report["price"] + 2}])
    found = replayed(store, traded(tmp_path, told), tolerance=Tolerance.model_validate(tolerance))

    assert parities(found) == (Parity.EXACT, execution)
    assert found.verdict.divergence is not None
    assert found.digests[0] != found.digests[1]


def test_what_is_exact_is_so_within_a_tolerance(tmp_path: Path, store: ObjectStore) -> None:
    found = replayed(store, traded(tmp_path), tolerance=Tolerance(pnl="5"))
    assert found.verdict.exact
    assert found.digests[0] == found.digests[1]


def test_decisions_are_within_no_tolerance(tmp_path: Path, store: ObjectStore) -> None:
    floor = traded(tmp_path)
    recorded = floor.specification.simulation
    wider = recorded.algorithm.model_copy(update={"parameters": QUOTING | {"halfSpreadTicks": 3}})
    another = recorded.model_copy(update={"algorithm": wider})
    found = replayed(store, floor, simulation=another, tolerance=Tolerance(pnl="1000", fill_price="1000"))
    assert found.verdict.decisions is Parity.DIVERGED
    assert found.verdict.diverged


def asked_and_told(*times: tuple[int, int, int]) -> Survey:
    """Return orders, each with when it was sent, was at the exchange, and was answered."""
    found = Survey()
    for order, (sent, there, told) in enumerate(times, 1):
        found.sent[order] = Sent(order, 0, order, 1, 1, "limit", 1, 0, BEGIN + sent)
        found.told.append(Told(order, 0, 5, order, 1, 1, 1, 1, False, None, BEGIN + told, BEGIN + there))
    return found


def test_observed_latency_is_there_and_back() -> None:
    times = ((0, 300, 500), (0, 400, 500), (100, 200, 600), (1_000, 900, 1_500))
    latency = recorded_latency(asked_and_told(*times))
    assert latency.model is LatencyModel.RECORDED
    assert [(one.entry_nanoseconds, one.response_nanoseconds) for one in latency.observations] == [(300, 200), (0, 500)]


@pytest.mark.parametrize("orders", [1, MAX_OBSERVATIONS, MAX_OBSERVATIONS + 1, 10 * MAX_OBSERVATIONS])
def test_so_many_orders_are_observed_at_most(orders: int) -> None:
    latency = recorded_latency(asked_and_told(*((index, index + 1, index + 2) for index in range(orders))))
    assert len(latency.observations) == min(orders, MAX_OBSERVATIONS)
    assert latency == OrderLatency.model_validate(latency.model_dump())
    times = [nanoseconds(one.time) for one in latency.observations]
    assert times == sorted(times)


def test_orders_that_were_never_answered_have_no_latency() -> None:
    found = asked_and_told((0, 1, 2))
    found.told.clear()
    assert recorded_latency(found) == OrderLatency()


def test_a_survey_counts_the_rows_of_the_log(tmp_path: Path) -> None:
    floor = traded(tmp_path)
    journal = journal_of(floor)
    assert survey(journal, len(journal)).rows == len(floor.session.run())
