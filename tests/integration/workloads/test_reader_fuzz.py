"""Whatever bytes a file holds, a reader makes tapes of it or refuses it by name, and takes memory by what it holds."""

from __future__ import annotations

import gzip
import tracemalloc
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import csv, parquet
from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.market.importing import import_file, import_recording

from tests.unit.workloads.market.test_import_dbn import records, written

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BOUND = 32 * 2**20
"""Bytes that reading a file of a few thousand may take, as Python counts them: not what Rust and Arrow take."""
LINES = b"""\
1723161255030314667 {"e":"depthUpdate","T":1,"s":"BTCUSDT","U":1,"u":5,"pu":0,"b":[["9.5","1"]],"a":[["10","2"]]}
1723161255030314668 {"lastUpdateId":3,"bids":[["9.5","3"]],"asks":[]}
1723161255030314669 {"e":"trade","T":2,"s":"BTCUSDT","t":7,"p":"10.25","q":"0.5","X":"MARKET","m":true}
1723161255030314670 {"stream":"x","data":{"u":1,"s":"BTCUSDT","b":"9.5","B":"1","a":"10","A":"2"}}
"""
TICKS = b"time,price,quantity,side,symbol\n2024-08-08T23:54:15Z,9.5,1,buy,A\n2024-08-08T23:54:16Z,10,2.5,sell,B\n"
CSV_BARS = b"date,open,high,low,close,volume\n2024-08-08,9.5,10,9,9.75,12\n2024-08-09,10,11,9.5,10.5,7\n"

Change = tuple[int, int, bytes]
"""Where, how many bytes go, and what comes instead."""
CHANGES = st.lists(
    st.tuples(st.integers(0, 10_000), st.integers(0, 40), st.binary(max_size=12)), min_size=1, max_size=4
)


def changed(data: bytes, changes: list[Change]) -> bytes:
    for place, gone, new in changes:
        at = place % (len(data) + 1)
        data = data[:at] + new + data[at + gone :]
    return data


def dbn(tmp: Path) -> bytes:
    """Return a DBN file of orders."""
    made = records("mbo", [{"action": "A", "side": "B", "price": 10**9, "size": 5, "order_id": 1}] * 3)
    return written(tmp / "valid.dbn", "mbo", made).read_bytes()


@pytest.fixture(scope="module")
def valid(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("valid")
    bar = {"open": 10**9, "high": 10**9, "low": 10**9, "close": 10**9, "volume": 1}
    bars = written(folder / "bars.dbn", "ohlcv-1s", records("ohlcv-1s", [bar] * 2)).read_bytes()
    return {
        "binance-raw": LINES,
        "gzip": gzip.compress(LINES),
        "ticks": TICKS,
        "dbn": dbn(folder),
        "bars": bars,
        "csv-bars": CSV_BARS,
        "parquet-ticks": parquet_of(TICKS),
        "parquet-bars": parquet_of(CSV_BARS),
    }


def parquet_of(text: bytes) -> bytes:
    """Return rows of CSV as a Parquet file's bytes."""
    out = pa.BufferOutputStream()
    parquet.write_table(csv.read_csv(pa.py_buffer(text)), out)
    return bytes(out.getvalue())


READERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "binance-raw": ("f", lambda path: import_recording("binance-raw", path)),
    "gzip": ("f", lambda path: import_recording("binance-raw", path)),
    "ticks": ("f.csv", lambda path: import_recording("ticks", path)),
    "dbn": ("f.dbn", lambda path: import_recording("dbn", path)),
    "bars": ("f.dbn", import_file),
    "csv-bars": ("f.csv", import_file),
    "parquet-ticks": ("f.parquet", lambda path: import_recording("ticks", path)),
    "parquet-bars": ("f.parquet", import_file),
}


def read(form: str, folder: Path, data: bytes) -> object | None:
    """Read bytes as a file of a form, within the bound of memory; None where they are refused."""
    name, reader = READERS[form]
    path = folder / name
    path.write_bytes(data)
    found, refusal = measured(lambda: reader(path))
    assert refusal is None or name in refusal
    return found


def measured(action: Callable[[], object]) -> tuple[object | None, str | None]:
    """Do something within the bound of memory; return what it gives, or why it refuses."""
    tracemalloc.start()
    try:
        return action(), None
    except DataRefused as error:
        return None, str(error)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        if peak >= BOUND:
            raise AssertionError(f"{peak} bytes were taken")


@pytest.mark.parametrize("form", list(READERS))
def test_what_is_changed_below_was_valid(form: str, valid: dict[str, bytes], tmp_path: Path) -> None:
    assert read(form, tmp_path, valid[form]) is not None


@pytest.mark.parametrize("form", list(READERS))
@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(changes=CHANGES)
def test_changed_files_are_read_or_refused(
    form: str, valid: dict[str, bytes], tmp_path: Path, changes: list[Change]
) -> None:
    read(form, tmp_path, changed(valid[form], changes))


@pytest.mark.parametrize("form", list(READERS))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    data=st.binary(max_size=400),
    start=st.sampled_from([b"", b"DBN\x03", b"\x1f\x8b\x08\0", b"\x28\xb5\x2f\xfd", b"PAR1"]),
)
def test_any_file_is_read_or_refused(form: str, tmp_path: Path, data: bytes, start: bytes) -> None:
    read(form, tmp_path, start + data)


@pytest.mark.parametrize("field", range(8, 100, 4))
def test_lengths_of_dbn_metadata_are_no_reason_to_take_memory(
    field: int, valid: dict[str, bytes], tmp_path: Path
) -> None:
    data = valid["dbn"]
    for number in (2**31 - 1, 2**32 - 1):
        read("dbn", tmp_path, data[:field] + int(number).to_bytes(4, "little") + data[field + 4 :])


def test_a_line_of_any_depth_is_read_or_refused(tmp_path: Path) -> None:
    for depth in (10, 64, 65, 1_000_000):
        line = b"1723161255030314667 " + b"[" * depth + b"]" * depth
        assert read("binance-raw", tmp_path, line) is None


def test_the_bound_is_one_that_can_be_broken() -> None:
    with pytest.raises(AssertionError, match="bytes were taken"):
        measured(lambda: np.ones(BOUND + 1, np.uint8).sum())
