from __future__ import annotations

from datetime import time
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_store.canonical import sha256_digest
from tradeplane_workloads.errors import DataRefused, InvalidSpecification
from tradeplane_workloads.market.importing import ImportOptions, import_arch, import_file
from tradeplane_workloads.market.importing.tape_options import TapeOptions
from tradeplane_workloads.market.timestamps import rfc3339

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_workloads.market.series import BarSeries

HEADER = "Date,Open,High,Low,Close,Volume\n"
GOOD = "2020-01-02,10,12,9,11,100\n"


def read(folder: Path, text: str | bytes, name: str = "spy.csv", **options: Any) -> tuple[BarSeries, ...]:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return import_file(path, ImportOptions(**options)).series


def only(folder: Path, text: str | bytes, **options: Any) -> dict[str, list[int]]:
    (one,) = read(folder, text, **options)
    return dict(one.table.to_pydict())


def test_a_plain_file(tmp_path: Path) -> None:
    text = HEADER + "2020-01-02,10.5,12,9.25,11,100\n2020-01-03,11,11,11,11,0\n"
    (one,) = read(tmp_path, text)
    assert (one.instrument.symbol, one.instrument.price_exponent, one.instrument.quantity_exponent) == ("SPY", -2, 0)
    assert one.table.to_pydict() == {
        "time_ns": [1577998800_000_000_000, 1578085200_000_000_000],
        "open": [1050, 1100],
        "high": [1200, 1100],
        "low": [925, 1100],
        "close": [1100, 1100],
        "volume": [100, 0],
    }
    source = import_file(tmp_path / "spy.csv").source
    assert (source.name, source.format, source.digest) == ("spy.csv", "csv", sha256_digest(text.encode()))


