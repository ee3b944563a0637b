"""What a kubelet asks a trader: whether it lives, and whether it trades."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


@asynccontextmanager
async def answering(
    host: str, port: int, waits_for: Callable[[], str], promptness: Callable[[], dict[str, object]]
) -> AsyncIterator[int]:
    """Answer ``/healthz``, ``/readyz`` and ``/latency``; give the port.

    ``/readyz`` says what the trader waits for, nothing where it is ready; ``/latency`` how soon its orders left.
    """

    async def lives(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def ready(_: web.Request) -> web.Response:
        why = waits_for()
        return web.Response(text=f"{why}\n", status=503) if why else web.Response(text="trading\n")

    async def latency(_: web.Request) -> web.Response:
        return web.json_response(promptness())

    application = web.Application(client_max_size=1)
    application.add_routes([web.get("/healthz", lives), web.get("/readyz", ready), web.get("/latency", latency)])
    runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
