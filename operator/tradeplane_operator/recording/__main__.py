"""``python -m tradeplane_operator.recording``: record until a signal."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
from pathlib import Path

import uvloop
from tradeplane_evidence.configurations.payloads import Payloads
from tradeplane_evidence.errors import EvidenceError
from tradeplane_evidence.ledger.database import DATABASE_VARIABLE, check, connect, url_of
from tradeplane_evidence.ledger.errors import InvalidDatabase
from tradeplane_store.errors import InvalidStore
from tradeplane_store.objects import ObjectStore, open_store

from tradeplane_operator.acting.access import Access, NoCluster
from tradeplane_operator.acting.client import ApiClient
from tradeplane_operator.logs import configure_logs
from tradeplane_operator.recording.recorder import Recorder, RecorderBehind
from tradeplane_operator.settings import Client

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
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    """Run the recorder; return the process's exit code."""
    arguments = _arguments(words)
    configure_logs("INFO")
    try:
        url = url_of(arguments.database)
        store = None if arguments.store is None else open_store(arguments.store)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_record(url, store, arguments.namespace))
    except (InvalidDatabase, InvalidStore) as error:
        log.error("cannot start: %s", error)  # noqa: TRY400 - no trace
        return EXIT_ARGUMENTS
    except (EvidenceError, NoCluster) as error:
        log.error("cannot go on: %s", error)  # noqa: TRY400 - no trace
        return EXIT_CANNOT_START
    except RecorderBehind as error:
        log.error("ends, to begin with a list when it is started again: %s", error)  # noqa: TRY400 - no trace
        return EXIT_BEHIND
    return 0


async def _record(url: str, store: ObjectStore | None, namespaces: list[str]) -> None:
    engine, access = connect(url), Access()
    try:
        await asyncio.to_thread(check, engine)
        settings = Client()
        client = ApiClient(access, settings.request_seconds)
        recorder = Recorder(engine, Payloads(engine, store), client, settings, namespaces)
        await _until_signal(recorder)
    finally:
        await access.close()
        engine.dispose()


async def _until_signal(recorder: Recorder) -> None:
    """Record until a signal, or until something fails; the first failure is raised."""
    work = asyncio.create_task(recorder.run())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, work.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        try:
            await work
        except ExceptionGroup as failures:
            told = failures.subgroup((EvidenceError, RecorderBehind, NoCluster))
            raise failures if told is None else told.exceptions[0] from None


if __name__ == "__main__":
    sys.exit(main())
