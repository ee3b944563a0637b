"""Making a Snapshot of a bundle or of a session: by POST, and what is there already is looked at.

What the manifest has as its status is written once it is there, where it says nothing of that yet: the API server takes
no status from who creates an object, nor from who may not write it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from tradeplane_operator.acting.errors import AlreadyExists, Refused
from tradeplane_operator.observing.keys import Key, Kind
from tradeplane_operator.planning.observed import Refusal
from tradeplane_operator.running.status import path_of, write_status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from tradeplane_operator.acting.client import ApiClient
    from tradeplane_operator.observing.index import Index

log = logging.getLogger(__name__)


async def make_snapshot(
    client: ApiClient,
    index: Index,
    key: Key,
    manifest: Mapping[str, Any],
    now: datetime,
    wake: Callable[[Key], None],
) -> Refusal | None:
    """Make a Snapshot, or see the one of its name that is there; return why it was refused. Raises ApiError, Conflict.

    Another pass of the object at ``key``, which is woken, judges and records what was seen.
    """
    found_at = Key(Kind.SNAPSHOT, key.namespace, manifest["metadata"]["name"])
    wanted = {name: value for name, value in manifest.items() if name != "status"}
    try:
        body = await client.create(path_of(found_at).rpartition("/")[0], wanted)
    except AlreadyExists:
        body = await client.get(path_of(found_at))
    except Refused as error:
        log.warning("a Snapshot was refused: %s", error, extra={"key": str(key), "snapshot": found_at.name})
        wake(key)
        return Refusal(error.reason, error.message, now)
    body = await _with_status(client, found_at, body, manifest)
    if index.snapshots.put(body, confirmed=False):
        wake(found_at)
    wake(key)
    if _lacks(body, manifest):
        message = "status.origin is not kept; apply the custom resource definitions of this version"
        return Refusal("StatusNotKept", message, now)
    return None


async def _with_status(
    client: ApiClient, key: Key, body: Mapping[str, Any], manifest: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Write what the status of a Snapshot is to say, where it says nothing of that yet."""
    missing = _lacks(body, manifest)
    written = await write_status(client, key, body, {**(body.get("status") or {}), **missing}) if missing else None
    return body if written is None else written


def _lacks(body: Mapping[str, Any], manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a Snapshot's status is to say and does not; nothing of one that is another, or is going."""
    same = all(body["spec"].get(name) == manifest["spec"][name] for name in ("store", "digest"))
    if not same or "deletionTimestamp" in body["metadata"]:
        return {}
    said = body.get("status") or {}
    return {name: value for name, value in (manifest.get("status") or {}).items() if name not in said}
