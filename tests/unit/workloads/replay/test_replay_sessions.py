"""A session that traded at an exchange, replayed: exact, or the right verdict fails and names where."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tradeplane_api.parity import Parity, Verdict
from tradeplane_store.objects import ObjectStore, open_store
from tradeplane_workloads.errors import DataRefused, InvalidSpecification
from tradeplane_workloads.exchange.parity import replay_record
from tradeplane_workloads.exchange.record_file import specification_beside
from tradeplane_workloads.exchange.refusal import Refusal
from tradeplane_workloads.replay.sessions import replay_session
from tradeplane_workloads.sessions import SessionSpecification, replay
from tradeplane_workloads.sessions.bundle import seal_session
from tradeplane_workloads.sessions.frames import RECORD_HEADER
from tradeplane_workloads.sessions.order_names import order_name
from tradeplane_workloads.strategies.protocol import OrderEvent

from tests.unit.workloads.replay.sessions_on_record import (
    FILLS,
    REPORT,
    change_parameter,
    forge,
    on_fill,
    replayed,
    traded,
)
from tests.unit.workloads.sessions.forgery import OUTCOME, Frame, forged_journal, put_together, taken_apart
from tests.unit.workloads.sessions.trading_floor import NAME, Floor, exchange_of, journal_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MARKET, SUBMIT = 1, 3
EXACT, DIVERGED, UNJUDGED = Parity.EXACT, Parity.DIVERGED, Parity.UNJUDGED


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store((tmp_path / "store").as_uri(), create=True)


def judged(store: ObjectStore, floor: Floor, *, record: bool = True) -> Verdict:
    return replayed(store, floor, record=record).verdict


def parities(verdict: Verdict) -> tuple[Parity, Parity]:
    return verdict.decisions, verdict.execution


def place(verdict: Verdict) -> tuple[str, str, str | None, str | None]:
    assert verdict.divergence is not None
    one = verdict.divergence
    assert one.sequence > 0 or one.field == "specification"
    return one.part, one.field, one.expected, one.got


def forge_record(floor: Floor, alter: Callable[[list[Frame]], None]) -> None:
    """Alter the exchange's record on disk, checksums as well."""
    data = floor.record.read_bytes()
    parts = taken_apart(data, RECORD_HEADER)
    alter(parts)
    floor.record.write_bytes(put_together(data[:RECORD_HEADER], parts))


def test_a_session_and_its_exchange_are_exact(tmp_path: Path, store: ObjectStore) -> None:
    verdict = judged(store, traded(tmp_path))

    assert parities(verdict) == (EXACT, EXACT)
    assert verdict.fills == verdict.fills_matched > 10
    assert (verdict.pnl_difference, verdict.divergence) == ("0", None)
    assert verdict.exact
    assert not verdict.diverged


def test_without_a_record_execution_is_not_judged(tmp_path: Path, store: ObjectStore) -> None:
    verdict = judged(store, traded(tmp_path), record=False)

    assert parities(verdict) == (EXACT, UNJUDGED)
    assert verdict.fills == verdict.fills_matched > 10
    assert verdict.pnl_difference == "0"
    assert not verdict.diverged
    assert not verdict.exact


@pytest.mark.parametrize(("field", "flip"), [("price", 1), ("price", 1 << 12), ("quantity", 1), ("taker", True)])
def test_a_fill_told_otherwise_fails_execution_alone(tmp_path: Path, store: ObjectStore, field: str, flip: int) -> None:
    # All else is as if the fill had been like this: the log, checksums, digests.
    floor = traded(tmp_path, on_fill(9, lambda report: [report | {field: report[field] ^ flip}]))

    verdict = judged(store, floor)

    assert parities(verdict) == (EXACT, DIVERGED)
    part, named, expected, got = place(verdict)
    assert (part, named) == ("reports", field)
    assert expected != got
    assert verdict.fills_matched == verdict.fills - 1


