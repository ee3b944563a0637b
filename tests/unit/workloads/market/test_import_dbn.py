from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import databento_dbn
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.market.importing import ImportOptions, dbn_rows, import_file, import_recording
from tradeplane_workloads.market.importing.dbn_file import BARS, TAPES
from tradeplane_workloads.market.importing.dbn_rows import rows_of
from tradeplane_workloads.market.importing.tape_options import Flaw, TapeOptions

from tests.unit.workloads.sample_tapes import (
    ADD,
    ASK,
    BEGIN,
    BID,
    CANCEL,
    CLEAR,
    EXECUTE,
    GAP,
    LEVEL,
    MODIFY,
    NONE,
    QUOTE,
    SNAPSHOT,
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
    "mbp-10": (databento_dbn.Schema.MBP_10, databento_dbn.MBP10Msg),
    "tbbo": (databento_dbn.Schema.TBBO, databento_dbn.MBP1Msg),
    "trades": (databento_dbn.Schema.TRADES, databento_dbn.TradeMsg),
    "ohlcv-1s": (databento_dbn.Schema.OHLCV_1S, databento_dbn.OHLCVMsg),
    "ohlcv-1m": (databento_dbn.Schema.OHLCV_1M, databento_dbn.OHLCVMsg),
    "ohlcv-1h": (databento_dbn.Schema.OHLCV_1H, databento_dbn.OHLCVMsg),
    "ohlcv-1d": (databento_dbn.Schema.OHLCV_1D, databento_dbn.OHLCVMsg),
}
LAYOUTS = {**TAPES, **BARS}


def records(schema: str, rows: list[dict[str, Any]]) -> np.ndarray[Any, Any]:
    """Return records of a schema in Databento's own layout; times follow each other by a microsecond."""
    kind, layout = LAYOUTS[schema]
    made = np.zeros(len(rows), layout)
    made["rtype"], made["length"], made["instrument_id"] = kind, layout.itemsize // 4, 7
    made["ts_event"] = BEGIN + 1_000 * np.arange(len(rows))
    if schema in TAPES:
        made["ts_recv"] = made["ts_event"] + 500
        made["sequence"] = np.arange(len(rows))
    if schema == "mbp-10":
        made["levels"]["bid_px"], made["levels"]["ask_px"] = UNDEFINED, UNDEFINED
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


def flat(layout: np.dtype[Any], place: str = "") -> list[tuple[str, str]]:
    """Return names and types of all fields, those of each level with its number."""
    found = []
    for name, (kind, _) in ((name, layout.fields[name][:2]) for name in layout.names or () if layout.fields):
        if kind.subdtype:
            found += [field for level in range(10) for field in flat(kind.subdtype[0], f"_{level:02}")]
        else:
            found.append((name + place, kind.str.lstrip("<|")))
    return found


@pytest.mark.parametrize("schema", list(SCHEMAS))
def test_layouts_are_those_of_the_package(schema: str) -> None:
    one_level = schema in ("mbp-1", "tbbo")
    theirs = [
        (name.removesuffix("_00") if one_level else name, {"S1": "u1"}.get(kind, kind.lstrip("<|")))
        for name, kind in SCHEMAS[schema][1]._dtypes
    ]
    assert flat(LAYOUTS[schema][1]) == theirs


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


def levels(*sides: list[tuple[int, int]]) -> dict[str, Any]:
    """Return the fields of an mbp-10 record whose bids and asks are these, in whole prices."""
    made = np.zeros(10, TAPES["mbp-10"][1]["levels"].base)
    made["bid_px"], made["ask_px"] = UNDEFINED, UNDEFINED
    for side, each in zip(("bid", "ask"), sides, strict=True):
        for place, (price, size) in enumerate(each):
            made[place][f"{side}_px"], made[place][f"{side}_sz"] = price * 10**9, size
    return {"levels": made, "action": "M", "side": "B"}


