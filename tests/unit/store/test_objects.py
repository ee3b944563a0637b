"""What holds for every kind of store; tests/integration/store runs the same against S3."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from tradeplane_store import objects
from tradeplane_store.errors import AlreadyExists, InvalidStore, StoreUnavailable
from tradeplane_store.objects import ObjectStore, open_store

from tests.unit.store.contract import StoreContract

if TYPE_CHECKING:
    from pathlib import Path


class TestDisk(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> ObjectStore:
        return open_store(tmp_path.as_uri())


class TestMemory(StoreContract):
    @pytest.fixture
    def store(self) -> ObjectStore:
        return open_store("memory:///")


def test_of_many_writers_of_one_name_exactly_one_is_first(tmp_path: Path) -> None:
    store = open_store(tmp_path.as_uri())

    def write(number: int) -> bool:
        try:
            store.put_if_absent("results/r/manifest.json", str(number).encode())
        except AlreadyExists:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        wins = list(threads.map(write, range(32)))
    assert wins.count(True) == 1
    assert store.get("results/r/manifest.json") == str(wins.index(True)).encode()


async def test_coroutines_wait_together(tmp_path: Path) -> None:
    store = open_store(tmp_path.as_uri())
    await asyncio.gather(*(store.aput(f"a/{number}", b"x" * number) for number in range(20)))
    assert await store.alist("a") == sorted(f"a/{number}" for number in range(20))
    assert await store.aget("a/7") == b"x" * 7
    assert await store.afolders() == ["a"]
    await store.adelete("a/7")
    assert not await store.aexists("a/7")
    with pytest.raises(AlreadyExists):
        await store.aput_if_absent("a/8", b"")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "must begin with one of file, s3"),
        ("/var/lib/store", "must begin with one of"),
        ("http://example.com/x", "must begin with one of"),
        ("ftp://example.com/x", "must begin with one of"),
        ("s3://key:secret@bucket/x", "not in the URL"),
        ("s3://bucket/x?endpoint=http://elsewhere", "not in the URL"),
        ("file://host/folder", "write file:///folder"),
        ("file:relative", "write file:///folder"),
        ("file:///a/../../etc", "write file:///folder"),
    ],
)
def test_a_url_that_is_no_store_is_refused(url: str, words: str) -> None:
    with pytest.raises(InvalidStore, match=words):
        open_store(url)


def test_a_secret_in_a_url_is_not_repeated_in_the_error() -> None:
    with pytest.raises(InvalidStore) as raised:
        open_store("s3://key:hunter2@bucket/x")
    assert "hunter2" not in str(raised.value)


def test_a_missing_folder_is_no_empty_store(tmp_path: Path) -> None:
    store = open_store((tmp_path / "unmounted").as_uri())
    for attempt in (lambda: store.list(), lambda: store.exists("a"), lambda: store.put("a", b"")):
        with pytest.raises(StoreUnavailable, match="mount the volume"):
            attempt()
    open_store((tmp_path / "unmounted").as_uri(), create=True).put("a", b"1")
    assert store.get("a") == b"1"


def test_a_listing_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(tmp_path.as_uri())
    for number in range(4):
        store.put(f"a/{number}", b"")
    monkeypatch.setattr(objects, "MAX_LISTED", 4)
    assert len(store.list("a")) == 4
    monkeypatch.setattr(objects, "MAX_LISTED", 3)
    with pytest.raises(StoreUnavailable, match="more than 3 objects"):
        store.list("a")
