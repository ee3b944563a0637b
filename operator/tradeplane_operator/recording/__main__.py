"""``python -m tradeplane_operator.recording``: record until a signal."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvloop
from tradeplane_evidence.configurations.payloads import Payloads
from tradeplane_evidence.errors import EvidenceError
from tradeplane_evidence.ledger.database import DATABASE_VARIABLE, check, connect, url_of
from tradeplane_evidence.ledger.errors import InvalidDatabase
from tradeplane_store.errors import InvalidStore
from tradeplane_store.objects import ObjectStore, open_store

from tradeplane_operator.acting.access import Access, NoCluster
from tradeplane_operator.acting.client import ApiClient
from tradeplane_operator.failures import first
from tradeplane_operator.logs import configure_logs
from tradeplane_operator.recording import alive
from tradeplane_operator.recording.audit_server import AuditServer, InvalidCertificate, tls
from tradeplane_operator.recording.heads import Heads, add_options
from tradeplane_operator.recording.judged_by import JudgedBy
from tradeplane_operator.recording.recorder import Recorder, RecorderBehind
from tradeplane_operator.settings import Client

if TYPE_CHECKING:
    import ssl
    from collections.abc import Coroutine

AUDIT_GRACE_SECONDS = 120.0
"""More than an API server goes on trying: 82 s by its defaults, with pauses that are up to a fifth longer."""
EXIT_ARGUMENTS, EXIT_CANNOT_START, EXIT_BEHIND = 2, 3, 4

log = logging.getLogger("tradeplane_operator.recording")


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tradeplane_operator.recording",
        description="Records what is applied, run and deleted in the audit ledger. Reaches the cluster by its service "
        "account, or by KUBECONFIG.",
        epilog="Exit codes: 0 ended by a signal, 2 arguments unusable, 3 cannot start or go on, 4 the ledger was away "
        "for too long (start again).",
    )
    parser.add_argument(
        "--database",
        type=Path,
        help=f"file that holds the URL of the ledger's database (default: the URL in {DATABASE_VARIABLE})",
    )
    parser.add_argument("--store", help="URL of the store for specifications of more than 64 KiB")
    parser.add_argument("--namespace", action="append", default=[], help="record this one alone; as often as needed")
    parser.add_argument(
        "--policies", action="store_true", help="record the cluster's admission policies of ours and their parameters"
    )
    parser.add_argument(
        "--settings",
        type=Path,
        help="the operator's settings: entered as it resolves them, with the keyrings that they name, when they change",
    )
    audit = parser.add_argument_group("the API server's audit log", "taken by HTTPS, from clients with a certificate")
    audit.add_argument(
        "--audit-port", type=_port, help="port at which it is taken, at /audit; the next three go with it"
    )
    audit.add_argument("--audit-certificate", type=Path, help="certificate of this server, and what leads to its root")
    audit.add_argument("--audit-key", type=Path, help="its key")
    audit.add_argument(
        "--audit-client-ca", type=Path, help="who signed the API server's client certificate, and signs for nobody else"
    )
    audit.add_argument(
        "--audit-grace",
        type=_seconds,
        default=AUDIT_GRACE_SECONDS,
        help="seconds within which it says who did what is seen, before that is entered as claimed (%(default)g)",
    )
    parser.add_argument("--health-port", type=_port, help="port that answers /healthz and /metrics, without TLS")
    add_options(parser)
    found = parser.parse_args(words)
    if (found.heads is None) is not (found.heads_signer is None):
        parser.error("--heads and --heads-signer go together")
    files = (found.audit_certificate, found.audit_key, found.audit_client_ca)
    if any((found.audit_port is None) is not (file is None) for file in files):
        parser.error("--audit-port, --audit-certificate, --audit-key and --audit-client-ca go together")
    return found


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number < 2**16:
        raise argparse.ArgumentTypeError(f"{text} is no port")
    return number


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 <= number <= 3_600:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 3600 seconds")
    return number


def main(words: list[str] | None = None) -> int:
    """Run the recorder; return the process's exit code."""
    arguments = _arguments(words)
    configure_logs("INFO")
    try:
        url = url_of(arguments.database)
        store = None if arguments.store is None else open_store(arguments.store)
        files = (arguments.audit_certificate, arguments.audit_key, arguments.audit_client_ca)
        context = None if arguments.audit_port is None else tls(*files)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_record(url, store, context, arguments))
    except (InvalidDatabase, InvalidStore, InvalidCertificate) as error:
        log.error("cannot start: %s", error)  # noqa: TRY400 - no trace
        return EXIT_ARGUMENTS
    except (EvidenceError, NoCluster, OSError) as error:
        log.error("cannot go on: %s", error)  # noqa: TRY400 - no trace
        return EXIT_CANNOT_START
    except RecorderBehind as error:
        log.error("ends, to begin with a list when it is started again: %s", error)  # noqa: TRY400 - no trace
        return EXIT_BEHIND
    return 0


async def _record(
    url: str, store: ObjectStore | None, context: ssl.SSLContext | None, arguments: argparse.Namespace
) -> None:
    engine, access = connect(url), Access()
    try:
        await asyncio.to_thread(check, engine)
        settings = Client()
        client = ApiClient(access, settings.request_seconds)
        grace = None if context is None else arguments.audit_grace
        payloads = Payloads(engine, store)
        recorder = Recorder(
            engine, payloads, client, settings, arguments.namespace, grace=grace, policies=arguments.policies
        )
        parts = [recorder.run()]
        if arguments.settings is not None:
            parts.append(JudgedBy(engine, payloads, arguments.settings).run())
        if arguments.heads is not None:
            parts.append(Heads(engine, arguments.heads, arguments.heads_signer, arguments.heads_every).run())
        if context is not None:
            parts.append(AuditServer(recorder.enter, context, arguments.audit_port).run())
        if arguments.health_port is not None:
            parts.append(alive.serve(arguments.health_port, recorder.failing))
        await _until_signal(parts)
    finally:
        await access.close()
        engine.dispose()


async def _until_signal(parts: list[Coroutine[Any, Any, None]]) -> None:
    """Run all parts until a signal, or until one of them fails; the first failure is raised."""
    work = asyncio.create_task(_together(parts))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, work.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        try:
            await work
        except ExceptionGroup as failures:
            told = failures.subgroup((EvidenceError, RecorderBehind, NoCluster, OSError))
            raise failures if told is None else first(told) from None


async def _together(parts: list[Coroutine[Any, Any, None]]) -> None:
    async with asyncio.TaskGroup() as group:
        for part in parts:
            group.create_task(part)


if __name__ == "__main__":
    sys.exit(main())
