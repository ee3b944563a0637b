"""``python -m tradeplane_workloads.exchange``: a simulated exchange, as a pod runs it, until SIGTERM.

Environment: ``TRADEPLANE_EXCHANGE`` (JSON of the specification), ``TRADEPLANE_STORE_URL`` (the store of its snapshot,
where it plays one). Exit codes are ``tradeplane_api.run.ExitCode``.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_api.exchange import EXCHANGE_PORT
from tradeplane_api.run import STORE_VARIABLE, ExitCode
from tradeplane_store.errors import StoreError
from tradeplane_store.objects import open_store

from tradeplane_workloads.errors import StoreFailure, WorkloadError
from tradeplane_workloads.exchange.credentials import KeyDirectory
from tradeplane_workloads.exchange.serving import Address, Exchange, Where
from tradeplane_workloads.exchange.specification import specification_from

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_log = logging.getLogger(__name__)


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> ExitCode:
    """Serve one exchange and return the exit code."""
    given = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    try:
        asyncio.run(_serve(given, environ))
    except WorkloadError as error:
        _log.error("%s", error)
        return error.exit_code
    except Exception:
        _log.exception("the exchange failed by a fault of its own; please report it")
        return ExitCode.INTERNAL
    return ExitCode.OK


async def _serve(given: argparse.Namespace, environ: Mapping[str, str]) -> None:
    specification = specification_from(environ)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    url = environ.get(STORE_VARIABLE, "")
    try:
        store = open_store(url) if url and specification.snapshot is not None else None
        exchange = Exchange(specification, store, KeyDirectory(given.keys), time.time_ns, given.record)
    except StoreError as error:
        raise StoreFailure(str(error)) from error
    await exchange.serve(Where(given.host, given.port), _say, stop)


def _say(address: Address) -> None:
    _log.info("listening: %s (%s), %s and %s", address.wire, ", ".join(address.symbols), address.rest, address.streams)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tradeplane_workloads.exchange", description="A simulated exchange."
    )
    parser.add_argument("--host", default="0.0.0.0", help="address to listen on")  # noqa: S104 -- a pod's own network
    parser.add_argument("--port", type=int, default=EXCHANGE_PORT, help="port to listen on; 0 takes a free one")
    parser.add_argument("--keys", type=Path, default=None, help="directory of apiKey and apiSecret, or of such")
    parser.add_argument("--record", type=Path, default=None, help="file to record inputs in, and to go on from")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