@pytest.mark.parametrize(
    "text",
    [
        HEADER.replace("\n", "\r\n") + GOOD.replace("\n", "\r\n"),
        HEADER + GOOD + "\n\n",
        (HEADER + GOOD).rstrip(),
        "\ufeff" + HEADER + GOOD,
        HEADER + '"2020-01-02","10","12","9","11","100"\n',
        HEADER + " 2020-01-02 , 10 ,+12.00,9.,11.0,1e2\n",
        "volume,extra,CLOSE,low,High, open ,Date\n100,x,11,9,12,10,2020-01-02\n",
        "TIMESTAMP,Open,High,Low,Close,Volume\n" + GOOD,
    ],
)
def test_spellings_of_the_same_bar(tmp_path: Path, text: str) -> None:
    assert only(tmp_path, text) == only(tmp_path, HEADER + GOOD, name="other.csv")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "spy.csv is empty"),
        ("\n\n", "spy.csv is empty"),
        (HEADER, "spy.csv has a header and no rows"),
        ("Date,Open,High,Low,Close\n2020-01-02,1,1,1,1\n", 'no column "volume" .it has: Date, Open, High, Low, Close'),
        ("Open,High,Low,Close,Volume\n1,1,1,1,1\n", 'no column "time"'),
        ("Date,Time,Open,High,Low,Close,Volume\n2020-01-02,1,1,1,1,1,1\n", "more than one column for time: Date, Time"),
        ("Date,Open,Open,High,Low,Close,Volume\n2020-01-02,1,1,1,1,1,1\n", 'line 1: the column "Open" is there twice'),
        (HEADER + GOOD + "2020-01-03,1,2\n", "line 3: has 3 fields where the header has 6"),
        (HEADER + GOOD + "2020-01-03,1,1,1,1,1,1\n", "line 3: has 7 fields where the header has 6"),
        (HEADER + GOOD + "\n" + GOOD, "line 3"),
        (HEADER + '"2020-01-02\n",1,1,1,1,1\n', "a quoted field holds a line break"),
        (HEADER.encode() + b"2020-01-02,1,1,1,1,\xff\n", "line 2: not UTF-8 text; save the file as UTF-8"),
        (HEADER + "2020-01-02,1,1,1,1,\0\n", "line 2: holds a NUL byte"),
        (HEADER + GOOD + "yesterday,1,1,1,1,1\n", 'line 3, column "Date": "yesterday" is no time of the form of the f'),
        (HEADER + "2/1/2020,1,1,1,1,1\n", 'line 2, column "Date": "2/1/2020" is no time; .*or give the time format'),
        (HEADER + GOOD + "2020-02-30,1,1,1,1,1\n", 'line 3, column "Date": "2020-02-30" is no time that can be used'),
        (HEADER + GOOD + "2020-01-03T10:00:00Z,1,1,1,1,1\n", 'line 3, column "Date": .*of the form of the first'),
        (HEADER + "1500-01-01,1,1,1,1,1\n", 'line 2, column "Date": "1500-01-01".*give dates from 1678 to 2261'),
        (HEADER + ",1,1,1,1,1\n", 'line 2, column "Date": "" is no time'),
        (HEADER + GOOD + GOOD, 'line 3, column "Date": has the time of the bar before it; keep one bar'),
        (HEADER + GOOD + "2020-01-01,1,1,1,1,1\n", 'line 3, column "Date": is earlier than the bar before it; sort'),
        (HEADER + "2020-01-02,1,1,1,NaN,1\n", 'line 2, column "Close": "NaN" is no price or volume'),
        (HEADER + "2020-01-02,1,inf,1,1,1\n", 'line 2, column "High": "inf" is no price or volume'),
        (HEADER + GOOD + "2020-01-03,1,1,1,,1\n", 'line 3, column "Close": "" is no price or volume; fill the value'),
        (HEADER + "2020-01-02,1,1,1,1,n/a\n", 'line 2, column "Volume": "n/a" is no price or volume'),
        (HEADER + "2020-01-02,$1,1,1,1,1\n", 'line 2, column "Open": ".1" is not a decimal number; write it in digits'),
        (HEADER + "2020-01-02,0x1,1,1,1,1\n", 'line 2, column "Open": "0x1" is not a decimal number'),
        (HEADER + "2020-01-02,1,1,-1,1,1\n", 'line 2, column "Low": is not above zero'),
        (HEADER + "2020-01-02,1,1,0.00,1,1\n", 'line 2, column "Low": is not above zero'),
        (HEADER + "2020-01-02,1,1,2,1,1\n", 'line 2, column "High": is below the low'),
        (HEADER + "2020-01-02,3,2,1,1,1\n", 'line 2, column "Open": is outside the range from low to high'),
        (HEADER + "2020-01-02,1,2,1,3,1\n", 'line 2, column "Close": is outside the range from low to high'),
        (HEADER + "2020-01-02,1,1,1,1,-5\n", 'line 2, column "Volume": is negative'),
        (
            HEADER + "2020-01-02,1.0000000000001,2,1,1,1\n",
            'column "Open": .*13 decimal places.*give the price exponent',
        ),
        (HEADER + "2020-01-02,1,1,1,1,9999999999999999999\n", 'column "Volume": .*does not fit into 62 bits'),
        (HEADER + "2020-01-02,1e99,1,1,1,1\n", 'line 2, column "Open": "1e99" is not a decimal number'),
    ],
)
def test_bad_input_is_named_with_its_line_and_the_remedy(tmp_path: Path, text: str | bytes, words: str) -> None:
    with pytest.raises(DataRefused, match=words) as raised:
        read(tmp_path, text)
    assert str(raised.value).startswith("spy.csv")
    assert ";" in str(raised.value)


def test_a_file_too_large_or_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataRefused, match="larger than 20 bytes; split it"):
        read(tmp_path, HEADER + GOOD, max_bytes=20)
    with pytest.raises(DataRefused, match="cannot be read: No such file"):
        import_file(tmp_path / "none.csv")
    with pytest.raises(DataRefused, match=r"spy.txt is none of .csv, .parquet, .dbn, .dbn.zst; convert it"):
        read(tmp_path, HEADER, name="spy.txt")


