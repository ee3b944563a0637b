"""What every store promises, whatever it is made of."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from tradeplane_store.errors import AlreadyExists, InvalidPath, NotFound, TooLarge

if TYPE_CHECKING:
    from tradeplane_store.objects import ObjectStore


class StoreContract:
    """Tests of an ObjectStore; a subclass gives the fixture ``store``, empty."""

    @pytest.fixture
    def store(self) -> ObjectStore:
        raise NotImplementedError("each subclass gives the store whose promises it tests")

    def test_what_is_put_is_got(self, store: ObjectStore) -> None:
        store.put("a/b/c.json", b"one")
        assert store.get("a/b/c.json") == b"one"
        store.put("a/b/c.json", memoryview(b"another"))
        assert store.get("a/b/c.json") == b"another"

    def test_buffers_of_other_element_types_are_bytes(self, store: ObjectStore) -> None:
        store.put("signed", memoryview(array("b", [-1, 2])))
        assert store.get("signed") == b"\xff\x02"
        store.put("arrow", memoryview(pa.py_buffer(b"buffer")))
        assert store.get("arrow") == b"buffer"

    def test_an_empty_object_is_an_object(self, store: ObjectStore) -> None:
        store.put("empty", b"")
        assert store.get("empty") == b""
        assert store.exists("empty")

    def test_put_if_absent_leaves_what_is_there(self, store: ObjectStore) -> None:
        store.put_if_absent("a/m", b"first")
        with pytest.raises(AlreadyExists, match=r"a/m exists already"):
            store.put_if_absent("a/m", b"second")
        assert store.get("a/m") == b"first"

    def test_what_is_not_there_is_not_found(self, store: ObjectStore) -> None:
        store.put("a/b", b"")
        for name in ("x", "a", "a/x", "x/y/z"):
            assert not store.exists(name)
            with pytest.raises(NotFound, match=name):
                store.get(name)
            with pytest.raises(NotFound):
                store.delete(name)

    def test_a_deleted_object_is_gone(self, store: ObjectStore) -> None:
        store.put("a/b", b"1")
        store.delete("a/b")
        assert not store.exists("a/b")
        store.put_if_absent("a/b", b"2")

    def test_a_folder_is_removed_the_first_first_and_nothing_beside_it(self, store: ObjectStore) -> None:
        for name in ("s/a/manifest.json", "s/a/bars-0.arrow", "s/a/more/deep", "s/ab/manifest.json", "s/b"):
            store.put(name, b"")
        assert store.remove("s/a", first="s/a/manifest.json") == 3
        assert store.list() == ["s/ab/manifest.json", "s/b"]
        assert store.remove("s/a", first="s/a/manifest.json") == 0
        assert store.within("s").remove("ab", first="ab/manifest.json") == 1
        assert store.list() == ["s/b"]
        store.put("s/a/manifest.json", b"again")
        assert store.get("s/a/manifest.json") == b"again"

    def test_what_was_cut_short_is_completed(self, store: ObjectStore) -> None:
        for name in ("s/a/manifest.json", "s/a/bars-0.arrow", "s/a/zz"):
            store.put(name, b"")
        store.delete("s/a/manifest.json")
        assert store.remove("s/a", first="s/a/manifest.json") == 2
        assert store.list() == []

    @pytest.mark.parametrize("folder", ["", "/", "../s", "s/../..", ".s"])
    def test_no_folder_that_is_removed_leads_out_or_is_all(self, store: ObjectStore, folder: str) -> None:
        store.put("s/a", b"")
        with pytest.raises(InvalidPath):
            store.remove(folder, first="s/a")
        assert store.list() == ["s/a"]

    def test_reading_stops_at_the_limit(self, store: ObjectStore) -> None:
        store.put("a", b"12345")
        assert store.get("a", limit=5) == b"12345"
        with pytest.raises(TooLarge, match="4 "):
            store.get("a", limit=4)

    def test_listings_are_sorted_and_whole(self, store: ObjectStore) -> None:
        for name in ("results/b/m", "results/a/m", "results/a/l", "snapshots/s/m", "resultsx/y"):
            store.put(name, b"")
        assert store.list("results") == ["results/a/l", "results/a/m", "results/b/m"]
        assert store.list("results/") == store.list("results")
        assert store.list("results/a") == ["results/a/l", "results/a/m"]
        assert len(store.list()) == 5
        assert store.folders() == ["results", "resultsx", "snapshots"]
        assert store.folders("results") == ["a", "b"]
        assert store.list("nothing") == []
        assert store.folders("nothing") == []

    def test_a_folder_is_a_store_of_its_own(self, store: ObjectStore) -> None:
        team = store.within("team-a")
        team.put("results/r/m", b"1")
        assert store.get("team-a/results/r/m") == b"1"
        assert team.list() == ["results/r/m"]
        assert team.folders("results") == ["r"]
        assert store.within("team-b").list() == []
        assert team.url == f"{store.url.rstrip('/')}/team-a"
        deeper = team.within("results")
        assert deeper.get("r/m") == b"1"

    @pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "", ".x"])
    def test_no_name_leads_out(self, store: ObjectStore, name: str) -> None:
        inside = store.within("team-a")
        for attempt in (inside.get, inside.exists, inside.delete, inside.within):
            with pytest.raises(InvalidPath):
                attempt(name)
        with pytest.raises(InvalidPath):
            inside.put(name, b"")
        with pytest.raises(InvalidPath):
            inside.put_if_absent(name, b"")
