"""Recorded Binance streams: every level, trade and quote is on the tape, and what is wrong is found."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tradeplane_api.snapshot_manifest import InstrumentKind
from tradeplane_store.objects import open_store
from tradeplane_workloads.market.importing import import_recording
from tradeplane_workloads.market.snapshots import read_tapes, write_tapes

from tests.extra.requirements import BINANCE_BLIND, BINANCE_TRADES, market_data

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tradeplane_workloads.market.tapes import Tape

Seen = tuple[int, int, int, int, int, Decimal, Decimal]
"""Line, exchange and local time, kind, side, price, quantity."""


def expected(recording: Path) -> Iterator[Seen]:
    """Read a recording with Python's own JSON and decimals: what each message says, without joining the book."""
    with gzip.open(recording, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            local, _, text = line.partition(" ")
            message = json.loads(text)
            data = message.get("data", message)
            for kind, side, price, quantity in _rows(data):
                yield number, data["T"] * 1_000_000, int(local), kind, side, Decimal(price), Decimal(quantity)


def _rows(data: dict[str, Any]) -> Iterator[tuple[int, int, str, str]]:
    event = data.get("e")
    if event == "depthUpdate":
        yield from ((2, side, *level) for side, field in ((1, "b"), (2, "a")) for level in data[field])
    elif event == "trade" and data["X"] == "MARKET":
        yield 3, 2 if data["m"] else 1, data["p"], data["q"]
    elif event == "bookTicker":
        yield from ((4, 1, data["b"], data["B"]), (4, 2, data["a"], data["A"]))
    elif "lastUpdateId" in data:
        yield from ((1, side, *level) for side, field in ((1, "bids"), (2, "asks")) for level in data[field])


def on_tape(tape: Tape) -> Iterator[Seen]:
    """Give the rows of a tape as its recording would say them, without clears and gaps."""
    tick, lot = tape.instrument.tick, tape.instrument.lot
    columns = (tape.sequence, tape.exchange_time, tape.local_time, tape.kind, tape.side, tape.price, tape.quantity)
    for line, exchange, local, kind, side, price, quantity in zip(*(each.tolist() for each in columns), strict=True):
        if kind not in (0, 9):
            yield line, exchange, local, kind, side, price * tick, quantity * lot


@pytest.fixture(scope="module", params=[BINANCE_TRADES, BINANCE_BLIND], ids=["usd-m", "coin-m"])
def recording(request: pytest.FixtureRequest) -> Path:
    name: Path = request.param
    return market_data() / name


def test_every_message_is_on_the_tape_once_and_nothing_else(recording: Path) -> None:
    (tape,) = import_recording("binance-raw", recording).tapes
    said, kept = Counter(expected(recording)), Counter(on_tape(tape))
    snapshots = {line for line, _, _, kind, _, _, _ in kept if kind == 1}
    # Applied again to a snapshot older than they are: rows of its message that its text does not say.
    again = {row for row in kept - said if row[0] in snapshots and row[3] == 2}
    assert kept - said == Counter({row: kept[row] for row in again})
    # Older than the book when they came: whole messages, as many as were left out.
    left_out = {row[0] for row in said - kept}
    assert len(left_out) <= tape.recording.left_out
    assert all(row[3] in (1, 2) for row in said - kept)


def test_the_usdm_recording() -> None:
    imported = import_recording("binance-raw", market_data() / BINANCE_TRADES)
    (tape,) = imported.tapes
    assert (tape.instrument.symbol, tape.instrument.kind) == ("BTCUSDT", InstrumentKind.LINEAR_FUTURE)
    assert (tape.instrument.tick, tape.instrument.lot) == (Decimal("0.1"), Decimal("0.001"))
    found = tape.recording
    assert found.messages + found.left_out + imported.others == 93_954
    assert (found.gaps, found.lost, found.crossed) == (1, 0, 0), "it begins before its snapshot, and has no other gap"
    assert found.ahead == found.messages
    assert -1_400_000_000 < int(found.min_latency_ns) < -1_200_000_000


def test_the_coinm_recording_is_blind_to_its_end() -> None:
    (tape,) = import_recording("binance-raw", market_data() / BINANCE_BLIND).tapes
    assert (tape.instrument.symbol, tape.instrument.kind) == ("BTCUSD_PERP", InstrumentKind.INVERSE_FUTURE)
    assert (tape.instrument.tick, tape.instrument.lot) == (Decimal("0.1"), Decimal(1))
    assert tape.instrument.contract_size == Decimal(100)
    assert tape.recording.gaps == 1
    assert tape.recording.blind_rows == int((tape.kind == 2).sum())


def test_the_recording_is_read_from_a_store_as_it_was_written(recording: Path) -> None:
    imported = import_recording("binance-raw", recording)
    store = open_store("memory:///")
    (tape,) = read_tapes(store, write_tapes(store, imported.tapes, [imported.source]).id)
    for read, written in zip(tape.columns(), imported.tapes[0].columns(), strict=True):
        assert np.array_equal(read, written)
