from __future__ import annotations

import gzip
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tradeplane_api.snapshot_manifest import InstrumentKind, Recording
from tradeplane_native import likely_rows
from tradeplane_store.objects import open_store
from tradeplane_workloads.errors import DataRefused, InvalidSpecification
from tradeplane_workloads.market.importing import import_recording
from tradeplane_workloads.market.importing.binance_raw import import_binance
from tradeplane_workloads.market.importing.tape_options import Flaw, TapeOptions
from tradeplane_workloads.market.instruments import TapeInstrument
from tradeplane_workloads.market.snapshots import read_tapes, write_tapes

from tests.unit.workloads.sample_recordings import LOCAL, WHOLE, depth, snapshot, trade, write
from tests.unit.workloads.sample_tapes import ASK, BID, CLEAR, GAP, LEVEL, SNAPSHOT, TRADE

if TYPE_CHECKING:
    from pathlib import Path


def test_a_whole_recording(tmp_path: Path) -> None:
    imported = import_recording("binance-raw", write(tmp_path / "r.gz", WHOLE))
    (tape,) = imported.tapes
    tick = lot = Decimal("0.1")
    assert tape.instrument == TapeInstrument("BTCUSDT", tick, lot, "USDT", InstrumentKind.LINEAR_FUTURE)
    assert tape.kind.tolist() == [CLEAR, SNAPSHOT, SNAPSHOT, SNAPSHOT, LEVEL, LEVEL, TRADE, LEVEL]
    assert tape.side.tolist() == [0, BID, BID, ASK, BID, ASK, ASK, BID]
    assert tape.price.tolist() == [0, 1000, 995, 1005, 1000, 1005, 1005, 1000]
    assert tape.quantity.tolist() == [0, 10, 20, 15, 0, 20, 5, 30]
    assert tape.sequence.tolist() == [1, 1, 1, 1, 2, 2, 3, 4]
    assert tape.recording == Recording(messages=4, min_latency_ns="5000000")
    assert (imported.source.name, imported.source.format, imported.others) == ("r.gz", "binance-raw", 0)


def test_plain_and_compressed_are_the_same_tape(tmp_path: Path) -> None:
    compressed = write(tmp_path / "r.gz", WHOLE)
    plain = tmp_path / "r.txt"
    plain.write_bytes(gzip.decompress(compressed.read_bytes()))
    one, other = (import_binance(path).tapes[0] for path in (compressed, plain))
    assert all(np.array_equal(*pair) for pair in zip(one.columns(), other.columns(), strict=True))
    store = open_store("memory:///")
    written = write_tapes(store, [one], [import_binance(compressed).source])
    assert [tape.instrument for tape in read_tapes(store, written.id)] == [one.instrument]


def test_more_rows_than_there_was_room_for(tmp_path: Path) -> None:
    levels = [(str(price), "1") for price in range(1, 401)]
    path = write(tmp_path / "r.gz", [snapshot(10, levels, []).replace(" ", ""), depth(11, 12, 10, [], [("500", "3")])])
    assert likely_rows(path.read_bytes()) < len(levels)
    (tape,) = import_binance(path).tapes
    assert tape.price.tolist() == [0, *range(1, 401), 500]
    assert tape.quantity.tolist() == [0, *[1] * 400, 3]


def test_units_are_found_or_given(tmp_path: Path) -> None:
    path = write(tmp_path / "r.gz", [trade(1, "100.50", "30"), trade(2, "101.25", "10")])
    (found,) = import_binance(path).tapes
    assert (found.instrument.tick, found.instrument.lot) == (Decimal("0.01"), Decimal(1))
    (given,) = import_binance(path, TapeOptions(tick=Decimal("0.25"), lot=Decimal(10))).tapes
    assert (given.price.tolist(), given.quantity.tolist()) == ([402, 405], [3, 1])
    (finer,) = import_binance(path, TapeOptions(tick=Decimal("0.0001"))).tapes
    assert finer.price.tolist() == [1_005_000, 1_012_500]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"tick": Decimal("0.5")},
            r"r.gz, line 2: the price 101.25 is no multiple of the tick 0.5; give that of BTCUSDT",
        ),
        ({"lot": Decimal(30)}, r"r.gz, line 2: the quantity 10 is no multiple of the lot 30; give that of BTCUSDT"),
        ({"tick": Decimal("1e-12"), "lot": Decimal("1e-12")}, None),
    ],
)
def test_what_is_off_the_tick_is_named(tmp_path: Path, options: dict[str, Any], words: str | None) -> None:
    path = write(tmp_path / "r.gz", [trade(1, "100.50", "30"), trade(2, "101.25", "10")])
    if words is None:
        assert import_binance(path, TapeOptions(**options)).tapes[0].price[0] == 100_500_000_000_000
        return
    with pytest.raises(DataRefused, match=words):
        import_binance(path, TapeOptions(**options))


