"""The audit webhook over HTTP: answered well once it is entered, refused in words, and going on whatever was sent.

tests/integration/operator has it behind TLS, between an API server and a ledger.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest
from aiohttp import ClientSession, web
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from tradeplane_evidence.errors import DigestMismatch
from tradeplane_evidence.ledger.errors import LedgerRefused, LedgerUnavailable
from tradeplane_operator.recording import audit_server as module
from tradeplane_operator.recording.audit_entries import Entered
from tradeplane_operator.recording.audit_server import AuditServer, InvalidCertificate, tls
from tradeplane_stacks.local.certificates import CLUSTER, Certificates, Leaf
from tradeplane_store.errors import StoreError

from tests.unit.operator.sample_audit import event, listed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from tradeplane_operator.recording.audit_events import Deed

JSON = {"Content-Type": "application/json"}
LIST = listed(event(auditID="a"))


class Ledger:
    """What was entered, and what it raises instead while there is something to raise."""

    def __init__(self) -> None:
        self.raises: Exception | None = None
        self.entered: list[str] = []
        self.open = asyncio.Event()
        self.open.set()
        self.asked = asyncio.Event()

    async def enter(self, deeds: Sequence[Deed]) -> Entered:
        self.asked.set()
        await self.open.wait()
        if self.raises is not None:
            raise self.raises
        self.entered += [deed.actor.audit_id for deed in deeds]
        return Entered(deeds=deeds)


class Hook:
    """A webhook without TLS, and a client."""

    def __init__(self, ledger: Ledger, server: AuditServer, port: int, session: ClientSession) -> None:
        self.ledger, self.server, self.port, self._session = ledger, server, port, session

    async def post(self, body: Any = LIST, headers: Any = JSON, path: str = "/audit", method: str = "POST") -> Any:
        url = f"http://127.0.0.1:{self.port}{path}"
        async with self._session.request(method, url, data=body, headers=headers) as answer:
            return answer.status, await answer.text()

    async def raw(self, data: bytes) -> bytes:
        """Send bytes as they are, and return the first line of what is answered."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(data)
        line = await reader.readline()
        writer.close()
        await writer.wait_closed()
        return line

    async def works(self) -> None:
        """Check that it goes on."""
        before = len(self.ledger.entered)
        assert await self.post() == (200, "")
        assert len(self.ledger.entered) == before + 1


@asynccontextmanager
async def hooked() -> AsyncIterator[Hook]:
    ledger = Ledger()
    server = AuditServer(ledger.enter, cast("Any", None), 0)
    application = web.Application()
    application.router.add_post("/audit", server.take)
    runner = web.AppRunner(application, auto_decompress=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with ClientSession() as session:
            yield Hook(ledger, server, runner.addresses[0][1], session)
    finally:
        await runner.cleanup()


async def test_a_list_is_answered_once_it_is_entered() -> None:
    async with hooked() as hook:
        hook.ledger.open.clear()
        answer = asyncio.create_task(hook.post(listed(event(auditID="a"), event(auditID="b"))))
        await hook.ledger.asked.wait()
        assert not answer.done()
        assert hook.ledger.entered == []
        hook.ledger.open.set()
        assert await answer == (200, "")
        assert hook.ledger.entered == ["a", "b"]


@pytest.mark.parametrize("error", [LedgerUnavailable("it is away"), StoreError("it is away")])
async def test_a_ledger_that_is_away_has_it_come_again(error: Exception) -> None:
    async with hooked() as hook:
        hook.ledger.raises = error
        assert await hook.post() == (503, "the ledger is away")
        assert hook.server._failed.empty()
        hook.ledger.raises = None
        await hook.works()


@pytest.mark.parametrize("error", [LedgerRefused("it is no ledger"), DigestMismatch("it was forged")])
async def test_a_ledger_that_cannot_be_used_ends_it(error: Exception) -> None:
    async with hooked() as hook:
        hook.ledger.raises = error
        assert await hook.post() == (503, "the ledger cannot be used")
        assert hook.server._failed.get_nowait() is error


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "is not JSON"),
        (b"{", "do not match"),
        (b"[]", "is no object"),
        (b"[" * 1_000_000, "do not match"),
        (b"[" * 100_000 + b"]" * 100_000, "is no object"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "no EventList"),
        (b'"' + b'\\"' * 100_000, "no end"),
        (b'{"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": [1]}', "no list of events"),
        (b"\xff" * 100, "is not JSON"),
    ],
)
async def test_what_is_no_list_is_refused_in_words(body: bytes, words: str) -> None:
    async with hooked() as hook:
        status, said = await hook.post(body)
        assert status == 400
        assert words in said
        assert not hook.ledger.asked.is_set()
        await hook.works()


