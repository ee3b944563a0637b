from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.market.importing import ImportOptions, import_file
from tradeplane_workloads.market.timestamps import rfc3339

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_workloads.market.series import BarSeries

TIMES = pa.array([date(2020, 1, 2), date(2020, 1, 3)])


def columns(**changes: Any) -> dict[str, pa.Array]:
    price = pa.array([1.5, 2.25])
    plain = {"date": TIMES, "open": price, "high": price, "low": price, "close": price, "volume": pa.array([3.0, 1e10])}
    return {**plain, **changes}


def read(folder: Path, table: dict[str, pa.Array], **options: Any) -> tuple[BarSeries, ...]:
    path = folder / "bars.parquet"
    parquet.write_table(pa.table(table), path)
    return import_file(path, ImportOptions(**options)).series


def test_floats_are_their_shortest_decimals(tmp_path: Path) -> None:
    price = pa.array([0.1, 1234.560059])
    (one,) = read(tmp_path, columns(open=price, high=price, low=price, close=price))
    assert one.instrument.price_exponent == -6
    assert one.table.column("close").to_pylist() == [100_000, 1_234_560_059]
    assert one.table.column("volume").to_pylist() == [3, 10_000_000_000]
    narrow = pa.array([0.1, 2.7], pa.float32())
    (one,) = read(tmp_path, columns(open=narrow, high=narrow, low=narrow, close=narrow))
    assert (one.instrument.price_exponent, one.table.column("close").to_pylist()) == (-1, [1, 27])


@pytest.mark.parametrize(
    "price",
    [
        pa.array([Decimal("1.50"), Decimal("2.25")], pa.decimal128(10, 2)),
        pa.array([Decimal("1.50"), Decimal("2.25")], pa.decimal256(50, 9)),
        pa.array(["1.5", "2.25"]),
        pa.array(["1.5", "2.25"]).dictionary_encode(),
        pa.array([1.5, 2.25], pa.float32()),
    ],
)
def test_types_of_prices(tmp_path: Path, price: pa.Array) -> None:
    (one,) = read(tmp_path, columns(open=price, high=price, low=price, close=price))
    assert (one.instrument.price_exponent, one.table.column("close").to_pylist()) == (-2, [150, 225])


@pytest.mark.parametrize(
    ("times", "instant"),
    [
        (TIMES, "2020-01-02T21:00:00Z"),
        (TIMES.cast(pa.date64()), "2020-01-02T21:00:00Z"),
        (TIMES.cast(pa.timestamp("s")), "2020-01-02T00:00:00Z"),
        (pa.array([datetime(2020, 1, day, 9, 31, tzinfo=UTC) for day in (2, 3)]), "2020-01-02T09:31:00Z"),
        (pa.array(["2020-01-02", "2020-01-03"]), "2020-01-02T21:00:00Z"),
    ],
)
def test_types_of_times(tmp_path: Path, times: pa.Array, instant: str) -> None:
    (one,) = read(tmp_path, columns(date=times))
    assert rfc3339(one.table.column("time_ns")[0].as_py()) == instant


def test_integers_of_time_need_their_unit(tmp_path: Path) -> None:
    seconds = pa.array([1577998800, 1578085200])
    (one,) = read(tmp_path, columns(date=seconds), time_format="epoch-s")
    assert rfc3339(one.table.column("time_ns")[0].as_py()) == "2020-01-02T21:00:00Z"
    with pytest.raises(DataRefused, match="or give the time format"):
        read(tmp_path, columns(date=seconds))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"close": pa.array([1.5, None])}, 'row 2, column "close": "" is no price or volume'),
        ({"close": pa.array([float("nan"), 2.25])}, 'row 1, column "close": "nan" is no price or volume'),
        ({"close": pa.array([0.1 + 0.2, 2.25])}, 'row 1, column "close": .* decimal places.*give the price exponent'),
        ({"close": pa.array([True, True])}, 'column "close": is of type bool; store it as numbers'),
        ({"close": pa.array([[1.5], [2.25]])}, 'column "close": is of type list'),
        (
            {"date": pa.array([1.0, 2.0])},
            'row 1, column "date": is of type double; store times as timestamp, date or text',
        ),
        ({"date": pa.array([None, date(2020, 1, 3)])}, 'row 1, column "date": has no time'),
        (
            {"date": pa.array([-(2**62), 0], pa.timestamp("ms"))},
            'row 1, column "date": "-4611686018427387904 timestamp',
        ),
        ({"date": TIMES[::-1]}, 'row 2, column "date": is earlier than the bar before it'),
        ({"symbol": pa.array([1, 2])}, 'column "symbol": is of type int64; store it as text'),
    ],
)
def test_bad_input_is_named_with_its_row(tmp_path: Path, changes: dict[str, pa.Array], words: str) -> None:
    with pytest.raises(DataRefused, match=rf"bars\.parquet, {words}"):
        read(tmp_path, columns(**changes))


def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "bars.parquet"
    parquet.write_table(pa.table(columns()), path)
    whole = path.read_bytes()
    for cut in (b"", whole[:10], whole[:-20], b"PAR1" + b"\0" * 64 + b"PAR1"):
        path.write_bytes(cut)
        with pytest.raises(DataRefused, match=r"is not a whole Parquet file|is empty"):
            import_file(path)
    path.write_bytes(whole.replace(b"volume", b"vol\xffme"))  # pyarrow raises another error for a name that is no text
    with pytest.raises(DataRefused, match=r"bars\.parquet is not a whole Parquet file: .*; write it again"):
        import_file(path)
    with pytest.raises(DataRefused, match="has no rows"):
        read(tmp_path, {name: column[:0] for name, column in columns().items()})
    missing = columns()
    del missing["volume"]
    with pytest.raises(DataRefused, match='no column "volume"'):
        read(tmp_path, missing)


def test_a_small_file_that_unpacks_to_a_large_one_is_refused(tmp_path: Path) -> None:
    rows = 200_000
    ones = pa.array([1] * rows).dictionary_encode().cast(pa.int64())
    table = dict.fromkeys(("date", "open", "high", "low", "close", "volume"), ones)
    path = tmp_path / "bars.parquet"
    parquet.write_table(pa.table(table), path, compression="zstd", use_dictionary=False)
    limit = 500_000
    assert path.stat().st_size < limit
    with pytest.raises(DataRefused, match="bytes uncompressed, more than 500000"):
        import_file(path, ImportOptions(max_bytes=limit))
