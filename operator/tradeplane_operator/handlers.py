"""All that kopf calls: events go into the index, and the keys they concern into the queue. Nothing is decided here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp
import kopf

from tradeplane_operator.acting.access import find_credentials, open_session
from tradeplane_operator.observing.keys import PLURALS, Key, Kind
from tradeplane_operator.observing.relisting import JOBS
from tradeplane_operator.planning.names import GROUP, MANAGED_BY, MANAGED_BY_LABEL, VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import SimpleNamespace

    from tradeplane_operator.observing.index import Index
    from tradeplane_operator.observing.relisting import Relisting
    from tradeplane_operator.running.queue import WorkQueue
    from tradeplane_operator.settings import Settings

_DELETED = "DELETED"


def register(registry: kopf.OperatorRegistry, index: Index, queue: WorkQueue[Key], relisting: Relisting) -> None:
    """Have kopf feed an index and a queue."""

    @kopf.on.event(GROUP, VERSION, PLURALS[Kind.STRATEGY], registry=registry)
    async def on_strategy(event: Mapping[str, Any], **_: Any) -> None:
        key = _observe(index, Kind.STRATEGY, event)
        if key is not None:
            queue.add(key)

    @kopf.on.event(GROUP, VERSION, PLURALS[Kind.SNAPSHOT], registry=registry)
    async def on_snapshot(event: Mapping[str, Any], **_: Any) -> None:
        key = _observe(index, Kind.SNAPSHOT, event)
        if key is not None:
            queue.add(key)
            for reader in index.take_readers(key):
                queue.add(reader)

    @kopf.on.event("batch", "v1", JOBS, registry=registry)
    async def on_job(event: Mapping[str, Any], **_: Any) -> None:
        key = _observe_job(index, event)
        if key is not None:
            queue.add(key)

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.AiohttpSession:
        info = find_credentials()
        session = open_session(info, [_listing_trace(relisting)], authenticated=True)
        return kopf.AiohttpSession(server=info.server, aiohttp_session=session)


def _observe(index: Index, kind: Kind, event: Mapping[str, Any]) -> Key | None:
    """Keep what a watch says of one of our objects; return its key if that is news."""
    body = event["object"]
    known = index.of_kind(kind)
    key = known.key_of(body)
    if event["type"] == _DELETED:
        return key if known.remove(key, body["metadata"]["uid"]) else None
    return key if known.put(body, confirmed=True) else None


def _observe_job(index: Index, event: Mapping[str, Any]) -> Key | None:
    """Keep what a watch says of a Job; return the key of its Strategy if that is news to a plan."""
    metadata = event["object"]["metadata"]
    known = index.jobs.put(event["object"]) if event["type"] != _DELETED else None
    owners = metadata.get("ownerReferences") or ()
    owner = next((owner["name"] for owner in owners if owner.get("kind") == Kind.STRATEGY.value), None)
    if owner is None:
        return None
    key = Key(Kind.STRATEGY, metadata["namespace"], owner)
    if event["type"] == _DELETED:
        record = index.strategies.get(key)
        gone = index.jobs.remove(_owner_uid(metadata), metadata["name"], metadata["uid"])
        return key if gone and record is not None else None
    return key if known is not None else None


def _owner_uid(metadata: Mapping[str, Any]) -> str:
    return next((str(owner["uid"]) for owner in metadata["ownerReferences"] if owner.get("kind") == "Strategy"), "")


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
    tuned.watching.label_selectors["batch", "v1", JOBS] = f"{MANAGED_BY_LABEL}={MANAGED_BY}"
    tuned.networking.request_timeout = 60.0
    tuned.networking.error_backoffs = (0.5, 1, 2, 3, 5, 5, 5)
    return tuned
