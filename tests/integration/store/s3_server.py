"""A server that speaks S3 (moto's), and the environment that points any client at it."""

from __future__ import annotations

import contextlib
import http.client
import uuid
from typing import TYPE_CHECKING

from moto.server import ThreadedMotoServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest


class S3Server:
    """A server at an address, with one new bucket. It can be stopped and started again: the objects stay."""

    def __init__(self, address: str = "127.0.0.1", port: int = 0) -> None:
        self._address, self._port = address, port
        self.bucket = f"bucket-{uuid.uuid4().hex}"
        self.start()
        _create_bucket(self._address, self._port, self.bucket)

    def start(self) -> None:
        """Listen, where it listened before if it did."""
        self._server = ThreadedMotoServer(ip_address=self._address, port=self._port, verbose=False)
        self._server.start()
        _, self._port = self._server.get_host_and_port()

    def stop(self) -> None:
        """Refuse connections."""
        self._server.stop()

    @property
    def environment(self) -> dict[str, str]:
        """Variables that point any S3 client here."""
        return {
            "AWS_ENDPOINT_URL": f"http://{self._address}:{self._port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": "us-east-1",
        }


@contextlib.contextmanager
def s3_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Start a server on a free port of loopback, set the environment, and yield the name of its bucket."""
    server = S3Server()
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    try:
        yield server.bucket
    finally:
        server.stop()


def _create_bucket(host: str, port: int, name: str) -> None:
    """Make a bucket by a request nobody signed, which this server takes: our own client makes none."""
    connection = http.client.HTTPConnection(host, port, timeout=10)
    connection.request("PUT", f"/{name}")
    assert connection.getresponse().status == 200
    connection.close()