def test_a_file_whose_name_is_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataRefused, match=r"'.udcff.csv' is no name in UTF-8, .*; rename it"):
        read(tmp_path, HEADER + GOOD, name="\udcff.csv", symbol="X")


@pytest.mark.parametrize(
    ("written", "options", "instant"),
    [
        ("2020-07-01", {}, "2020-07-01T21:00:00Z"),
        ("2020-07-01", {"daily_close": time(16), "time_zone": "America/New_York"}, "2020-07-01T20:00:00Z"),
        ("2020-01-02", {"daily_close": time(16), "time_zone": "America/New_York"}, "2020-01-02T21:00:00Z"),
        ("2020-07-01 09:31", {"time_zone": "America/New_York"}, "2020-07-01T13:31:00Z"),
        ("2020-07-01T09:31:05.000000001", {}, "2020-07-01T09:31:05.000000001Z"),
        ("2020-07-01T09:31:05+02:00", {}, "2020-07-01T07:31:05Z"),
        ("2020-07-01 09:31Z", {"time_zone": "America/New_York"}, "2020-07-01T09:31:00Z"),
        ("7/1/2020", {"time_format": "%m/%d/%Y"}, "2020-07-01T21:00:00Z"),
        ("20200701 093105", {"time_format": "%Y%m%d %H%M%S"}, "2020-07-01T09:31:05Z"),
        ("01.07.2020 09:31 +0200", {"time_format": "%d.%m.%Y %H:%M %z"}, "2020-07-01T07:31:00Z"),
        ("1593595865", {"time_format": "epoch-s"}, "2020-07-01T09:31:05Z"),
        ("1593595865001", {"time_format": "epoch-ms"}, "2020-07-01T09:31:05.001Z"),
        ("1593595865000000001", {"time_format": "epoch-ns"}, "2020-07-01T09:31:05.000000001Z"),
    ],
)
def test_times(tmp_path: Path, written: str, options: dict[str, Any], instant: str) -> None:
    assert rfc3339(only(tmp_path, f"{HEADER}{written},1,1,1,1,1\n", **options)["time_ns"][0]) == instant


@pytest.mark.parametrize(
    ("written", "options", "words"),
    [
        ("2020-03-08 02:30", {"time_zone": "America/New_York"}, "does not exist, or exists twice, in the zone America"),
        ("2020-11-01 01:30", {"time_zone": "America/New_York"}, "does not exist, or exists twice"),
        ("20200230", {"time_format": "%Y%m%d"}, '"20200230" is not of the form %Y%m%d'),
        ("9999999999999", {"time_format": "epoch-s"}, "check the unit of the time format"),
        ("12.5", {"time_format": "epoch-s"}, "write whole numbers"),
    ],
)
def test_times_that_cannot_be(tmp_path: Path, written: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(DataRefused, match=rf'spy.csv, line 2, column "Date": .*{words}'):
        read(tmp_path, f"{HEADER}{written},1,1,1,1,1\n", **options)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "Europe/Zürich", "../../etc/passwd"])
