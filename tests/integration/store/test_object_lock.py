"""Removing a folder from a bucket under Object Lock (moto's), and from a server that lets nothing be deleted."""

from __future__ import annotations

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from tradeplane_store.errors import DeletionRefused
from tradeplane_store.objects import ObjectStore, open_store
from tradeplane_store.remote import Limits

from tests.integration.store.s3_server import S3Server, s3_server

if TYPE_CHECKING:
    from collections.abc import Iterator

MANIFEST, PART = "s/manifest.json", "s/bars-0.arrow"
LATER, LONG_AGO = "9001-01-01T00:00:00Z", "2001-01-01T00:00:00Z"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    with s3_server(monkeypatch) as started:
        yield started


@pytest.fixture
def bucket(server: S3Server) -> str:
    return server.locked_bucket()


def _store(bucket: str) -> ObjectStore:
    store = open_store(f"s3://{bucket}/tenants", limits=Limits(retries=0)).within("team-a")
    store.put(MANIFEST, b"{}")
    store.put(PART, b"bars")
    return store


@pytest.mark.parametrize("name", [MANIFEST, PART])
@pytest.mark.parametrize("lock", [{"mode": "COMPLIANCE", "retain_until_date": LATER}, {"legal_hold": "ON"}])
def test_nothing_goes_where_one_object_is_held(server: S3Server, bucket: str, name: str, lock: dict[str, str]) -> None:
    store = _store(bucket)
    server.hold(bucket, f"tenants/team-a/{name}", **lock)
    with pytest.raises(DeletionRefused, match=f"{name} is kept by the store: (Object Lock|a legal hold)") as refused:
        store.remove("s", first=MANIFEST)
    assert "Signature" not in str(refused.value)
    assert store.list() == [PART, MANIFEST], "not even hidden, as S3 would by a delete that names no version"


def test_what_is_no_longer_held_goes(server: S3Server, bucket: str) -> None:
    store = _store(bucket)
    server.hold(bucket, f"tenants/team-a/{PART}", mode="GOVERNANCE", retain_until_date=LONG_AGO)
    assert store.remove("s", first=MANIFEST) == 2
    assert store.list() == []


class _KeepsAll(BaseHTTPRequestHandler):
    """A stand-in for a bucket whose policy denies deletes: it has two objects and answers as S3 does then."""

    asked: list[str]

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        self.send_header("Content-Length", "2")
        self.end_headers()

    def do_GET(self) -> None:
        keys = "".join(
            f"<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><Size>2</Size>"
            f"<ETag>e</ETag></Contents>"
            for key in (PART, MANIFEST)
        )
        self._answer(200, f"<ListBucketResult><IsTruncated>false</IsTruncated>{keys}</ListBucketResult>")

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
        keys = re.findall("<Key>(.*?)</Key>", asked)
        self.asked += keys
        denied = "<Code>AccessDenied</Code><Message>Access Denied</Message>"
        errors = "".join(f"<Error><Key>{key}</Key>{denied}</Error>" for key in keys)
        self._answer(200, f"<DeleteResult>{errors}</DeleteResult>")

    def _answer(self, status: int, body: str) -> None:
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name http.server gives it
        """Say nothing."""


@pytest.fixture
def keeps_all(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    asked: list[str] = []
    handler = type("Handler", (_KeepsAll,), {"asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    variables = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    yield asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_store_that_denies_deletes_is_asked_once_and_for_the_manifest(keeps_all: list[str]) -> None:
    store = open_store("s3://bucket", limits=Limits(retries=0))
    with pytest.raises(DeletionRefused, match=r"does not let s3://bucket/s/manifest\.json be deleted"):
        store.remove("s", first=MANIFEST)
    assert keeps_all == [MANIFEST]
