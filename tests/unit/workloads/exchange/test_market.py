"""The tapes an exchange plays, and what it lists."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_api.exchange import AtEnd, ExchangeSpecification
from tradeplane_api.execution import QueueModel
from tradeplane_api.snapshot_manifest import InstrumentKind
from tradeplane_store.canonical import market_bytes
from tradeplane_store.objects import open_store
from tradeplane_workloads.errors import DataRefused, InvalidSpecification
from tradeplane_workloads.exchange.core import core_of
from tradeplane_workloads.exchange.listing import base_per_lot, listings_of
from tradeplane_workloads.exchange.market import in_exchange_order, schedule_of, tapes_of
from tradeplane_workloads.market.importing import import_file
from tradeplane_workloads.market.instruments import TapeInstrument
from tradeplane_workloads.market.snapshots import write_snapshot

from tests.unit.workloads.exchange.small_exchange import BEGIN_NS, LEVEL, SPECIFICATION, tape_of

if TYPE_CHECKING:
    from pathlib import Path


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12), st.lists(st.integers(1, 3), min_size=12, max_size=12))
def test_rows_are_played_in_the_order_of_the_exchange(times: list[int], widths: list[int]) -> None:
    rows = [
        (number, LEVEL, 1, 1_000 + number * 10 + row, 1)
        for number, _ in enumerate(times)
        for row in range(widths[number])
    ]
    tape = tape_of(rows)
    at = BEGIN_NS + np.array([times[number] for number, *_ in rows], np.int64)
    tape = dataclasses.replace(tape, exchange_time=at)
    ordered = in_exchange_order(tape)
    expected = sorted(range(len(rows)), key=lambda row: (at[row], row))
    assert ordered.price.tolist() == tape.price[expected].tolist()
    assert np.all(np.diff(ordered.sequence.astype(np.int64)) >= 0)
    schedule = schedule_of((ordered,))
    messages = [ordered.price[first:end].tolist() for first, end in zip(schedule.first, schedule.end, strict=True)]
    assert sorted(messages) == sorted(
        [1_000 + number * 10 + row for row in range(widths[number])] for number in range(len(times))
    )
    assert np.all(np.diff(schedule.time_ns) >= 0)


def test_messages_of_one_time_come_in_the_order_of_the_instruments() -> None:
    one = tape_of()
    schedule = schedule_of((one, one))
    assert schedule.instrument.tolist() == [0, 1] * 7
    assert len(schedule) == 14


def test_instruments_of_two_kinds_are_refused() -> None:
    spot = TapeInstrument("BTCUSDT", Decimal(1), Decimal(1), "USDT")
    future = dataclasses.replace(spot, kind=InstrumentKind.LINEAR_FUTURE)
    with pytest.raises(DataRefused, match="LinearFuture, Spot; an exchange has one kind"):
        listings_of([spot, future])


def test_a_lot_that_is_no_whole_number_of_billionths_is_refused_on_spot() -> None:
    (fine,) = listings_of([TapeInstrument("BTCUSDT", Decimal("0.01"), Decimal("0.00001"), "USDT")]).all
    assert base_per_lot(fine) == 10_000
    (coarse,) = listings_of([TapeInstrument("BTCUSDT", Decimal("0.01"), Decimal("0.0000000001"), "USDT")]).all
    with pytest.raises(DataRefused, match="no whole number of billionths of BTC"):
        base_per_lot(coarse)


def test_a_queue_of_single_orders_needs_them() -> None:
    specification = SPECIFICATION.model_copy(
        update={"queue": SPECIFICATION.queue.model_copy(update={"model": QueueModel.EXACT})}
    )
    tape = tape_of()
    with pytest.raises(InvalidSpecification, match="Exact needs tapes of single orders"):
        core_of(specification, (tape,), listings_of([tape.instrument]))


def test_a_snapshot_of_bars_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bars.csv").write_text(
        "Date,Open,High,Low,Close,Volume\n2024-01-02,1,2,1,2,10\n2024-01-03,2,3,1,2,10\n"
    )
    imported = import_file(tmp_path / "bars.csv")
    (tmp_path / "store").mkdir()
    store = open_store((tmp_path / "store").as_uri())
    written = write_snapshot(store, imported.series, [imported.source])
    specification = ExchangeSpecification(snapshot=written.id)
    with pytest.raises(DataRefused, match="has bars, and an exchange plays tapes"):
        tapes_of(specification, store)
    with pytest.raises(InvalidSpecification, match="there is no store"):
        tapes_of(specification, None)


def test_what_decides_is_in_the_name_of_a_market_and_nothing_else() -> None:
    def other(**changes: object) -> bool:
        return market_bytes(SPECIFICATION.model_copy(update=changes)) != market_bytes(SPECIFICATION)

    assert other(leverage=3)
    assert other(seed=1)
    assert other(snapshot="sha256:" + "1" * 64)
    assert not other(speed="3")
    assert not other(at_end=AtEnd.REPEAT)
    assert not other(balances=())  # what an account begins with is in the input that opens it