@pytest.mark.parametrize("written", ["2020-11-01 01:30", "2020-07-01 09:31Z", "2020-07-01"])
def test_a_time_zone_that_there_is_not_is_refused_also_where_no_time_is_in_it(
    tmp_path: Path, written: str, zone: str
) -> None:
    with pytest.raises(InvalidSpecification, match=rf"there is no time zone '{zone}'; give its IANA name"):
        read(tmp_path, f"{HEADER}{written},1,1,1,1,1\n", time_zone=zone)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"columns": {"weight": "x"}}, "no column is named 'weight'; the names are time, open"),
        ({"price_exponent": -13}, "price exponent -13 is out of range"),
        ({"quantity_exponent": 7}, "quantity exponent 7 is out of range"),
        ({"delimiter": ""}, "cannot separate fields"),
        ({"delimiter": '"'}, "cannot separate fields"),
        ({"delimiter": "§"}, "'§' cannot separate fields; give one ASCII character, such as ';'"),
        ({"time_format": "%b %d"}, "depend on a locale"),
        ({"time_format": "nonsense"}, "give one of epoch-s"),
        ({"symbol": ""}, "'' is no symbol; give 1 to 64 printable characters"),
        ({"symbol": "A\nB"}, r"'A\\nB' is no symbol; give 1 to 64 printable"),
        ({"symbol": "x" * 65}, f"'{'x' * 64}' is no symbol"),
        ({"currency": "dollars"}, "'dollars' is no currency; give its code, such as USD"),
        ({"currency": ""}, "'' is no currency"),
    ],
)
def test_options_that_cannot_be(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidSpecification, match=words):
        ImportOptions(**options)


@pytest.mark.parametrize(
    ("options", "words"), [({"symbol": " "}, "is no symbol"), ({"currency": "US$"}, "no currency")]
)
def test_neither_can_those_of_recordings(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidSpecification, match=words):
        TapeOptions(**options)


def test_a_file_whose_name_is_no_symbol_asks_for_one(tmp_path: Path) -> None:
    name = f"{'x' * 65}.csv"
    with pytest.raises(
        DataRefused, match=rf"{name} names no symbol, and '{'X' * 64}' is none; give its symbol, 1 to 64"
    ):
        read(tmp_path, HEADER + GOOD, name=name)
    (one,) = read(tmp_path, HEADER + GOOD, name=name, symbol="X 65")
    assert one.instrument.symbol == "X 65"


def test_columns_named_by_an_option(tmp_path: Path) -> None:
    text = "When;Open;High;Low;Last;Close;Volume\n2020-01-02;10;12;9;11;99;100\n"
    bar = only(tmp_path, text, delimiter=";", columns={"time": "when", "close": "LAST"})
    assert bar["close"] == [11]
    with pytest.raises(DataRefused, match='no column "Settle"'):
        read(tmp_path, text, delimiter=";", columns={"time": "When", "close": "Settle"})


def test_several_instruments_by_symbol(tmp_path: Path) -> None:
    text = "date,symbol,open,high,low,close,volume\n" + "".join(
        f"2020-01-0{day},{symbol},{price},{price},{price},{price},1\n"
        for day, symbol, price in [(2, "B", "2"), (1, "A", "1.5"), (1, "C", "3"), (3, "A", "1")]
    )
    found = read(tmp_path, text)
    assert [one.instrument.symbol for one in found] == ["A", "B", "C"]
    assert {one.instrument.price_exponent for one in found} == {-1}
    assert found[0].table.column("close").to_pylist() == [15, 10]
    with pytest.raises(DataRefused, match='line 6, column "date": has the time of the bar before it'):
        read(tmp_path, text + "2020-01-03,A,1,1,1,1,1\n")
    with pytest.raises(DataRefused, match=r'line 6, column "symbol": .* is no symbol'):
        read(tmp_path, text + "2020-01-04,,1,1,1,1,1\n")


def test_a_price_exponent_given_rounds_half_to_even(tmp_path: Path) -> None:
    text = HEADER + "2020-01-02,1.005,1.015,1.005,1.015,7\n"
    assert only(tmp_path, text, price_exponent=-2)["open"] == [100]
    assert only(tmp_path, text, price_exponent=-2)["high"] == [102]
    assert only(tmp_path, text, price_exponent=-5)["open"] == [100500]
    assert only(tmp_path, HEADER + "2020-01-02,250,350,250,350,1250\n", price_exponent=2, quantity_exponent=2) == {
        "time_ns": [1577998800_000_000_000],
        "open": [2],
        "high": [4],
        "low": [2],
        "close": [4],
        "volume": [12],
    }


