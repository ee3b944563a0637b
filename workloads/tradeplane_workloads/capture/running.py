"""A capture from its specification to its end: the spool claimed, signals heard, the agent run."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

from tradeplane_store.errors import StoreError
from tradeplane_store.objects import open_store

from tradeplane_workloads.capture.agent import Agent
from tradeplane_workloads.capture.folder import SpoolFolder
from tradeplane_workloads.capture.pointers import newest_pointer
from tradeplane_workloads.errors import StoreFailure

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tradeplane_api.capture import CaptureSpecification, SealedBundle

    from tradeplane_workloads.capture.agent import Progress

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""What ends a capture: what is there is sealed first."""


def capture(
    specification: CaptureSpecification,
    spool: Path,
    places: tuple[str, str | None],
    watch: Callable[[Progress, SealedBundle | None], None],
    seconds: float | None = None,
) -> Progress:
    """Capture until a signal comes, or for so many seconds. ``places``: URLs of the store, and of the index if any.

    Raises WorkloadError; whatever was acknowledged by then is on the disk, and the next run goes on with it.
    """
    folder = SpoolFolder(spool)
    folder.claim(specification)
    first = 1 if folder.segments() else _first_number(specification, places[0])

    async def run() -> Progress:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for one in SIGNALS:
            loop.add_signal_handler(one, stop.set)
        if seconds is not None:
            loop.call_later(seconds, stop.set)
        return await Agent(specification, folder, places, watch, first).run(stop)

    return asyncio.run(run())


def _first_number(specification: CaptureSpecification, store_url: str) -> int:
    """Return the number of the first segment of an empty spool: after those whose volume was lost, if any was."""
    if specification.pointers is None:
        return 1
    try:
        return newest_pointer(open_store(store_url), specification.pointers) + 1
    except StoreError as error:
        raise StoreFailure(str(error)) from error