def test_a_bit_of_a_recorded_fill_fails_both(tmp_path: Path, store: ObjectStore) -> None:
    floor = traded(tmp_path)

    def alter(parts: list[Frame]) -> None:
        fill = next(one for one in parts if one.kind == REPORT and one.payload[20] in FILLS)
        fill.payload[31] ^= 2  # of the price

    forge(floor, alter)
    verdict = judged(store, floor)

    assert parities(verdict) == (DIVERGED, DIVERGED)
    part, field, *_ = place(verdict)
    assert (part, field) == ("journal", "row 0 price")


def test_a_bit_of_a_decided_order_fails_decisions(tmp_path: Path, store: ObjectStore) -> None:
    floor = traded(tmp_path)

    def alter(parts: list[Frame]) -> None:
        decided = next(one for one in parts if one.kind == OUTCOME and one.payload[24] == OrderEvent.SUBMIT)
        decided.payload[43] ^= 1  # of the quantity

    forge(floor, alter)
    verdict = judged(store, floor)

    assert verdict.decisions is DIVERGED
    part, field, expected, got = place(verdict)
    assert (part, field) == ("journal", "row 0 quantity")
    assert int(expected or 0) == int(got or 0) ^ 1


@pytest.mark.parametrize("with_header", [False, True])
def test_a_changed_parameter_fails_decisions_alone(tmp_path: Path, store: ObjectStore, with_header: bool) -> None:
    floor = traded(tmp_path)
    change_parameter(floor, with_header=with_header)

    verdict = judged(store, floor)

    assert parities(verdict) == (DIVERGED, EXACT)
    part, field, *_ = place(verdict)
    assert (part, field) == ("journal", "row 0 price" if with_header else "specification")
    if with_header:
        assert verdict.divergence is not None
        assert verdict.divergence.sequence > 1


def test_a_bit_of_the_exchanges_fill_fails_execution_alone(tmp_path: Path, store: ObjectStore) -> None:
    floor = traded(tmp_path)

    def alter(parts: list[Frame]) -> None:
        # The last outcome of a message of the market: 92 bytes, the event at 8 and the price at 36.
        trading = [one for one in parts if one.kind == MARKET and len(one.payload) > 92 and one.payload[-84] in FILLS]
        trading[1].payload[-56] ^= 4

    forge_record(floor, alter)
    verdict = judged(store, floor)

    assert parities(verdict) == (EXACT, DIVERGED)
    part, field, expected, got = place(verdict)
    assert (part, field) == ("record", "price")
    assert expected != got


def test_an_order_that_the_exchange_had_otherwise_fails_execution_alone(tmp_path: Path, store: ObjectStore) -> None:
    floor = Floor(tmp_path)
    submit = floor.venue.submit
    other = order_name(NAME, 5)
    floor.venue.submit = lambda account, order: submit(  # type: ignore[method-assign]
        account, replace(order, price=order.price - 64) if order.client == other else order
    )
    floor.trade()
    floor.close()

    verdict = judged(store, floor)

    assert verdict.decisions is EXACT
    assert verdict.execution is DIVERGED
    part, field, expected, got = place(verdict)
    assert (part, field) == ("reports", "price")
    assert int(got or 0) == int(expected or 0) - 64


def test_a_fill_that_was_not_told_is_missing(tmp_path: Path, store: ObjectStore) -> None:
    verdict = judged(store, traded(tmp_path, on_fill(5, lambda _: [])))

    assert parities(verdict) == (EXACT, DIVERGED)
    part, field, expected, got = place(verdict)
    assert (part, field, expected) == ("record", "record", None)
    assert (got or "").startswith(("fill of order ", "trade of order "))
    assert verdict.pnl_difference != "0"


def test_a_fill_that_was_told_twice_is_too_many(tmp_path: Path, store: ObjectStore) -> None:
    def twice(report: dict[str, Any]) -> list[dict[str, Any]]:
        half = report["quantity"] // 2
        first = report | {"event": int(OrderEvent.TRADE), "quantity": half, "left": report["quantity"] - half}
        return [first, report | {"quantity": report["quantity"] - half}]

    verdict = judged(store, traded(tmp_path, on_fill(3, twice)))

    assert parities(verdict) == (EXACT, DIVERGED)
    assert place(verdict)[:2] == ("reports", "quantity")


