"""What an API server's audit log says, taken over HTTPS: the webhook that ``kube-apiserver`` posts its events to.

Who posts can say of anybody that they did anything, so that it has to show a certificate of an authority that signs for
nobody else. It is answered well only once what it told stands in the ledger: everything else it tries again, five times
in all, and a second delivery enters nothing twice. A list that is none is refused whole; an event that cannot be read
is counted, logged and left to the watch, for what one client sent must not keep out what others did.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from aiohttp import web
from prometheus_client import Counter
from tradeplane_evidence.errors import EvidenceError, Malformed
from tradeplane_evidence.ledger.errors import LedgerUnavailable
from tradeplane_store.errors import StoreError

from tradeplane_operator.recording.audit_events import told

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from pathlib import Path

    from tradeplane_operator.recording.audit_entries import Entered
    from tradeplane_operator.recording.audit_events import Deed

log = logging.getLogger(__name__)
MAX_BODY_BYTES = 16 * 1024 * 1024
"""More than eight events of 2 MB, each with what was asked and what was answered."""
BODY_SECONDS = 10.0
"""Within which a body has to arrive."""
AT_ONCE = 2
"""Bodies that are held at a time."""
TURN_SECONDS = 15.0
"""Within which one that waits gets its turn; an API server gives up after 30."""
PATH = "/audit"
_LOGGED = 20
"""Events that could not be read are told by name, so many of a list."""
EVENTS = Counter(
    "tradeplane_recorder_audit_events_total", "Events of the audit log that were told, by what they said.", ["said"]
)
LISTS = Counter("tradeplane_recorder_audit_lists_total", "Lists of events of the audit log, by the answer.", ["status"])


class InvalidCertificate(ValueError):
    """Files of the audit webhook's TLS that cannot be used; the message says which."""


def tls(certificate: Path, key: Path, client_authority: Path) -> ssl.SSLContext:
    """Return a server's TLS that lets in clients of one authority alone. Raises InvalidCertificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ValueError) as error:
        raise InvalidCertificate(
            f"--audit-certificate {certificate} and --audit-key {key} cannot be used: {error}; name a certificate in "
            "PEM and its own key, without a password"
        ) from error
    try:
        context.load_verify_locations(cafile=client_authority)
    except (OSError, ValueError) as error:
        raise InvalidCertificate(
            f"--audit-client-ca {client_authority} cannot be used: {error}; name a certificate in PEM"
        ) from error
    return context


def _no_password() -> NoReturn:
    raise ValueError("the key has a password")


@dataclass(slots=True)
class AuditServer:
    """Takes lists of events at a port, and gives what they say to ``enter``."""

    enter: Callable[[Sequence[Deed]], Awaitable[Entered]]
    context: ssl.SSLContext
    port: int
    address: str | None = None
    """None: all of the machine's."""
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _failed: asyncio.Queue[EvidenceError] = field(default_factory=asyncio.Queue)

    async def run(self) -> NoReturn:
        """Serve until cancelled. Raises what the ledger raises other than being away, OSError for a port in use."""
        application = web.Application()
        application.router.add_post(PATH, self.take)
        # What is compressed would be larger than what was counted.
        runner = web.AppRunner(application, access_log=None, auto_decompress=False)
        await runner.setup()
        try:
            await web.TCPSite(runner, self.address, self.port, ssl_context=self.context).start()
            log.info("takes the audit log", extra={"port": runner.addresses[0][1]})
            raise await self._failed.get()
        finally:
            await runner.cleanup()

    async def take(self, request: web.Request) -> web.Response:
        """Answer a list of events, once what it says stands in the ledger."""
        try:
            status, words = await self._taken(request)
        except EvidenceError as error:
            log.error("the audit log cannot be entered: %s", error)  # noqa: TRY400 - no trace
            self._failed.put_nowait(error)
            status, words = 503, "the ledger cannot be used"
        LISTS.labels(str(status)).inc()
        answer = web.Response(status=status, text=words)
        if status != 200:
            answer.force_close()  # what was not read of it is not waited for
        return answer

    async def _taken(self, request: web.Request) -> tuple[int, str]:
        length = request.content_length
        if request.content_type != "application/json" or "Content-Encoding" in request.headers:
            return 415, "an EventList is told as application/json, not compressed"
        if length is None:
            return 411, "Content-Length is missing"
        if length > MAX_BODY_BYTES:
            log.error("a list of %d bytes was refused; set --audit-webhook-batch-max-size", length)
            return 413, f"{length:,} bytes are more than {MAX_BODY_BYTES:,}; set --audit-webhook-batch-max-size"
        async with self._turn() as turn:
            if not turn:
                return 429, "others are on their way into the ledger"
            try:
                async with asyncio.timeout(BODY_SECONDS):
                    body = await request.content.readexactly(length) if length else b""
            except TimeoutError:
                return 408, f"the list did not arrive within {BODY_SECONDS:g} s"
            except (asyncio.IncompleteReadError, ConnectionError):
                return 400, "the list is shorter than its Content-Length"
            return await self._entered(body)

    async def _entered(self, body: bytes) -> tuple[int, str]:
        try:
            found = await asyncio.to_thread(told, body)
        except Malformed as error:
            log.error("a list was refused: %s", error)  # noqa: TRY400 - no trace
            return 400, str(error)
        del body
        try:
            entered = await self.enter(found.deeds)
        except (LedgerUnavailable, StoreError) as error:
            log.warning("the ledger is away, and the audit log is asked to come again: %s", error)
            return 503, "the ledger is away"
        for words in found.refused[:_LOGGED]:
            log.error("not entered as authenticated: %s", words)
        counts = {
            "entered": len(entered.events),
            "known": entered.known,
            "refused": len(found.refused),
            "nothing": found.passed,
        }
        for said, count in counts.items():
            EVENTS.labels(said).inc(count)
        return 200, ""

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[bool]:
        """Wait for a turn, and have it for as long as it is entered; False where it took too long."""
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await self._turns.acquire()
        except TimeoutError:
            yield False
            return
        try:
            yield True
        finally:
            self._turns.release()
