"""Settings and errors of stores behind a network, as far as they show without one."""

from __future__ import annotations

import socket
import threading
import time
from email.message import Message
from typing import TYPE_CHECKING

import pytest
from obstore.exceptions import GenericError, PermissionDeniedError, UnauthenticatedError
from tradeplane_store.errors import DeletionRefused, InvalidStore, StoreError, StoreFull, StoreUnavailable
from tradeplane_store.objects import open_store
from tradeplane_store.remote import Limits, _headers, _lock, _translated

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Hold a port of loopback that is bound, so nobody else takes it, and does not listen, so it refuses."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, closed_port: int) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{closed_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    monkeypatch.setenv("AWS_REGION", "us-east-1")


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("value", [None, "", "false", "0"])
def test_plain_http_is_refused_unless_asked_for(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    if value is None:
        monkeypatch.delenv("AWS_ALLOW_HTTP", raising=False)
    else:
        monkeypatch.setenv("AWS_ALLOW_HTTP", value)
    with pytest.raises(InvalidStore, match="AWS_ALLOW_HTTP=true"):
        open_store("s3://bucket/prefix")


@pytest.mark.usefixtures("environment")
def test_a_store_that_is_not_there_is_given_up_within_its_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    store = open_store("s3://bucket/prefix", limits=Limits(connect_seconds=1, retries=2, retry_seconds=5))
    started = time.monotonic()
    attempts = (
        lambda: store.get("a"),
        lambda: store.put("a", b""),
        lambda: store.put_if_absent("a", b""),
        lambda: store.exists("a"),
        lambda: store.list(),
        lambda: store.delete("a"),
        lambda: store.remove("a", first="a/b"),
    )
    for attempt in attempts:
        with pytest.raises(StoreUnavailable, match="check the endpoint, the network and the bucket") as raised:
            attempt()
        assert "hunter2" not in str(raised.value)
        assert "\n" not in str(raised.value)
    assert time.monotonic() - started < 120  # the client's own limits are of minutes for each


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (GenericError("Server returned 507 Insufficient Storage"), StoreFull, "free space"),
        (GenericError("<Code>XMinioStorageFull</Code>"), StoreFull, "free space"),
        (GenericError("<Code>QuotaExceeded</Code>"), StoreFull, "free space"),
        (PermissionDeniedError("403 QuotaExceeded"), StoreFull, "free space"),
        (PermissionDeniedError("403 AccessDenied"), StoreUnavailable, "check the credentials"),
        (UnauthenticatedError("401"), StoreUnavailable, "check the credentials"),
        (GenericError("timed out"), StoreUnavailable, "check the endpoint"),
        (GenericError("PUT http://169.254.169.254/latest/api/token"), StoreUnavailable, "that there are credentials"),
    ],
)
def test_what_a_server_says_decides_the_error(error: Exception, kind: type[StoreError], words: str) -> None:
    translated = _translated("write", "s3://bucket/a", error)
    assert type(translated) is kind
    assert words in str(translated)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (PermissionDeniedError("<Code>AccessDenied</Code>"), DeletionRefused),
        (GenericError("400 <Code>InvalidRequest</Code> the object is WORM protected"), DeletionRefused),
        (GenericError("403 retentionPolicyNotMet"), DeletionRefused),
        (GenericError("409 BlobImmutableDueToPolicy"), DeletionRefused),
        (PermissionDeniedError("<Code>SignatureDoesNotMatch</Code>"), StoreUnavailable),
        (PermissionDeniedError("<Code>InvalidAccessKeyId</Code>"), StoreUnavailable),
        (UnauthenticatedError("401"), StoreUnavailable),
        (GenericError("timed out"), StoreUnavailable),
    ],
)
def test_what_is_kept_is_told_from_what_may_be_deleted_later(error: Exception, kind: type[StoreError]) -> None:
    assert type(_translated("delete", "s3://bucket/a", error)) is kind
    assert type(_translated("read", "s3://bucket/a", error)) is StoreUnavailable


@pytest.mark.parametrize(
    ("headers", "held"),
    [
        ({}, ""),
        ({"mode": "GOVERNANCE", "retain-until-date": "2001-01-01T00:00:00Z"}, ""),
        ({"mode": "COMPLIANCE"}, ""),
        ({"legal-hold": "OFF"}, ""),
        ({"legal-hold": "ON"}, "a legal hold"),
        (
            {"mode": "COMPLIANCE", "retain-until-date": "9001-01-01T00:00:00Z"},
            "Object Lock (COMPLIANCE) until 9001-01-01T00:00:00Z",
        ),
        ({"mode": "GOVERNANCE", "retain-until-date": "soon"}, "Object Lock (GOVERNANCE) until soon"),
    ],
)
def test_a_lock_is_read_from_the_headers(headers: dict[str, str], held: str) -> None:
    message = Message()
    for name, value in headers.items():
        message[f"X-Amz-Object-Lock-{name}"] = value
    assert _lock(message) == held


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (b"nonsense\r\n\r\n", OSError, "no answer that is HTTP"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", FileNotFoundError, "HTTP 404"),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", OSError, "HTTP 403 Forbidden"),
        (b"", OSError, "no answer that is HTTP|reset by peer"),
    ],
)
def test_an_answer_without_headers_is_an_error_that_names_no_address(
    answer: bytes, error: type[Exception], words: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def respond() -> None:
            with server.accept()[0] as connection:
                connection.recv(65_536)
                connection.sendall(answer)

        thread = threading.Thread(target=respond)
        thread.start()
        with pytest.raises(error, match=words) as raised:
            _headers(f"http://127.0.0.1:{server.getsockname()[1]}/a?X-Amz-Signature=hunter2", 5)
        thread.join()
    assert "hunter2" not in str(raised.value)


def test_signatures_in_addresses_are_cut_out() -> None:
    error = GenericError("Error performing GET https://host/a?sig=hunter2&se=1 in 2s\n\nDebug source: hunter2")
    assert "hunter2" not in str(_translated("read", "az://c/a", error))
