"""What holds for an index wherever it is kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from tradeplane_store.index import Entry, IndexFailure, Wanted, catalogue, open_index

STORE = "file:///data/store"


def entry(number: int, start: int = 0, end: int = 10, symbols: tuple[str, ...] = ("BTCUSDT",)) -> Entry:
    """Return a snapshot of instruments."""
    return Entry(
        store=STORE,
        id=f"sha256:{number:064x}",
        form="tapes",
        start_ns=start,
        end_ns=end,
        records=2**40,
        bytes=2**41,
        sealed_ns=1_700_000_000_000_000_001,
        instruments=tuple((symbol, "Spot") for symbol in symbols),
        previous=f"sha256:{number - 1:064x}" if number else None,
    )


class IndexContract:
    """Tests of one kind of index; a subclass has the fixture ``url``."""

    def test_a_snapshot_is_entered_once(self, url: str) -> None:
        with open_index(url) as index:
            assert index.enter(entry(1))
            assert not index.enter(entry(1))
            assert index.find(STORE, Wanted()) == [entry(1)]

    def test_an_index_stays_when_it_is_closed(self, url: str) -> None:
        with open_index(url) as index:
            index.enter(entry(1, symbols=("B", "A", "C")))
        with open_index(url) as index:
            assert index.find(STORE, Wanted("A")) == [entry(1, symbols=("B", "A", "C"))]

    def test_snapshots_are_found_by_instrument_and_time(self, url: str) -> None:
        entries = [entry(1, 0, 10), entry(2, 10, 20), entry(3, 5, 15, ("ETHUSDT",))]
        with open_index(url) as index:
            for each in entries:
                index.enter(each)
            assert index.find(STORE, Wanted()) == [entries[0], entries[2], entries[1]]
            assert index.find(STORE, Wanted("BTCUSDT")) == entries[:2]
            assert index.find(STORE, Wanted("BTCUSDT", from_ns=11)) == [entries[1]]
            assert index.find(STORE, Wanted("BTCUSDT", to_ns=10)) == [entries[0]]
            assert index.find(STORE, Wanted("BTC%")) == []
            assert index.find("file:///other", Wanted()) == []

    def test_a_store_is_replaced_and_others_are_left(self, url: str) -> None:
        other = replace(entry(1), store="s3://bucket")
        with open_index(url) as index:
            index.enter(entry(1))
            index.enter(other)
            assert index.replace(STORE, [entry(2), entry(3)]) == 2
            assert index.find(STORE, Wanted()) == [entry(2), entry(3)]
            assert index.find("s3://bucket", Wanted()) == [other]
            assert index.replace(STORE, []) == 0
            assert index.find(STORE, Wanted()) == []

    def test_a_replacement_that_fails_changes_nothing(self, url: str) -> None:
        def broken() -> object:
            yield entry(2)
            raise RuntimeError("the store went away")

        with open_index(url) as index:
            index.enter(entry(1))
            with pytest.raises(RuntimeError):
                index.replace(STORE, broken())  # type: ignore[arg-type]
            assert index.find(STORE, Wanted()) == [entry(1)]

    def test_more_than_can_be_shown_is_refused(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(catalogue, "MAX_FOUND", 2)
        with open_index(url) as index:
            index.replace(STORE, [entry(number) for number in range(3)])
            with pytest.raises(IndexFailure, match="more than 2 snapshots are found; name an instrument"):
                index.find(STORE, Wanted())
            assert len(index.find(STORE, Wanted(to_ns=0))) == 0

    def test_several_open_and_enter_at_once(self, url: str) -> None:
        def one(number: int) -> bool:
            with open_index(url) as index:
                return index.enter(entry(number // 2))

        with ThreadPoolExecutor(6) as threads:
            entered = list(threads.map(one, range(12)))
        assert sum(entered) == 6
        with open_index(url) as index:
            assert len(index.find(STORE, Wanted())) == 6
