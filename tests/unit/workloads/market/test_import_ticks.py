from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from pyarrow import parquet
from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.market.importing import ImportOptions, import_recording
from tradeplane_workloads.market.importing.tape_options import Flaw, TapeOptions

from tests.unit.workloads.sample_tapes import ASK, BID, NONE, TRADE

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_workloads.market.importing.recordings import ImportedTapes

CSV = """\
Time,Price,Qty,Side
2024-01-02T09:30:00.000000001Z,4800.25,3,buy
2024-01-02T09:30:00.5Z,4800.50,1,S
2024-01-02T09:30:01Z,4800.00,12,
"""
NINE_THIRTY = 1_704_187_800_000_000_000


def imported(folder: Path, text: str, options: TapeOptions | None = None) -> ImportedTapes:
    path = folder / "es.csv"
    path.write_text(text)
    return import_recording("ticks", path, options)


def test_trades_of_a_csv_file(tmp_path: Path) -> None:
    found = imported(tmp_path, CSV)
    (tape,) = found.tapes
    assert (tape.instrument.symbol, tape.instrument.tick, tape.instrument.lot) == ("ES", Decimal("0.01"), Decimal(1))
    assert tape.exchange_time.tolist() == [NINE_THIRTY + 1, NINE_THIRTY + 500_000_000, NINE_THIRTY + 1_000_000_000]
    assert tape.local_time.tolist() == tape.exchange_time.tolist()
    assert (tape.kind.tolist(), tape.side.tolist()) == ([TRADE] * 3, [BID, ASK, NONE])
    assert (tape.price.tolist(), tape.quantity.tolist()) == ([480_025, 480_050, 480_000], [3, 1, 12])
    assert tape.sequence.tolist() == [2, 3, 4]
    assert (tape.recording.messages, found.source.format) == (3, "csv")


def test_parquet_with_local_times_and_symbols(tmp_path: Path) -> None:
    table = pa.table(
        {
            "ts_event": pa.array([1, 3, 2], pa.timestamp("ns", "UTC")),
            "ts_recv": pa.array([2, 2, 9], pa.timestamp("ns", "UTC")),
            "price": pa.array([1.5, 20.0, 1.25]),
            "size": pa.array([1, 2, 3]),
            "symbol": pa.array(["B", "A", "B"]).dictionary_encode(),
        }
    )
    parquet.write_table(table, tmp_path / "t.parquet")
    one, other = import_recording("ticks", tmp_path / "t.parquet").tapes
    assert [one.instrument.symbol, other.instrument.symbol] == ["A", "B"]
    assert (other.sequence.tolist(), other.price.tolist(), other.local_time.tolist()) == ([1, 3], [150, 125], [2, 9])
    assert (one.recording.ahead, one.recording.min_latency_ns) == (1, "-1")


def test_headers_times_and_ticks_may_be_given(tmp_path: Path) -> None:
    columns = ImportOptions(columns={"price": "Px"}, delimiter=";", time_format="epoch-ms")
    text = "time;Px;volume\n1704187800000;4800.25;10\n1704187800001;4800.50;20\n"
    (tape,) = imported(tmp_path, text, TapeOptions(columns=columns, tick=Decimal("0.25"), lot=Decimal(10))).tapes
    assert (tape.price.tolist(), tape.quantity.tolist()) == ([19_201, 19_202], [1, 2])


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("4800.50,1,S", "4800.50,0,S", 'es.csv, line 3, column "Qty": is not above zero'),
        ("4800.50,1,S", "4800.50,-1,S", 'es.csv, line 3, column "Qty": is not above zero'),
        ("4800.50,1,S", "cheap,1,S", 'es.csv, line 3, column "Price": "cheap" is not a decimal'),
        ("4800.50,1,S", "nan,1,S", 'es.csv, line 3, column "Price": "nan" is no price.*leave the row out'),
        ("4800.50,1,S", "4800.50,1,up", "es.csv, line 3, column \"Side\": 'up' is no side; write buy, sell"),
        ("2024-01-02T09:30:00.5Z", "noon", 'es.csv, line 3, column "Time": "noon" is no time'),
        ("4800.50,1,S", "4800.50,1", "line 3: has 3 fields where the header has 4"),
        ("Qty", "Weight", 'es.csv has no column "quantity"'),
        ("Time,Price", "Time,Price,Amount", "line 2: has 4 fields"),
        ("Side", "size", "es.csv has more than one column for quantity: Qty, size"),
        (CSV, "Time,Price,Qty\n", "has a header and no"),
        (CSV, "", "is empty"),
    ],
)
def test_what_is_no_trade_is_refused(tmp_path: Path, before: str, after: str, words: str) -> None:
    with pytest.raises(DataRefused, match=words):
        imported(tmp_path, CSV.replace(before, after))


def test_roles_of_bars_are_none_of_ticks(tmp_path: Path) -> None:
    with pytest.raises(DataRefused, match="is read for time, local, price, quantity, side, symbol, not for open"):
        imported(tmp_path, CSV, TapeOptions(columns=ImportOptions(columns={"open": "Price"})))


def test_what_is_off_the_tick_or_out_of_order_names_its_line(tmp_path: Path) -> None:
    with pytest.raises(DataRefused, match=r"es.csv, line 2: the price 4800.25 is no multiple of the tick 0.5"):
        imported(tmp_path, CSV, TapeOptions(tick=Decimal("0.5")))
    lines = CSV.splitlines()
    disorder = "\n".join([lines[0], lines[3], *lines[1:3]])
    assert imported(tmp_path, disorder).tapes[0].recording.out_of_order == 1
    with pytest.raises(DataRefused, match=r"es.csv, line 3: its local time is below that of the message before"):
        imported(tmp_path, disorder, TapeOptions(refuse=frozenset({Flaw.DISORDER})))


def test_another_extension_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text(CSV)
    with pytest.raises(DataRefused, match=r"t.txt is neither .csv nor .parquet"):
        import_recording("ticks", tmp_path / "t.txt")
