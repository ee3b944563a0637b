"""The contract of a store against a server that speaks S3 (moto's, on a free port of loopback)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tradeplane_store.errors import StoreUnavailable
from tradeplane_store.objects import ObjectStore, open_store
from tradeplane_store.remote import Limits

from tests.integration.store.s3_server import s3_environment
from tests.unit.store.contract import StoreContract

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with s3_environment(monkeypatch) as name:
        yield name


class TestS3(StoreContract):
    @pytest.fixture
    def store(self, bucket: str) -> ObjectStore:
        return open_store(f"s3://{bucket}/a/prefix", limits=Limits(retries=1, retry_seconds=5))


def test_the_prefix_of_the_url_is_where_objects_lie(bucket: str) -> None:
    open_store(f"s3://{bucket}/tenants").within("team-a").put("results/r/manifest.json", b"{}")
    assert open_store(f"s3://{bucket}").list() == ["tenants/team-a/results/r/manifest.json"]


def test_a_part_larger_than_one_chunk_of_an_upload_arrives_whole(bucket: str) -> None:
    store = open_store(f"s3://{bucket}")
    data = bytes(range(256)) * (12 * 1024 * 4)
    store.put("large", memoryview(data))
    assert store.get("large", limit=len(data)) == data


def test_a_missing_bucket_is_no_missing_object(bucket: str) -> None:
    store = open_store(f"s3://no-such-{bucket}", limits=Limits(retries=0))
    for attempt in (lambda: store.put("a", b""), lambda: store.get("a"), lambda: store.list()):
        with pytest.raises(StoreUnavailable, match="there is no such bucket; create it, or correct the URL"):
            attempt()


async def test_coroutines(bucket: str) -> None:
    store = open_store(f"s3://{bucket}")
    await store.aput_if_absent("a/b", b"1")
    assert await store.aget("a/b") == b"1"
    assert await store.alist() == ["a/b"]
