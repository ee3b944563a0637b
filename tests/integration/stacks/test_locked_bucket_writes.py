"""What the store's client sends to S3 is what a bucket of SnapshotStore takes."""

import threading
from collections.abc import Iterator
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from tradeplane_stacks.components.snapshot_store import CHECKSUM
from tradeplane_store.objects import open_store

Sent = dict[str, Message]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sent]:
    """Yield the headers of each object that was put, by its path."""
    seen: Sent = {}

    class Bucket(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            seen[self.path] = self.headers
            self.send_response(200)
            self.send_header("ETag", '"1"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Bucket) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        for name, value in (("ALLOW_HTTP", "true"), ("ACCESS_KEY_ID", "a"), ("SECRET_ACCESS_KEY", "b")):
            monkeypatch.setenv(f"AWS_{name}", value)
        monkeypatch.setenv("AWS_REGION", "eu-west-1")
        monkeypatch.setenv("AWS_CHECKSUM_ALGORITHM", CHECKSUM)
        yield seen
        server.shutdown()
        thread.join()


def test_what_is_put_has_a_checksum_and_what_vouches_asks_to_be_the_first(sent: Sent) -> None:
    store = open_store("s3://bucket").within("trading")
    store.put("results/run/events.arrow", b"events")
    store.put_if_absent("results/run/manifest.json", b"{}")
    part, manifest = (sent[f"/bucket/trading/results/run/{name}"] for name in ("events.arrow", "manifest.json"))
    assert part["x-amz-checksum-sha256"]
    assert manifest["x-amz-checksum-sha256"]
    assert part["If-None-Match"] is None
    assert manifest["If-None-Match"] == "*"


def test_without_the_variable_there_is_no_checksum(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_CHECKSUM_ALGORITHM")
    open_store("s3://bucket").put("results/run/events.arrow", b"events")
    headers = sent["/bucket/results/run/events.arrow"]
    assert not [name for name in headers if name.lower().startswith(("x-amz-checksum", "content-md5"))]