def test_levels_are_what_changed_of_the_ten_best(tmp_path: Path) -> None:
    made = records(
        "mbp-10",
        [
            levels([(10, 5), (9, 6)], [(11, 7)]),
            levels([(10, 5), (9, 4)], [(11, 7)]),  # the second bid has another size
            levels([(9, 4)], [(11, 7), (12, 1)]),  # the best bid is gone, a second ask came
            levels([(9, 4)], [(11, 7), (12, 1)]) | {"action": "T", "side": "A", "price": 9 * 10**9, "size": 2},
            levels([], []),  # nothing is left
        ],
    )
    assert rows(tape_of(written(tmp_path / "l.dbn", "mbp-10", made))) == [
        (1, CLEAR, NONE, 0, 0),
        (1, SNAPSHOT, BID, 10, 5),
        (1, SNAPSHOT, BID, 9, 6),
        (1, SNAPSHOT, ASK, 11, 7),
        (2, LEVEL, BID, 9, 4),
        (3, LEVEL, BID, 10, 0),
        (3, LEVEL, ASK, 12, 1),
        (4, TRADE, ASK, 9, 2),
        (5, LEVEL, BID, 9, 0),
        (5, LEVEL, ASK, 11, 0),
        (5, LEVEL, ASK, 12, 0),
    ]


def test_a_bad_book_of_levels_begins_again_when_it_is_good(tmp_path: Path) -> None:
    book = levels([(10, 5)], [])
    for flags, kinds in (
        ((0, 4, 4, 0), [CLEAR, SNAPSHOT, GAP, CLEAR, SNAPSHOT]),
        ((4, 0), [GAP, LEVEL, CLEAR, SNAPSHOT]),
    ):
        made = records("mbp-10", [book | {"flags": flag} for flag in flags])
        tape = tape_of(written(tmp_path / "b.dbn", "mbp-10", made))
        assert [row[1] for row in rows(tape)] == kinds
    assert tape.recording.blind_rows == 1


