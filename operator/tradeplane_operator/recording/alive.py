"""Whether the recorder works, and what it counted, over HTTP: for a kubelet and for Prometheus."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, NoReturn

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)


async def serve(port: int, failing: Callable[[], str], address: str | None = None) -> NoReturn:
    """Answer /healthz and /metrics until cancelled; ``failing`` says what is wrong, or nothing.

    A ledger that is away is no reason to start a recorder again, which waits for it and ends by itself.
    """

    async def healthz(_request: web.Request) -> web.Response:
        wrong = failing()
        return web.Response(status=503 if wrong else 200, text=wrong or "ok")

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    application = web.Application()
    application.router.add_get("/healthz", healthz)
    application.router.add_get("/metrics", metrics)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, address, port).start()
        log.info("answers probes", extra={"port": runner.addresses[0][1]})
        await asyncio.get_running_loop().create_future()
        raise AssertionError("what nobody sets is never done")
    finally:
        await runner.cleanup()