def test_an_end_that_did_not_come_is_found(tmp_path: Path, store: ObjectStore) -> None:
    def tell(number: int, report: dict[str, Any]) -> list[dict[str, Any]]:
        cancelled = report["event"] == OrderEvent.CANCEL
        return [report | {"event": int(OrderEvent.EXPIRE)}] if cancelled and number > 10 else [report]

    verdict = judged(store, traded(tmp_path, tell))

    assert parities(verdict) == (EXACT, DIVERGED)
    assert place(verdict) == ("reports", "event", "expire", "open, cancel")


def test_other_fees_than_the_exchange_takes_are_found(tmp_path: Path, store: ObjectStore) -> None:
    dearer = {"tiers": [{"fromVolume": "0", "makerBasisPoints": "3", "takerBasisPoints": "4"}]}
    verdict = judged(store, traded(tmp_path, execution={"periodSeconds": 1, "fees": dearer}))

    assert parities(verdict) == (EXACT, DIVERGED)
    part, field, expected, got = place(verdict)
    assert (part, field) == ("reports", "fee")
    assert int(expected or 0) * 2 == int(got or 0) * 3
    assert float(verdict.pnl_difference) > 0


def test_what_a_session_that_goes_on_was_not_told_yet_is_not_missing(tmp_path: Path, store: ObjectStore) -> None:
    def until(number: int, report: dict[str, Any]) -> list[dict[str, Any]]:
        return [report] if number <= 60 else []

    verdict = judged(store, traded(tmp_path, until, end=False))

    assert parities(verdict) == (EXACT, EXACT)
    assert 0 < verdict.fills == verdict.fills_matched < 30


def test_orders_of_others_do_not_count(tmp_path: Path, store: ObjectStore) -> None:
    floor = Floor(tmp_path)
    other = floor.venue.account("other")
    submit = floor.venue.submit

    def both(account: int, order: Any) -> Any:
        submit(other, replace(order, client=order_name(bytes(16), 1 + floor.reports)))
        return submit(account, order)

    floor.venue.submit = both  # type: ignore[method-assign]
    floor.trade()
    floor.close()

    verdict = judged(store, floor)

    assert parities(verdict) == (EXACT, EXACT)
    assert verdict.fills > 10


def test_an_order_that_nobody_decided_is_found(tmp_path: Path, store: ObjectStore) -> None:
    floor = Floor(tmp_path)
    submit = floor.venue.submit

    def again(account: int, order: Any) -> Any:
        if order.client == order_name(NAME, 4):
            submit(account, replace(order, client=order_name(NAME, 4_000)))
        return submit(account, order)

    floor.venue.submit = again  # type: ignore[method-assign]
    floor.tell = lambda _, report: [] if report["order"] == 4_000 else [report]
    floor.trade()
    floor.close()

    verdict = judged(store, floor)

    assert parities(verdict) == (EXACT, DIVERGED)
    assert place(verdict) == ("record", "order", None, order_name(NAME, 4_000))


def test_an_order_that_was_sent_twice_is_found(tmp_path: Path, store: ObjectStore) -> None:
    floor = Floor(tmp_path)
    submit = floor.venue.submit

    def twice(account: int, order: Any) -> Any:
        if order.client == order_name(NAME, 6):
            floor.venue.cancel(account, submit(account, order))
            floor.unheard.clear()
        return submit(account, order)

    floor.venue.submit = twice  # type: ignore[method-assign]
    floor.trade()
    floor.close()

    verdict = judged(store, floor)

    assert parities(verdict) == (EXACT, DIVERGED)
    assert place(verdict) == ("reports", "order", f"{order_name(NAME, 6)} once", "2 times")


