"""``python -m tradeplane_workloads.paper``: a trader as a pod runs it, until SIGTERM; with ``--close``, its closing.

Environment: ``TRADEPLANE_PAPER`` (JSON of the specification), ``TRADEPLANE_SESSIONS`` (a folder on a volume of its
own), ``TRADEPLANE_CREDENTIALS`` (the folder of the mounted Secret), and for ``--close`` ``TRADEPLANE_STORE_URL`` (the
namespace's store), ``TRADEPLANE_INDEX_URL`` (an index, if any) and ``TRADEPLANE_IMAGE`` (what traded, where known).
Exit codes are ``tradeplane_api.run.ExitCode``; the report is the termination message.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

from tradeplane_api.capture import INDEX_VARIABLE
from tradeplane_api.paper import (
    HEALTH_PORT,
    IMAGE_VARIABLE,
    PAPER_VARIABLE,
    SESSIONS_VARIABLE,
    Closing,
    PaperOutcome,
    PaperReport,
    PaperSpecification,
)
from tradeplane_api.probe import CREDENTIALS_VARIABLE
from tradeplane_api.run import STORE_VARIABLE, ExitCode
from tradeplane_store.errors import StoreError
from tradeplane_store.objects import open_store

from tradeplane_workloads.brokers.errors import BrokerError
from tradeplane_workloads.errors import InvalidSpecification, WorkloadError
from tradeplane_workloads.paper.reporting import failure
from tradeplane_workloads.paper.running import close, trade
from tradeplane_workloads.runner.logs import start_log
from tradeplane_workloads.runner.specification import read_specification
from tradeplane_workloads.runner.termination import write_termination

END_SECONDS = 8.0
"""How long a trader has to end: answers to what it sent are waited for meanwhile."""
_log = logging.getLogger(__name__)


def main(arguments: list[str]) -> int:
    """Trade or close what the environment says, and return the exit code."""
    gc.freeze()  # what was imported stays: to look through it again and again would hold orders up for milliseconds
    start_log("", "paper")
    asked = _parser().parse_args(arguments)
    try:
        specification = read_specification(PaperSpecification, PAPER_VARIABLE, os.environ)
        start_log(specification.trader, "paper")
        told = asyncio.run(_run(specification, asked))
    except StoreError as error:
        told = failure(ExitCode.STORE, str(error))
    except WorkloadError as error:
        told = failure(error.exit_code, str(error))
    except BrokerError as error:
        told = failure(ExitCode.INTERNAL, str(error))
    (_log.error if told.exit_code else _log.info)("%s: %s", told.outcome, told.message or "as asked")
    write_termination(told, os.environ)
    return told.exit_code


async def _run(specification: PaperSpecification, asked: argparse.Namespace) -> PaperReport:
    root, credentials = Path(_set(SESSIONS_VARIABLE)), Path(os.environ.get(CREDENTIALS_VARIABLE, "/nonexistent"))
    if asked.close is not None:
        store = open_store(_set(STORE_VARIABLE))
        index = os.environ.get(INDEX_VARIABLE) or None
        image = os.environ.get(IMAGE_VARIABLE) or None
        return await close(specification, root, credentials, Closing(asked.close), asked.within, store, index, image)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for one in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(one, stop.set)
    trading = asyncio.ensure_future(trade(specification, root, credentials, stop, (asked.host, asked.port)))
    return await _unless_stopped(trading, stop)


async def _unless_stopped(trading: asyncio.Future[PaperReport], stop: asyncio.Event) -> PaperReport:
    """Wait for a trader; one that still waits for its broker when it is told to end is not waited for long."""
    stopping = asyncio.ensure_future(stop.wait())
    either: set[asyncio.Future[Any]] = {trading, stopping}
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    await asyncio.wait({trading}, timeout=END_SECONDS)
    if trading.done():
        return trading.result()
    trading.cancel()
    await asyncio.wait({trading}, timeout=END_SECONDS)
    message = "it was told to end before it could trade; its log says what it waited for"
    return PaperReport(exit_code=ExitCode.OK, outcome=PaperOutcome.STOPPED, message=message)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tradeplane_workloads.paper", description=__doc__)
    parser.add_argument("--host", default="0.0.0.0", help="address that health is told at")  # noqa: S104 - a pod's own
    parser.add_argument("--port", type=int, default=HEALTH_PORT, help="port that health is told at; 0 takes a free one")
    parser.add_argument("--close", choices=[one.value for one in Closing], help="close the trader instead of trading")
    parser.add_argument("--within", type=float, default=120.0, help="seconds that closing may take")
    return parser


def _set(variable: str) -> str:
    value = os.environ.get(variable, "")
    if not value:
        raise InvalidSpecification(f"the environment variable {variable} is empty or not set; set it: docs/paper.md")
    return value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
