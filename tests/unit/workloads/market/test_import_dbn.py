from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import databento_dbn
import numpy as np
import pyarrow as pa
import pytest
from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.market.importing import import_recording
from tradeplane_workloads.market.importing.dbn import _LAYOUTS
from tradeplane_workloads.market.importing.tape_options import TapeOptions

from tests.unit.workloads.sample_tapes import (
    ADD,
    ASK,
    BEGIN,
    BID,
    CANCEL,
    CLEAR,
    EXECUTE,
    GAP,
    MODIFY,
    NONE,
    QUOTE,
    TRADE,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_workloads.market.tapes import Tape

UNDEFINED = 2**63 - 1
STYPE: Any = databento_dbn.SType
SCHEMAS: dict[str, tuple[Any, Any]] = {
    "mbo": (databento_dbn.Schema.MBO, databento_dbn.MBOMsg),
    "mbp-1": (databento_dbn.Schema.MBP_1, databento_dbn.MBP1Msg),
    "tbbo": (databento_dbn.Schema.TBBO, databento_dbn.MBP1Msg),
    "trades": (databento_dbn.Schema.TRADES, databento_dbn.TradeMsg),
}


def records(schema: str, rows: list[dict[str, Any]]) -> np.ndarray[Any, Any]:
    """Return records of a schema in Databento's own layout; times follow each other by a microsecond."""
    kind, layout = _LAYOUTS[schema]
    made = np.zeros(len(rows), layout)
    made["rtype"], made["length"], made["instrument_id"] = kind, layout.itemsize // 4, 7
    made["ts_event"] = BEGIN + 1_000 * np.arange(len(rows))
    made["ts_recv"] = made["ts_event"] + 500
    made["sequence"] = np.arange(len(rows))
    for index, row in enumerate(rows):
        for field, value in row.items():
            made[field][index] = ord(value) if isinstance(value, str) else value
    return made


def written(path: Path, schema: str, made: np.ndarray[Any, Any], mappings: dict[str, list[int]] | None = None) -> Path:
    """Write records as a file; ``mappings`` are the numbers of each symbol."""
    metadata = databento_dbn.Metadata(
        dataset="GLBX.MDP3",
        start=BEGIN,
        stype_in=STYPE.RAW_SYMBOL,
        stype_out=STYPE.INSTRUMENT_ID,
        schema=SCHEMAS[schema][0],
        mappings=[_mapping(symbol, numbers) for symbol, numbers in (mappings or {"ESH4": [7]}).items()],
    )
    path.write_bytes(metadata.encode() + made.tobytes())
    return path


def _mapping(symbol: str, numbers: list[int]) -> Any:
    day = date(2024, 1, 1)
    intervals = [
        SimpleNamespace(start_date=day + timedelta(index), end_date=day + timedelta(index + 1), symbol=str(number))
        for index, number in enumerate(numbers)
    ]
    return SimpleNamespace(raw_symbol=symbol, intervals=intervals)


def tape_of(path: Path, options: TapeOptions | None = None) -> Tape:
    (tape,) = import_recording("dbn", path, options).tapes
    return tape


def rows(tape: Tape) -> list[tuple[int, ...]]:
    columns = (tape.sequence, tape.kind, tape.side, tape.price, tape.quantity)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@pytest.mark.parametrize("schema", list(SCHEMAS))
def test_layouts_are_those_of_the_package(schema: str) -> None:
    ours = [(field[0], field[1].lstrip("<|")) for field in _LAYOUTS[schema][1].descr]
    theirs = [(name.removesuffix("_00"), {"S1": "u1"}.get(kind, kind)) for name, kind in SCHEMAS[schema][1]._dtypes]
    assert ours == theirs


def test_trades(tmp_path: Path) -> None:
    made = records("trades", [{"action": "T", "side": "B", "price": 4_800_250_000_000, "size": 3}] * 2)
    made["price"][1] += 500_000_000
    tape = tape_of(written(tmp_path / "t.dbn", "trades", made))
    assert (tape.instrument.symbol, tape.instrument.tick) == ("ESH4", Decimal("0.01"))
    assert rows(tape) == [(1, TRADE, BID, 480_025, 3), (2, TRADE, BID, 480_075, 3)]
    assert (tape.exchange_time[1], tape.local_time[1]) == (BEGIN + 1_000, BEGIN + 1_500)
    given = tape_of(tmp_path / "t.dbn", TapeOptions(tick=Decimal("0.25")))
    assert given.price.tolist() == [19_201, 19_203]


def test_quotes_come_before_the_trade_of_their_record(tmp_path: Path) -> None:
    touch = {"bid_px": 10**9, "bid_sz": 5, "ask_px": UNDEFINED, "ask_sz": 9}
    made = records(
        "mbp-1", [{"action": "A", "side": "B", **touch}, {"action": "T", "side": "A", "price": 10**9, **touch}]
    )
    made["size"] = 2
    expected = [(1, QUOTE, BID, 1, 5), (1, QUOTE, ASK, 0, 0), (2, QUOTE, BID, 1, 5), (2, QUOTE, ASK, 0, 0)]
    assert rows(tape_of(written(tmp_path / "q.dbn", "mbp-1", made))) == [*expected, (2, TRADE, ASK, 1, 2)]


def test_orders(tmp_path: Path) -> None:
    price = 3 * 10**9
    made = records(
        "mbo",
        [
            {"action": "R", "side": "N", "price": UNDEFINED},
            {"action": "A", "side": "B", "price": price, "size": 5, "order_id": 2**63},
            {"action": "M", "side": "B", "price": price, "size": 4, "order_id": 2**63},
            {"action": "T", "side": "A", "price": price, "size": 1, "sequence": 9},
            {"action": "F", "side": "B", "price": price, "size": 1, "order_id": 2**63, "sequence": 9},
            {"action": "C", "side": "B", "price": price, "size": 1, "order_id": 2**63, "sequence": 9},
            {"action": "C", "side": "B", "price": price, "size": 3, "order_id": 2**63, "sequence": 10},
            {"action": "N", "side": "N"},
        ],
    )
    tape = tape_of(written(tmp_path / "o.dbn", "mbo", made))
    assert rows(tape) == [
        (1, CLEAR, NONE, 0, 0),
        (2, ADD, BID, 3, 5),
        (3, MODIFY, BID, 3, 4),
        (4, TRADE, ASK, 3, 1),
        (5, EXECUTE, BID, 3, 1),
        (7, CANCEL, BID, 3, 3),
    ]
    assert tape.order.tolist() == [0, 2**63, 2**63, 0, 2**63, 2**63]
    assert tape.recording.left_out == 2


def test_a_bad_book_is_a_gap_once(tmp_path: Path) -> None:
    made = records(
        "mbo", [{"action": "A", "side": "B", "price": 10**9, "size": 1, "flags": flag} for flag in (0, 4, 4)]
    )
    assert [row[1] for row in rows(tape_of(written(tmp_path / "g.dbn", "mbo", made)))] == [ADD, GAP, ADD, ADD]


def test_instruments_are_told_apart_and_zstd_is_expanded(tmp_path: Path) -> None:
    made = records("trades", [{"action": "T", "side": "N", "price": 10**9, "size": 1}] * 3)
    made["instrument_id"] = [9, 7, 8]
    path = written(tmp_path / "t.dbn", "trades", made, {"B": [7], "A": [9]})
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(path.read_bytes())
    path.write_bytes(sink.getvalue())
    imported = import_recording("dbn", path)
    assert [(tape.instrument.symbol, rows(tape)[0][0]) for tape in imported.tapes] == [("8", 3), ("A", 1), ("B", 2)]
    assert imported.source.format == "dbn trades"
    with pytest.raises(DataRefused, match="expands to more than 100 bytes"):
        import_recording("dbn", path, TapeOptions(max_expanded_bytes=100))
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(DataRefused, match=r"t.dbn (cannot be expanded|ends within a record|does not begin)"):
        import_recording("dbn", path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data[:-1], "ends within a record, 47 bytes after its begin"),
        (lambda data: data[:20], "does not begin with the metadata"),
        (lambda data: b"hello" + data, "does not begin with the metadata"),
        (lambda data: data[:3] + b"\xff" + data[4:], "its metadata cannot be read"),
        (lambda data: data[:-48], "has no record that a tape holds"),
    ],
)
def test_files_that_are_none_are_refused(tmp_path: Path, change: Any, words: str) -> None:
    made = records("trades", [{"action": "T", "side": "B", "price": 1, "size": 3}])
    path = written(tmp_path / "t.dbn", "trades", made)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(DataRefused, match=words):
        import_recording("dbn", path)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("rtype", 1, "record 2: is no record of trades"),
        ("length", 13, "record 2: is no record of trades"),
        ("ts_event", 2**64 - 1, "record 2: has no ts_event that can be used"),
        ("ts_recv", 2**64 - 1, "record 2: has no ts_recv that can be used"),
    ],
)
def test_records_that_are_none_are_named(tmp_path: Path, field: str, value: int, words: str) -> None:
    made = records("trades", [{"action": "T", "side": "B", "price": 1, "size": 3}] * 2)
    made[field][1] = value
    with pytest.raises(DataRefused, match=words):
        import_recording("dbn", written(tmp_path / "t.dbn", "trades", made))


def test_a_number_of_two_symbols_is_refused(tmp_path: Path) -> None:
    made = records("trades", [{"action": "T", "side": "B", "price": 1, "size": 3}])
    with pytest.raises(DataRefused, match="the instrument 7 is A and B; give a file of one of them"):
        import_recording("dbn", written(tmp_path / "t.dbn", "trades", made, {"A": [7], "B": [6, 7]}))
