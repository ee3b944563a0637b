"""All that kopf calls: what its watches tell of all kinds but Strategies is passed on. Nothing is decided here.

Strategies and Jobs, which change with each run, are watched in ``observing.watching``, where it is said why; so are the
other children, because kopf cannot have the API server select them by a label.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp
import kopf

from tradeplane_operator.acting.access import find_credentials, open_session
from tradeplane_operator.observing.keys import PLURALS, Kind
from tradeplane_operator.planning.names import GROUP, VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import SimpleNamespace

    from tradeplane_operator.observing.feeding import Feed
    from tradeplane_operator.observing.relisting import Relisting
    from tradeplane_operator.settings import Settings


def register(registry: kopf.OperatorRegistry, feed: Feed, relisting: Relisting) -> None:
    """Have kopf tell what changes about all kinds but Strategies."""

    @kopf.on.event(GROUP, VERSION, PLURALS[Kind.SNAPSHOT], registry=registry)
    async def on_snapshot(event: Mapping[str, Any], **_: Any) -> None:
        feed.snapshot(event["type"], event["object"])

    @kopf.on.event(GROUP, VERSION, PLURALS[Kind.BROKER_CONNECTION], registry=registry)
    async def on_connection(event: Mapping[str, Any], **_: Any) -> None:
        feed.connection(event["type"], event["object"])

    @kopf.on.event(GROUP, VERSION, PLURALS[Kind.REPLAY], registry=registry)
    async def on_replay(event: Mapping[str, Any], **_: Any) -> None:
        feed.replay(event["type"], event["object"])

    @kopf.on.event(GROUP, VERSION, PLURALS[Kind.SNAPSHOT_CAPTURE], registry=registry)
    async def on_capture(event: Mapping[str, Any], **_: Any) -> None:
        feed.capture(event["type"], event["object"])

    @kopf.on.event(GROUP, VERSION, PLURALS[Kind.APPROVAL], registry=registry)
    async def on_approval(event: Mapping[str, Any], **_: Any) -> None:
        feed.approval(event["type"], event["object"])

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.AiohttpSession:
        info = find_credentials()
        session = open_session(info, [_listing_trace(relisting)], authenticated=True)
        return kopf.AiohttpSession(server=info.server, aiohttp_session=session)


def _listing_trace(relisting: Relisting) -> aiohttp.TraceConfig:
    """Return a trace that notices when kopf has listed a kind: a GET of a collection that is not a watch."""
    trace = aiohttp.TraceConfig()

    async def ended(
        _session: aiohttp.ClientSession, _context: SimpleNamespace, params: aiohttp.TraceRequestEndParams
    ) -> None:
        if params.method.upper() == "GET" and "watch" not in params.url.query:
            relisting.listed(params.url.name)

    trace.on_request_end.append(ended)
    return trace


class _NoProgress(kopf.ProgressStorage):
    """Keeps no progress: the handlers here have none."""

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        return None

    def purge(self, **_: Any) -> None:
        return None

    def touch(self, **_: Any) -> None:
        return None

    def clear(self, *, essence: Any) -> Any:
        return essence


class _NoDiffBase(kopf.DiffBaseStorage):
    """Keeps no copy of objects to compare with, which kopf would make at every event."""

    def build(self, **_: Any) -> Any:
        return {}

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        return None


def kopf_settings(settings: Settings) -> kopf.OperatorSettings:
    """Return kopf's settings: watch little, store nothing, say nothing, notice silence."""
    tuned = kopf.OperatorSettings()
    tuned.posting.enabled = False
    tuned.peering.standalone = True
    tuned.scanning.disabled = True  # asks for no permission to read CRDs and namespaces
    tuned.persistence.progress_storage = _NoProgress()
    tuned.persistence.diffbase_storage = _NoDiffBase()
    tuned.queueing.idle_timeout = 0.2  # a worker keeps its last event; ten thousand of them would keep ten thousand
    tuned.watching.inactivity_timeout = settings.client.inactivity_seconds
    tuned.watching.chunk_size = settings.client.list_chunk
    tuned.networking.request_timeout = 60.0
    tuned.networking.error_backoffs = (0.5, 1, 2, 3, 5, 5, 5)
    return tuned
