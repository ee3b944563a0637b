"""Liveness, readiness and metrics over HTTP.

Alive: the Lease was reached lately, the watches hear from the API server (which sends bookmarks where nothing changes),
and a leader's workers finish passes while there is work. Traffic counts for nothing: an idle operator is healthy, and
one that is stuck is not, however its ports answer. Ready: the replica serves, which one that only stands by for the
Lease does too.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tradeplane_operator.observing.keys import Key
    from tradeplane_operator.observing.watching import Watch
    from tradeplane_operator.running.leadership import Leadership
    from tradeplane_operator.running.loop import Loop
    from tradeplane_operator.running.queue import WorkQueue
    from tradeplane_operator.settings import Ports

log = logging.getLogger(__name__)
_LEASE_PATIENCE = 60.0
_LOOP_PATIENCE = 120.0
_WATCH_PATIENCE = 120.0
"""Beyond the silence after which a watch is opened anew."""
_OK, _UNAVAILABLE = 200, 503


@dataclass(slots=True)
class Health:
    """What the probes ask."""

    leadership: Leadership
    loop: Loop
    queue: WorkQueue[Key]
    watches: Sequence[Watch]

    def failing(self) -> str:
        """Return why this replica should be restarted, or nothing."""
        silent = self.leadership.clock() - self.leadership.contact
        if silent > _LEASE_PATIENCE:
            return f"the Lease was not reached for {silent:.0f} s"
        for watch in self.watches:
            silent = time.monotonic() - watch.heard
            if silent > watch.settings.inactivity_seconds + _WATCH_PATIENCE:
                return f"nothing was heard of {watch.collection.path} for {silent:.0f} s"
        stuck = time.monotonic() - self.loop.beat
        if self.leadership.leading and not self.queue.idle and stuck > _LOOP_PATIENCE:
            return f"no pass has ended for {stuck:.0f} s, though there is work"
        return ""

    async def live(self, _request: web.Request) -> web.Response:
        """Answer the liveness and readiness probes."""
        failing = self.failing()
        return web.Response(status=_UNAVAILABLE if failing else _OK, text=failing or "ok")


async def _metrics(_request: web.Request) -> web.Response:
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def serve(ports: Ports, health: Health) -> tuple[web.AppRunner, ...]:
    """Listen on the ports of the settings; return what is to be cleaned up in the end."""
    probes = {"/livez": health.live, "/readyz": health.live, "/healthz": health.live}
    listening = (
        await _listen(ports.address, ports.health, probes),
        await _listen(ports.address, ports.metrics, {"/metrics": _metrics}),
    )
    # A port that is 0 in the settings was chosen by the kernel just now.
    told = {name: runner.addresses[0][1] for name, runner in zip(("health", "metrics"), listening, strict=True)}
    log.info("listening", extra=told)
    return listening


async def _listen(address: str, port: int, routes: Mapping[str, object]) -> web.AppRunner:
    application = web.Application()
    for path, handler in routes.items():
        application.router.add_get(path, handler)  # type: ignore[arg-type]
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, address, port).start()
    return runner
