"""A server that speaks S3 (moto's) on a free port of loopback, and the environment that points any client at it."""

from __future__ import annotations

import contextlib
import http.client
import uuid
from typing import TYPE_CHECKING

from moto.server import ThreadedMotoServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest


@contextlib.contextmanager
def s3_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Start a server, set the environment as for any S3 client, and yield the name of a new bucket."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    bucket = f"bucket-{uuid.uuid4().hex}"
    _create_bucket(host, port, bucket)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    try:
        yield bucket
    finally:
        server.stop()


def _create_bucket(host: str, port: int, name: str) -> None:
    """Make a bucket by a request nobody signed, which this server takes: our own client makes none."""
    connection = http.client.HTTPConnection(host, port, timeout=10)
    connection.request("PUT", f"/{name}")
    assert connection.getresponse().status == 200
    connection.close()