_PRICE = st.integers(1, 10**9).flatmap(
    lambda units: st.integers(0, 9).map(lambda places: Decimal(f"{units}e-{places}"))
)


@given(st.lists(_PRICE, min_size=1, max_size=5))
def test_decimals_are_taken_exactly(tmp_path_factory: pytest.TempPathFactory, prices: list[Decimal]) -> None:
    folder = tmp_path_factory.mktemp("exact")
    lines = [f"2020-01-{day:02},{p:f},{p:f},{p:f},{p:f},1\n" for day, p in enumerate(prices, start=1)]
    (one,) = read(folder, HEADER + "".join(lines))
    exponent = one.instrument.price_exponent
    ticks = one.table.column("close").to_pylist()
    assert [Decimal(tick).scaleb(exponent) for tick in ticks] == prices
    assert exponent == 0 or any(tick % 10 for tick in ticks), "no finer than needed"


@given(
    st.lists(st.integers(1, 10**6), min_size=4, max_size=4).map(sorted),
    st.integers(1, 10**6),
)
def test_adjusting_is_exact_and_keeps_the_bar_in_order(
    tmp_path_factory: pytest.TempPathFactory, ticks: list[int], adjusted: int
) -> None:
    low, first, second, high = (Decimal(tick).scaleb(-2) for tick in ticks)
    folder = tmp_path_factory.mktemp("adjusted")
    text = "Date,Open,High,Low,Close,Adj Close,Volume\n"
    text += f"2020-01-02,{first},{high},{low},{second},{Decimal(adjusted).scaleb(-2)},5\n"
    if round(Fraction(ticks[0] * adjusted, ticks[2]) * 100) == 0:
        with pytest.raises(DataRefused, match="is not above zero"):
            read(folder, text)
        return
    (one,) = read(folder, text)
    bar = {name: values[0] for name, values in one.table.to_pydict().items()}
    unit = Fraction(10) ** -(one.instrument.price_exponent + 2)
    for name, tick in (("open", ticks[1]), ("high", ticks[3]), ("low", ticks[0]), ("close", ticks[2])):
        assert bar[name] == round(Fraction(tick * adjusted, ticks[2]) * unit), name
    assert bar["close"] == adjusted * unit
    assert bar["low"] <= bar["open"] <= bar["high"]
    assert bar["volume"] == 5


def test_adjusting_rounds_half_to_even(tmp_path: Path) -> None:
    text = "Date,Open,High,Low,Close,Adj Close,Volume\n2020-01-02,0.0005,2,0.0003,2,1,100\n"
    bar = only(tmp_path, text)
    assert (bar["open"], bar["low"]) == ([2], [2]), "2.5 and 1.5 ticks"


def test_adjusting_can_be_left_out(tmp_path: Path) -> None:
    text = "Date,Open,High,Low,Close,Adj Close,Volume\n2020-01-02,10,12,9,11,5.5,100\n"
    assert only(tmp_path, text)["close"] == [55_000]
    assert only(tmp_path, text, adjust=False)["close"] == [11]
    with pytest.raises(DataRefused, match='line 2, column "Adj Close": is not above zero'):
        read(tmp_path, text.replace("5.5", "0"))


def test_the_data_sets_of_arch_are_exact() -> None:
    (one,) = import_arch("sp500").series
    assert one.instrument.symbol == "SP500"
    assert one.table.num_rows == 5031
    assert Decimal(one.table.column("close")[0].as_py()).scaleb(one.instrument.price_exponent) == Decimal("1228.099976")
    assert rfc3339(one.table.column("time_ns")[0].as_py()) == "1999-01-04T21:00:00Z"
    with pytest.raises(InvalidSpecification, match="choose from sp500, nasdaq"):
        import_arch("vix")


def test_arch_that_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradeplane_workloads.market.importing.arch_bars.find_spec", lambda _: None)
    with pytest.raises(InvalidSpecification, match="pip install arch"):
        import_arch("sp500")
