"""A server that speaks S3 (moto's), and the environment that points any client at it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import uuid
from typing import TYPE_CHECKING

from moto.server import ThreadedMotoServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest


_SOMEBODY = "AWS4-HMAC-SHA256 Credential=testing/20260101/us-east-1/s3/aws4_request, Signature=0"


class S3Server:
    """A server at an address, with one new bucket. It can be stopped and started again: the objects stay."""

    def __init__(self, address: str = "127.0.0.1", port: int = 0) -> None:
        self._address, self._port = address, port
        self.bucket = f"bucket-{uuid.uuid4().hex}"
        self.start()
        _request(self._address, self._port, "PUT", f"/{self.bucket}")

    def start(self) -> None:
        """Listen, where it listened before if it did."""
        self._server = ThreadedMotoServer(ip_address=self._address, port=self._port, verbose=False)
        self._server.start()
        _, self._port = self._server.get_host_and_port()

    def stop(self) -> None:
        """Refuse connections."""
        self._server.stop()

    def locked_bucket(self) -> str:
        """Make a bucket that keeps versions, and holds those whose writer asked for that; return its name."""
        name = f"locked-{uuid.uuid4().hex}"
        _request(self._address, self._port, "PUT", f"/{name}", {"x-amz-bucket-object-lock-enabled": "true"})
        return name

    def hold(self, bucket: str, name: str, **lock: str) -> None:
        """Write an object anew that is held as the headers ``x-amz-object-lock-...`` say."""
        headers = {f"x-amz-object-lock-{key.replace('_', '-')}": value for key, value in lock.items()}
        headers["Content-MD5"] = base64.b64encode(hashlib.md5(b"held", usedforsecurity=False).digest()).decode()
        _request(self._address, self._port, "PUT", f"/{bucket}/{name}", headers, b"held")

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
def s3_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """Start a server on a free port of loopback, set the environment, and yield it."""
    server = S3Server()
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def s3_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Start a server on a free port of loopback, set the environment, and yield the name of its bucket."""
    with s3_server(monkeypatch) as server:
        yield server.bucket


def _request(
    host: str, port: int, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b""
) -> None:
    """Ask for something by a request nobody signed, which this server takes: ours makes no buckets or locks."""
    connection = http.client.HTTPConnection(host, port, timeout=10)
    connection.request(method, path, body, {"Authorization": _SOMEBODY} | (headers or {}))
    assert connection.getresponse().status == 200
    connection.close()