@settings(max_examples=60)
@given(st.lists(st.lists(st.integers(0, 3), min_size=6, max_size=6), min_size=1, max_size=12))
def test_the_book_of_a_tape_of_levels_is_that_of_each_record(sizes: list[list[int]]) -> None:
    books = [[(20 - place, size) for place, size in enumerate(each) if size] for each in sizes]
    made = records("mbp-10", [levels(book, []) for book in books])
    found = rows_of("mbp-10", made)
    book: dict[int, int] = {}
    for number, expected in enumerate(books):
        of_it = found.record == number
        for kind, price, size in zip(found.kind[of_it], found.price[of_it], found.quantity[of_it], strict=True):
            if kind == CLEAR:
                book.clear()
            elif size:
                book[int(price) // 10**9] = int(size)
            else:
                del book[int(price) // 10**9]
        assert book == dict(expected)


def test_levels_are_compared_across_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    made = records("mbp-10", [levels([(10 + number // 3, 1 + number % 2)], []) for number in range(20)])
    whole = rows_of("mbp-10", made)
    monkeypatch.setattr(dbn_rows, "_BATCH", 3)
    pieces = rows_of("mbp-10", made)
    for field in ("record", "kind", "side", "price", "quantity"):
        assert np.array_equal(getattr(whole, field), getattr(pieces, field)), field


def test_a_crossed_book_of_orders_is_found(tmp_path: Path) -> None:
    made = records(
        "mbo",
        [
            {"action": "A", "side": "B", "price": 3 * 10**9, "size": 5, "order_id": 1},
            {"action": "A", "side": "A", "price": 2 * 10**9, "size": 5, "order_id": 2},
            {"action": "C", "side": "A", "price": 2 * 10**9, "size": 5, "order_id": 2},
        ],
    )
    path = written(tmp_path / "c.dbn", "mbo", made)
    assert (tape_of(path).recording.crossed, tape_of(path).recording.locked) == (1, 0)
    with pytest.raises(DataRefused, match="record 2: the best bid is above the best ask"):
        tape_of(path, TapeOptions(refuse=frozenset({Flaw.CROSSED})))


def test_rows_about_orders_that_the_book_does_not_know_are_counted_or_refused(tmp_path: Path) -> None:
    bid = {"side": "B", "price": 3 * 10**9, "size": 5}
    made = records(
        "mbo",
        [
            {"action": "A", "order_id": 1, **bid},
            {"action": "A", "order_id": 1, **bid},  # twice
            {"action": "M", "order_id": 2, **bid},  # never there
            {"action": "C", "order_id": 1, **bid},
            {"action": "C", "order_id": 1, **bid},  # no longer there
        ],
    )
    path = written(tmp_path / "u.dbn", "mbo", made)
    tape = tape_of(path)
    assert tape.recording.unknown_orders == 3
    assert '"unknownOrders":3' in tape.recording.model_dump_json(by_alias=True)
    with pytest.raises(DataRefused, match=r"record 2: it is about an order .*, as 2 more; correct .* refuse unknown"):
        tape_of(path, TapeOptions(refuse=frozenset({Flaw.UNKNOWN})))
    known = tape_of(written(tmp_path / "k.dbn", "mbo", made[[0, 3]]), TapeOptions(refuse=frozenset({Flaw.UNKNOWN})))
    assert "unknownOrders" not in known.recording.model_dump_json(by_alias=True)


def test_bars(tmp_path: Path) -> None:
    bar = {"open": 10**9, "high": 3 * 10**9, "low": 5 * 10**8, "close": 2 * 10**9, "volume": 2**40}
    for schema, seconds in (("ohlcv-1s", 1), ("ohlcv-1m", 60), ("ohlcv-1h", 3_600), ("ohlcv-1d", 86_400)):
        made = records(schema, [bar, bar, bar | {"volume": 7}])
        made["instrument_id"] = [9, 7, 7]
        path = written(tmp_path / "bars.DBN", schema, made, {"A": [9], "B": [7]})
        imported = import_file(path)
        assert [one.instrument.symbol for one in imported.series] == ["A", "B"]
        series = imported.series[1]
        assert (series.instrument.price_exponent, series.instrument.quantity_exponent) == (-1, 0)
        assert series.column("time_ns").tolist() == [BEGIN + number * 1_000 + seconds * 10**9 for number in (1, 2)]
        prices = [series.column(name).tolist() for name in ("open", "high", "low", "close", "volume")]
        assert prices == [[10, 10], [30, 30], [5, 5], [20, 20], [2**40, 7]]
        assert imported.source.format == f"dbn {schema}"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"close": UNDEFINED}, r'record 1, column "close": is not defined'),
        ({"low": 10**10}, r'record 1, column "high": is below the low'),
        ({"volume": 2**63}, r'record 1, column "volume": .* does not fit into 62 bits'),
        ({"ts_event": 2**63}, r"record 1: has no ts_event that can be used"),
        ({"rtype": 33}, r"record 1: is no record of ohlcv-1s"),
    ],
)
def test_bars_that_cannot_be_are_refused(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    bar = {"open": 10**9, "high": 10**9, "low": 10**9, "close": 10**9, "volume": 1}
    path = written(tmp_path / "bars.dbn", "ohlcv-1s", records("ohlcv-1s", [bar | change]))
    with pytest.raises(DataRefused, match=words):
        import_file(path)


def test_bars_are_no_tape_and_a_tape_is_no_bars(tmp_path: Path) -> None:
    bars = written(tmp_path / "b.dbn", "ohlcv-1m", records("ohlcv-1m", []))
    with pytest.raises(DataRefused, match="has the schema ohlcv-1m; import it with --format bars"):
        import_recording("dbn", bars)
    with pytest.raises(DataRefused, match=r"b\.dbn has no bars"):
        import_file(bars)
    trades = written(tmp_path / "t.dbn", "trades", records("trades", []))
    with pytest.raises(DataRefused, match="has the schema trades; import it with --format dbn"):
        import_file(trades)
    with pytest.raises(DataRefused, match=r"b\.dbn expands to more than 10 bytes|is larger than 10 bytes"):
        import_file(bars, ImportOptions(max_bytes=10))


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