def test_a_gap_is_not_off_the_tick(tmp_path: Path) -> None:
    path = write(tmp_path / "r.gz", [trade(1, "100"), trade(9, "200")])
    (tape,) = import_binance(path, TapeOptions(tick=Decimal(100), lot=Decimal("0.1"))).tapes
    assert tape.kind.tolist() == [TRADE, GAP, TRADE]
    assert (tape.price.tolist(), tape.quantity.tolist()) == ([1, 2, 2], [10, 7, 10])


def test_prices_too_large_for_a_tick_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "r.gz", [trade(1, "9000000")])
    with pytest.raises(DataRefused, match=r"a price of BTCUSDT does not fit into 62 bits with a tick of 0\.0{11}1"):
        import_binance(path, TapeOptions(tick=Decimal("1e-12")))


FLAWED = {
    Flaw.GAP: ([*WHOLE, depth(20, 21, 18, [], [("101", "1")])], None, 5),
    Flaw.CROSSED: ([*WHOLE, depth(15, 16, 14, [("101", "1")], [])], None, 5),
    Flaw.LOCKED: ([*WHOLE, depth(15, 16, 14, [("100.5", "1")], [])], None, 5),
    Flaw.DISORDER: (WHOLE, [LOCAL, LOCAL + 5, LOCAL + 4, LOCAL + 6], 3),
    Flaw.SKEW: (WHOLE, [LOCAL, LOCAL + 5, LOCAL + 6, LOCAL - 6_000_000][::-1], 1),
}
COUNTS = {
    Flaw.GAP: "gaps",
    Flaw.CROSSED: "crossed",
    Flaw.LOCKED: "locked",
    Flaw.DISORDER: "out_of_order",
    Flaw.SKEW: "ahead",
}


@pytest.mark.parametrize("flaw", list(FLAWED))
def test_what_is_wrong_is_recorded_or_refused(tmp_path: Path, flaw: Flaw) -> None:
    messages, times, line = FLAWED[flaw]
    path = write(tmp_path / "r.gz", messages, times)
    others = frozenset(FLAWED) - {flaw} - ({Flaw.DISORDER} if flaw is Flaw.SKEW else set())
    (tape,) = import_binance(path, TapeOptions(refuse=others)).tapes
    assert getattr(tape.recording, COUNTS[flaw]) == 1
    with pytest.raises(DataRefused, match=rf"r.gz, line {line}: .*; correct the recording, or do not refuse {flaw}"):
        import_binance(path, TapeOptions(refuse=frozenset({flaw})))
    assert not import_binance(write(tmp_path / "w.gz", WHOLE), TapeOptions(refuse=frozenset(Flaw))).others


def test_clock_skew_is_kept_and_measured(tmp_path: Path) -> None:
    path = write(tmp_path / "r.gz", WHOLE, [LOCAL - 1_300_000_000 + step for step in range(4)])
    (tape,) = import_binance(path).tapes
    assert tape.local_time[0] == LOCAL - 1_300_000_000
    assert (tape.recording.ahead, tape.recording.min_latency_ns) == (4, "-1295000000")


def test_a_recording_that_starts_blind_says_so(tmp_path: Path) -> None:
    (tape,) = import_binance(write(tmp_path / "r.gz", WHOLE[1:])).tapes
    assert tape.kind.tolist()[:2] == [GAP, LEVEL]
    assert (tape.recording.gaps, tape.recording.blind_rows) == (1, 3)
    with pytest.raises(DataRefused, match="line 1: messages before it were lost"):
        import_binance(write(tmp_path / "r.gz", WHOLE[1:]), TapeOptions(refuse=frozenset({Flaw.GAP})))