def test_an_order_sent_again_and_refused_was_sent_once(tmp_path: Path, store: ObjectStore) -> None:
    floor = Floor(tmp_path)
    submit = floor.venue.submit

    def again(account: int, order: Any) -> Any:
        placed = submit(account, order)
        if order.client == order_name(NAME, 6):
            with pytest.raises(Refusal):
                submit(account, order)
        return placed

    floor.venue.submit = again  # type: ignore[method-assign]
    floor.trade()
    floor.close()

    assert parities(judged(store, floor)) == (EXACT, EXACT)


def test_a_strategy_that_is_gone_is_named(tmp_path: Path, store: ObjectStore) -> None:
    floor = traded(tmp_path)
    path = floor.session_folder / "specification.json"
    document = json.loads(path.read_bytes())
    document["simulation"]["algorithm"]["name"] = "old-maker"
    gone = SessionSpecification.model_validate(document)
    path.write_bytes(gone.encode())
    forge(floor, lambda _: None, gone.digest())

    with pytest.raises(
        InvalidSpecification, match=r"strategy 'old-maker', which cannot be run here.*install the version"
    ):
        judged(store, floor)
    elsewhere = open_store((tmp_path / "elsewhere").as_uri(), create=True)
    image = "registry.example/makers@sha256:" + "5" * 64
    sealed = seal_session(elsewhere, floor.session_folder, record=floor.record, previous=None, image=image)
    with pytest.raises(InvalidSpecification, match=rf"give its image as spec.image \(sealed with image {image}, "):
        replay_session(elsewhere, sealed.id, lambda _: None)


def test_a_record_of_another_market_is_refused(tmp_path: Path, store: ObjectStore) -> None:
    floor = traded(tmp_path)
    beside = specification_beside(floor.record)
    document = json.loads(beside.read_bytes())
    document["leverage"] = 3
    beside.write_text(json.dumps(document))
    with pytest.raises(DataRefused, match="another market or other terms"):
        judged(store, floor)


def test_units_that_are_not_the_exchanges_are_refused(tmp_path: Path, store: ObjectStore) -> None:
    floor = traded(tmp_path)
    path = floor.session_folder / "specification.json"
    document = json.loads(path.read_bytes())
    document["instruments"][0]["tick"] = "0.01"
    path.write_bytes(SessionSpecification.model_validate(document).encode())
    with pytest.raises(DataRefused, match=r"ticks of 0\.01 and lots of 0\.001, the exchange in ticks of 0\.1"):
        judged(store, floor)


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Floor:
    floor = Floor(tmp_path_factory.mktemp("floor"), exchange_of(synthetic={"messages": 200}))
    floor.trade()
    floor.close()
    return floor


@settings(max_examples=25, deadline=None)
@given(which=st.integers(0), at=st.integers(0), bit=st.integers(0, 7))
def test_no_bit_of_a_report_or_a_decision_turns_over_unseen(short: Floor, which: int, at: int, bit: int) -> None:
    def alter(parts: list[Frame]) -> None:
        ours = [one for one in parts if one.kind in (REPORT, OUTCOME)]
        payload = ours[which % len(ours)].payload
        payload[at % len(payload)] ^= 1 << bit

    forged = forged_journal(journal_of(short).tobytes(), alter)
    with suppress(DataRefused):  # it says nothing that a session writes
        assert not replay(np.frombuffer(forged, np.uint8), short.specification).exact


@settings(max_examples=25, deadline=None)
@given(which=st.integers(0), at=st.integers(0), bit=st.integers(0, 7))
def test_no_bit_of_an_outcome_turns_over_unseen(short: Floor, which: int, at: int, bit: int) -> None:
    data = short.record.read_bytes()
    parts = taken_apart(data, RECORD_HEADER)
    orders = [one for one in parts if one.kind == SUBMIT]
    payload = orders[which % len(orders)].payload
    payload[-1 - at % 92] ^= 1 << bit
    with suppress(DataRefused):  # it says nothing that an exchange writes
        assert not replay_record(short.exchange, None, put_together(data[:RECORD_HEADER], parts)).is_exact