async def test_what_cannot_be_read_of_a_list_is_logged_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    refused = module.EVENTS.labels("refused")
    before = refused._value.get()
    async with hooked() as hook:
        assert await hook.post(listed(event(auditID="a"), event(auditID="odd", user={}))) == (200, "")
        assert hook.ledger.entered == ["a"]
    assert refused._value.get() == before + 1
    assert "not entered as authenticated: event 'odd': who did it: user" in caplog.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({**JSON, "Content-Encoding": "gzip"}, 415),
    ],
)
async def test_other_forms_are_refused(headers: Any, status: int) -> None:
    async with hooked() as hook:
        assert (await hook.post(headers=headers))[0] == status
        await hook.works()


async def test_other_paths_and_methods_are_refused() -> None:
    async with hooked() as hook:
        assert (await hook.post(path="/"))[0] == 404
        assert (await hook.post(None, path="/healthz", method="GET"))[0] == 404
        assert (await hook.post(None, method="GET"))[0] == 405
        assert hook.ledger.entered == []


def head(length: str, name: str = "Content-Length") -> bytes:
    lines = ("POST /audit HTTP/1.1", "Host: x", "Content-Type: application/json", f"{name}: {length}", "", "")
    return "\r\n".join(lines).encode()


async def test_a_list_has_to_say_how_long_it_is() -> None:
    async with hooked() as hook:
        assert b" 411 " in await hook.raw(head("chunked", "Transfer-Encoding") + b"1\r\n{\r\n0\r\n\r\n")
        await hook.works()


@pytest.mark.parametrize("length", [str(module.MAX_BODY_BYTES + 1), "1" + "0" * 18])
async def test_what_is_too_large_is_refused_before_it_is_read(length: str) -> None:
    async with hooked() as hook:
        assert b" 413 " in await hook.raw(head(length))
        await hook.works()


@pytest.mark.parametrize("length", ["-1", "x", "1, 2"])
async def test_a_length_that_is_none_is_refused(length: str) -> None:
    async with hooked() as hook:
        assert b" 400 " in await hook.raw(head(length))
        await hook.works()


async def test_a_list_of_the_largest_size_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BODY_BYTES", len(LIST))
    async with hooked() as hook:
        await hook.works()
        assert (await hook.post(LIST + b" "))[0] == 413


async def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BODY_SECONDS", 0.05)
    async with hooked() as hook:
        assert b" 408 " in await hook.raw(head("100") + b"{")
        await hook.works()


async def test_a_client_that_goes_away_is_forgotten(caplog: pytest.LogCaptureFixture) -> None:
    async with hooked() as hook:
        for _ in range(module.AT_ONCE + 1):
            _, writer = await asyncio.open_connection("127.0.0.1", hook.port)
            writer.write(head("100") + b"{")
            await writer.drain()
            writer.transport.abort()
        await hook.works()
    assert caplog.text == ""


async def test_no_more_are_held_than_have_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TURN_SECONDS", 0.05)
    async with hooked() as hook:
        hook.ledger.open.clear()
        answers = []
        for _ in range(module.AT_ONCE):
            hook.ledger.asked.clear()
            answers.append(asyncio.create_task(hook.post()))
            await hook.ledger.asked.wait()
        assert (await hook.post())[0] == 429
        hook.ledger.open.set()
        assert await asyncio.gather(*answers) == [(200, "")] * module.AT_ONCE
        await hook.works()


@pytest.mark.parametrize(
    ("certificate", "words"),
    [("missing.crt", r"--audit-certificate .* cannot be used: .*No such file"), ("no.crt", "--audit-certificate")],
)
def test_files_that_cannot_be_used_are_named(tmp_path: Path, certificate: str, words: str) -> None:
    (tmp_path / "no.crt").write_text("no certificate")
    with pytest.raises(InvalidCertificate, match=words):
        tls(tmp_path / certificate, tmp_path / "no.crt", tmp_path / "no.crt")


def test_clients_show_a_certificate_over_a_protocol_of_today(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    certificates.ensure([Leaf("recorder", CLUSTER, "recorder", server=True)], datetime.now(UTC))
    files = (certificates.certificate("recorder"), certificates.key("recorder"))
    context = tls(*files, certificates.certificate(CLUSTER))
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert len(context.get_ca_certs()) == 1  # and not whom the machine trusts
    with pytest.raises(InvalidCertificate, match="--audit-client-ca"):
        tls(*files, tmp_path / "missing.crt")
    with pytest.raises(InvalidCertificate, match="--audit-key"):
        tls(files[0], certificates.key(CLUSTER), certificates.certificate(CLUSTER))


def test_a_key_with_a_password_is_not_asked_for_it(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    data = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    certificates = Certificates(tmp_path)
    certificates.ensure([Leaf("recorder", CLUSTER, "recorder", server=True)], datetime.now(UTC))
    (tmp_path / "locked.key").write_bytes(data)
    with pytest.raises(InvalidCertificate, match="without a password"):
        tls(certificates.certificate("recorder"), tmp_path / "locked.key", certificates.certificate(CLUSTER))