@pytest.mark.parametrize(
    ("symbol", "kind", "currency", "size"),
    [
        ("BTCUSDT", InstrumentKind.LINEAR_FUTURE, "USDT", 1),
        ("BTCUSDT_240927", InstrumentKind.LINEAR_FUTURE, "USDT", 1),
        ("ETHBTC", InstrumentKind.LINEAR_FUTURE, "BTC", 1),
        ("BTCUSD_PERP", InstrumentKind.INVERSE_FUTURE, "USD", 100),
        ("ETHUSD_PERP", InstrumentKind.INVERSE_FUTURE, "USD", 10),
    ],
)
def test_contracts_are_told_by_the_market(
    tmp_path: Path, symbol: str, kind: InstrumentKind, currency: str, size: int
) -> None:
    path = write(tmp_path / "r.gz", [trade(1, "5", symbol=symbol)])
    instrument = import_binance(path).tapes[0].instrument
    assert (instrument.kind, instrument.currency, instrument.contract_size) == (kind, currency, Decimal(size))
    options = TapeOptions(kind=InstrumentKind.SPOT, currency="XYZ", contract_size=Decimal(3))
    given = import_binance(path, options).tapes[0].instrument
    assert (given.kind, given.currency, given.contract_size) == (InstrumentKind.SPOT, "XYZ", Decimal(3))


def test_a_currency_nobody_knows_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(DataRefused, match="the symbol FOOXYZ does not end in a currency that is known; give"):
        import_binance(write(tmp_path / "r.gz", [trade(1, "5", symbol="FOOXYZ")]))


def test_several_instruments(tmp_path: Path) -> None:
    path = write(tmp_path / "r.gz", [trade(1, "5.5"), trade(1, "0.25", symbol="ETHUSDT"), "null"])
    imported = import_binance(path)
    assert [tape.instrument.tick for tape in imported.tapes] == [Decimal("0.1"), Decimal("0.01")]
    assert imported.others == 1
    with pytest.raises(DataRefused, match="has 2 instruments, and tick, lot and contract size are given for one"):
        import_binance(path, TapeOptions(tick=Decimal(1)))
    with pytest.raises(DataRefused, match="line 4: the snapshot of the book names no symbol"):
        import_binance(write(tmp_path / "s.gz", [*[trade(1, "5", symbol=s) for s in "AB"], "1", snapshot(1, [], [])]))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"hello world", "r, line 1: does not begin with a local time"),
        (f"{LOCAL} {{".encode(), "r, line 1: the message is not JSON"),
        (f"{LOCAL} null".encode(), "has no trade, quote or change of a book"),
        (f"{LOCAL} {trade(1, '1e5')}".encode(), 'r, line 1: the message has no "p" that can be used'),
        (
            gzip.compress(f"{LOCAL} null\n".encode() * 99, mtime=0)[:-9],
            "r, line .*cannot be expanded .*cut short or damaged",
        ),
        (b"\x1f\x8bnonsense", "r, line 1: what follows cannot be expanded"),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / "r").write_bytes(data)
    with pytest.raises(DataRefused, match=words):
        import_binance(tmp_path / "r")


def test_sizes_are_limited(tmp_path: Path) -> None:
    path = write(tmp_path / "r.gz", WHOLE)
    with pytest.raises(DataRefused, match="is larger than 10 bytes"):
        import_binance(path, TapeOptions(max_bytes=10))
    with pytest.raises(DataRefused, match=r"r.gz: it expands to more than 100 bytes; split it"):
        import_binance(path, TapeOptions(max_expanded_bytes=100))
    with pytest.raises(DataRefused, match="cannot be read"):
        import_binance(tmp_path / "absent.gz")


@pytest.mark.parametrize("tick", ["0", "-1", "NaN", "Infinity", "1e18", "1e-13", "1e7"])
def test_units_that_cannot_be_are_refused(tick: str) -> None:
    with pytest.raises(InvalidSpecification, match="a tick of"):
        TapeOptions(tick=Decimal(tick))


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InvalidSpecification, match="no recordings have the format pcap; give one of binance-raw, ticks, dbn"
    ):
        import_recording("pcap", tmp_path)
