"""A pointer to each bundle, left once; the number of the newest found without a list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_api.capture import SealedBundle
from tradeplane_store import layout
from tradeplane_store.errors import StoreFull
from tradeplane_store.objects import open_store
from tradeplane_workloads.capture.pointers import leave_pointer, newest_pointer
from tradeplane_workloads.capture.sealing import Sealing, seal
from tradeplane_workloads.errors import DataRefused, StoreFailure

from tests.unit.workloads.capture.samples import recording, specification, spooled

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_store.objects import ObjectStore

CAPTURE = "0123-uid"
LINES = recording(60)
PIECES = [LINES[:40], LINES[40:]]


def _sealing(store: ObjectStore) -> Sealing:
    return Sealing(specification(pointers=CAPTURE), store, lambda _: None)


def _bundle(number: int = 1, **facts: int) -> SealedBundle:
    return SealedBundle(number=number, snapshot="sha256:" + "1" * 64, **{"lines": 2, "bytes": 3, **facts})


def _pointer(store: ObjectStore, number: int) -> SealedBundle:
    return SealedBundle.model_validate_json(store.get(layout.capture_pointer(CAPTURE, number)))


def test_each_bundle_leaves_one_behind_its_snapshot(tmp_path: Path) -> None:
    store, folder = open_store("memory:///"), spooled(tmp_path, PIECES)
    bundles = [seal(folder, number, _sealing(store)) for number in (1, 2)]
    assert [_pointer(store, number) for number in (1, 2)] == bundles
    assert newest_pointer(store, CAPTURE) == 2


def test_a_capture_that_nobody_follows_leaves_none(tmp_path: Path) -> None:
    store = open_store("memory:///")
    seal(spooled(tmp_path, PIECES), 1, Sealing(specification(), store, lambda _: None))
    assert store.list("captures") == []


def test_a_segment_is_not_marked_before_its_pointer_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, folder = open_store("memory:///"), spooled(tmp_path, PIECES)
    put = type(store).put_if_absent

    def full(self: ObjectStore, name: str, data: bytes) -> None:
        if name.startswith("captures/"):
            raise StoreFull("no room")
        put(self, name, data)

    with monkeypatch.context() as patched:
        patched.setattr(type(store), "put_if_absent", full)
        with pytest.raises(StoreFailure, match="no room"):
            seal(folder, 1, _sealing(store))
    assert not folder.is_sealed(1)
    assert seal(folder, 1, _sealing(store)) == _pointer(store, 1)


def test_what_was_said_first_of_the_same_lines_holds(tmp_path: Path) -> None:
    store, folder = open_store("memory:///"), spooled(tmp_path, PIECES)
    size = folder.log(1).stat().st_size
    earlier = leave_pointer(store, CAPTURE, _bundle(lines=40, bytes=size))
    assert seal(folder, 1, _sealing(store)) == earlier == folder.sealed(1)


@pytest.mark.parametrize("other", [{"lines": 9}, {"bytes": 9}])
def test_a_bundle_of_other_lines_under_its_number_is_refused(other: dict[str, int]) -> None:
    store = open_store("memory:///")
    leave_pointer(store, CAPTURE, _bundle())
    with pytest.raises(DataRefused, match="two spools were sealed under one name; capture under another name"):
        leave_pointer(store, CAPTURE, _bundle(**other))
    assert _pointer(store, 1) == _bundle()


def test_what_is_no_pointer_is_refused() -> None:
    store = open_store("memory:///")
    store.put(layout.capture_pointer(CAPTURE, 1), b"{}")
    with pytest.raises(DataRefused, match=r"captures/0123-uid/1\.json is no pointer to a bundle"):
        leave_pointer(store, CAPTURE, _bundle())


@given(st.integers(0, 70))
def test_the_newest_is_found(count: int) -> None:
    store = open_store("memory:///").within(f"n{count}")
    for number in range(1, count + 1):
        store.put(layout.capture_pointer(CAPTURE, number), b"{}")
    assert newest_pointer(store, CAPTURE) == count
